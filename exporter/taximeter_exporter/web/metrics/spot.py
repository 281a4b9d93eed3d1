"""A spot machine: whether the cloud is about to take it back."""

from __future__ import annotations

from taximeter_exporter.web.metrics.spec import MetricSpec

RECLAIM = MetricSpec(
    "host_reclaim_timestamp_seconds",
    "When the cloud will take the machine, and how (`action`); absent while that is not announced. AWS and Azure tell"
    " the moment; at Google Cloud it is 30 seconds after a preemption, or 60 after a maintenance, was first seen"
    " announced; an event of Azure that has started is of the moment at which that was seen.",
    "AWS: spot/instance-action; Azure: scheduledevents (Preempt, Terminate); Google Cloud: preempted,"
    " maintenance-event",
    ("provider", "action"),
)
REBALANCE = MetricSpec(
    "host_rebalance_timestamp_seconds",
    "When the cloud said that the machine is more likely to be taken soon; absent if it did not.",
    "AWS: events/recommendations/rebalance",
    ("provider",),
)
WATCHED = MetricSpec(
    "host_reclaim_watched",
    "1 if the cloud's metadata service answered the last time that it was asked, else 0; absent where the machine is"
    " not spot, or its provider has none.",
    "the cloud's metadata service",
    ("provider",),
)

ALL = (RECLAIM, REBALANCE, WATCHED)
