"""Microsoft Azure: instance metadata service."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.pricing.metadata.announced import Announced, Notice
from taximeter_exporter.pricing.metadata.request import NoAnswerError, Service, parse_object, word
from taximeter_exporter.pricing.price import Offer, PricingModel

_EVENTS = "/metadata/scheduledevents?api-version=2020-07-01"
_COMPUTE = "/metadata/instance/compute?api-version=2021-02-01"
_TAKING = {"Preempt": "preempt", "Terminate": "terminate"}


def ask(service: Service) -> Offer:
    """Raises `NoAnswerError`."""
    compute = _get(service, _COMPUTE)
    return Offer(
        provider="azure",
        region=word(compute, "location"),
        instance_type=word(compute, "vmSize").removeprefix("Standard_"),
        pricing_model=PricingModel.SPOT if compute.get("priority") in ("Spot", "Low") else PricingModel.ON_DEMAND,
    )


def announced(service: Service) -> Announced:
    """Whether a spot VM is about to be evicted, or deleted with its scale set.

    Every VM of a scale set or availability set may be told the events of all, so `Resources` must name this one.
    `NotBefore` has the earliest moment, at least 30 seconds ahead, and is blank once the event has started. The first
    request switches the service on and may wait for up to two minutes, after which events come within five.
    Sources: Azure documentation, "Scheduled Events for Linux VMs"; Azure Architecture Center, "Build workloads on spot
    virtual machines" (30 seconds).

    Raises `NoAnswerError`.
    """
    events = _get(service, _EVENTS).get("Events")
    if not isinstance(events, list):
        raise NoAnswerError("answers without Events")
    taking = [event for event in events if isinstance(event, dict) and str(event.get("EventType")) in _TAKING]
    if taking:
        name = word(_get(service, _COMPUTE), "name").casefold()
        for event in taking:
            resources = event.get("Resources")
            if isinstance(resources, list) and name in (str(resource).casefold() for resource in resources):
                return Announced(reclaim=Notice(_TAKING[str(event["EventType"])], _not_before(event)))
    return Announced()


def _get(service: Service, path: str) -> dict[str, Any]:
    _, text = service.request(path, headers={"Metadata": "true"})
    return parse_object(text)


def _not_before(event: Mapping[str, Any]) -> int | None:
    """Nanoseconds since 1970 of a time such as Mon, 19 Sep 2016 18:29:47 GMT; `None` if the event has started."""
    text = event.get("NotBefore")
    if not text:
        return None
    try:
        return int(parsedate_to_datetime(str(text)).timestamp()) * NS_PER_SECOND
    except ValueError as error:
        raise NoAnswerError("answers NotBefore that is no time") from error
