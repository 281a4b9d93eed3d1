"""Amazon EC2: instance metadata service, version 2 (a session token first)."""

from __future__ import annotations

from taximeter_exporter.pricing.metadata.request import NoAnswerError, Service, parse_object, word
from taximeter_exporter.pricing.price import Offer, PricingModel

_LIFE_CYCLES = {"spot": PricingModel.SPOT, "capacity-block": PricingModel.CAPACITY_BLOCK}


def ask(service: Service) -> Offer:
    """Raises `NoAnswerError`."""
    _, token = service.request(
        "/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    )
    # what is not one word cannot be a token, nor be sent in a header
    if not token or len(token) > 1024 or not token.isascii() or not token.isprintable() or " " in token:
        raise NoAnswerError("answers without a token")
    headers = {"X-aws-ec2-metadata-token": token}
    _, text = service.request("/latest/dynamic/instance-identity/document", headers=headers)
    document = parse_object(text)
    _, life_cycle = service.request("/latest/meta-data/instance-life-cycle", headers=headers)
    return Offer(
        provider="aws",
        region=word(document, "region"),
        instance_type=word(document, "instanceType"),
        pricing_model=_LIFE_CYCLES.get(life_cycle.strip(), PricingModel.ON_DEMAND),
    )
