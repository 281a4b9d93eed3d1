"""Google Compute Engine: the metadata server, which marks its answers as it wants requests marked."""

from __future__ import annotations

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.pricing.metadata.announced import Announced, Notice
from taximeter_exporter.pricing.metadata.request import NoAnswerError, Service, parse_object, word
from taximeter_exporter.pricing.price import Offer, PricingModel

_FLAVOR = {"Metadata-Flavor": "Google"}
_PREEMPTED_NS = 30 * NS_PER_SECOND
_MAINTENANCE_NS = 60 * NS_PER_SECOND


def ask(service: Service) -> Offer:
    """Raises `NoAnswerError`."""
    instance = parse_object(_get(service, "?recursive=true"))
    # projects/NUMBER/zones/us-central1-a, projects/NUMBER/machineTypes/a2-highgpu-1g
    zone = word(instance, "zone").rsplit("/", 1)[-1]
    scheduling = instance.get("scheduling")
    if not isinstance(scheduling, dict):
        scheduling = {}
    spot = scheduling.get("preemptible") == "TRUE" or scheduling.get("provisioningModel") == "SPOT"
    return Offer(
        provider="google",
        region=zone.rpartition("-")[0],
        instance_type=word(instance, "machineType").rsplit("/", 1)[-1],
        pricing_model=PricingModel.SPOT if spot else PricingModel.ON_DEMAND,
    )


def announced(service: Service) -> Announced:
    """Whether a spot VM is being preempted, or its host is about to be maintained, which no spot VM survives.

    `preempted` turns to TRUE when preemption begins; the machine is switched off up to 30 seconds later.
    `maintenance-event` turns to TERMINATE_ON_HOST_MAINTENANCE 60 seconds before, if it is itself asked for. Neither
    says when. Sources: Compute Engine documentation, "Create and use preemptible VMs" and "Query metadata server for
    maintenance event notices"; its API, `skipGuestOsShutdown` (30 seconds from ACPI G2 to G3 for Spot VMs).

    Raises `NoAnswerError`.
    """
    if _get(service, "preempted").strip() == "TRUE":
        return Announced(reclaim=Notice("preempt", None, _PREEMPTED_NS))
    if _get(service, "maintenance-event").strip() == "TERMINATE_ON_HOST_MAINTENANCE":
        return Announced(reclaim=Notice("maintenance", None, _MAINTENANCE_NS))
    return Announced()


def _get(service: Service, path: str) -> str:
    headers, text = service.request(f"/computeMetadata/v1/instance/{path}", headers=_FLAVOR)
    if headers.get("metadata-flavor") != "Google":
        raise NoAnswerError("answers without Metadata-Flavor: Google")
    return text
