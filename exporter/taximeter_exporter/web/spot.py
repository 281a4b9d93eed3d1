"""From what a cloud announces to metrics."""

from __future__ import annotations

from collections.abc import Iterator

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.pricing.metadata.reclaim import Reclaim
from taximeter_exporter.web.metrics import MetricSpec, Samples
from taximeter_exporter.web.metrics import spot as metrics


def reclaim_samples(reclaim: Reclaim) -> Iterator[tuple[MetricSpec, Samples]]:
    """Whether the machine is about to be taken, and whether that could be known."""
    if reclaim.action is not None and reclaim.at_ns is not None:
        yield metrics.RECLAIM, [((reclaim.provider, reclaim.action), reclaim.at_ns / NS_PER_SECOND)]
    if reclaim.rebalance_ns is not None:
        yield metrics.REBALANCE, [((reclaim.provider,), reclaim.rebalance_ns / NS_PER_SECOND)]
    yield metrics.WATCHED, [((reclaim.provider,), float(reclaim.answered))]
