"""Amazon EC2: instance metadata service, version 2 (a session token first)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.pricing.metadata.announced import Announced, Notice
from taximeter_exporter.pricing.metadata.request import NoAnswerError, NotThereError, Service, parse_object, word
from taximeter_exporter.pricing.price import Offer, PricingModel

_LIFE_CYCLES = {"spot": PricingModel.SPOT, "capacity-block": PricingModel.CAPACITY_BLOCK}


def ask(service: Service) -> Offer:
    """Raises `NoAnswerError`."""
    headers = _token(service)
    _, text = service.request("/latest/dynamic/instance-identity/document", headers=headers)
    document = parse_object(text)
    _, life_cycle = service.request("/latest/meta-data/instance-life-cycle", headers=headers)
    return Offer(
        provider="aws",
        region=word(document, "region"),
        instance_type=word(document, "instanceType"),
        pricing_model=_LIFE_CYCLES.get(life_cycle.strip(), PricingModel.ON_DEMAND),
    )


def announced(service: Service) -> Announced:
    """Whether a spot instance is about to be interrupted, and whether that has become more likely.

    Both paths answer 404 until there is something to say. `spot/instance-action` has what will happen (stop, terminate,
    hibernate) and about when, as a rule two minutes ahead; AWS advises to ask every five seconds, and promises neither
    notice. `events/recommendations/rebalance` has when a rebalance was recommended, which may come sooner.
    Source: Amazon EC2 user guide, "Spot Instance interruption notices" and "EC2 instance rebalance recommendations".

    Raises `NoAnswerError`.
    """
    headers = _token(service)
    action = _item(service, "spot/instance-action", headers)
    rebalance = _item(service, "events/recommendations/rebalance", headers)
    return Announced(
        reclaim=None if action is None else Notice(word(action, "action"), _moment(action, "time")),
        rebalance_ns=None if rebalance is None else _moment(rebalance, "noticeTime"),
    )


def _token(service: Service) -> dict[str, str]:
    """A session's token, as the header that carries it."""
    _, token = service.request(
        "/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    )
    # what is not one word cannot be a token, nor be sent in a header
    if not token or len(token) > 1024 or not token.isascii() or not token.isprintable() or " " in token:
        raise NoAnswerError("answers without a token")
    return {"X-aws-ec2-metadata-token": token}


def _item(service: Service, path: str, headers: Mapping[str, str]) -> dict[str, object] | None:
    try:
        _, text = service.request(f"/latest/meta-data/{path}", headers=headers)
    except NotThereError:
        return None
    return parse_object(text)


def _moment(item: Mapping[str, object], name: str) -> int:
    """Nanoseconds since 1970 of a time such as 2017-09-18T08:22:00Z."""
    try:
        moment = datetime.fromisoformat(word(item, name))
    except ValueError as error:
        raise NoAnswerError(f"answers without {name}") from error
    if moment.tzinfo is None:
        raise NoAnswerError(f"answers {name} without its time zone")
    return int(moment.timestamp()) * NS_PER_SECOND
