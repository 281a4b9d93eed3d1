"""Google Compute Engine: the metadata server, which marks its answers as it wants requests marked."""

from __future__ import annotations

from taximeter_exporter.pricing.metadata.request import NoAnswerError, Service, parse_object, word
from taximeter_exporter.pricing.price import Offer, PricingModel

_FLAVOR = {"Metadata-Flavor": "Google"}


def ask(service: Service) -> Offer:
    """Raises `NoAnswerError`."""
    headers, text = service.request("/computeMetadata/v1/instance/?recursive=true", headers=_FLAVOR)
    if headers.get("metadata-flavor") != "Google":
        raise NoAnswerError("answers without Metadata-Flavor: Google")
    instance = parse_object(text)
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
