"""Microsoft Azure: instance metadata service."""

from __future__ import annotations

from taximeter_exporter.pricing.metadata.request import Service, parse_object, word
from taximeter_exporter.pricing.price import Offer, PricingModel


def ask(service: Service) -> Offer:
    """Raises `NoAnswerError`."""
    _, text = service.request("/metadata/instance/compute?api-version=2021-02-01", headers={"Metadata": "true"})
    compute = parse_object(text)
    return Offer(
        provider="azure",
        region=word(compute, "location"),
        instance_type=word(compute, "vmSize").removeprefix("Standard_"),
        pricing_model=PricingModel.SPOT if compute.get("priority") in ("Spot", "Low") else PricingModel.ON_DEMAND,
    )
