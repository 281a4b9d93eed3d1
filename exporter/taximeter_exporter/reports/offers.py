"""Searches prices."""

from __future__ import annotations

from collections.abc import Iterable

from taximeter_exporter.pricing.gpus import Gpu, find_gpu, is_family
from taximeter_exporter.pricing.price import Price, PricingModel


def in_force(prices: Iterable[Price], time_ns: int) -> list[Price]:
    """Those that hold at a time of day (nanoseconds since 1970)."""
    held = [price for price in prices if price.holds_at(time_ns)]
    by_hours = {price.offer for price in held if price.hours is not None}
    return [price for price in held if price.hours is not None or price.offer not in by_hours]


def search(
    prices: Iterable[Price],
    *,
    provider: str | None = None,
    region: str | None = None,
    gpu: Gpu | None = None,
    pricing_model: PricingModel | None = None,
) -> list[Price]:
    """Those that match all of what is given, by GPU and then from the cheapest per GPU on.

    A GPU that stands for a family matches every member of it.
    """
    found = [
        price
        for price in prices
        if provider in (None, price.offer.provider)
        and region in (None, price.offer.region)
        and pricing_model in (None, price.offer.pricing_model)
        and (gpu is None or _is(price, gpu))
    ]
    return sorted(found, key=lambda price: (price.gpu_model, price.currency, price.per_gpu(), str(price.offer)))


def _is(price: Price, gpu: Gpu) -> bool:
    has = find_gpu(price.gpu_model) if price.gpus else None
    return has is not None and (has.model == gpu.model or (is_family(gpu) and has.family == gpu.family))


def dated(price: Price, time_ns: int) -> str:
    """How old a price is, for a person: its date, and whether it is to be doubted."""
    words = [str(price.as_of) if price.as_of else "undated"]
    if is_stale(price, time_ns):
        words.append("stale")
    if price.low_confidence:
        words.append("uncertain")
    return ", ".join(words)


def is_stale(price: Price, time_ns: int) -> bool:
    """Whether it is too old to be trusted at a time of day."""
    start = price.stale_ns()
    return start is not None and start <= time_ns


def facts(price: Price, time_ns: int) -> dict[str, object]:
    """What a reader needs to know to judge a price, for JSON."""
    return {
        "provider": price.offer.provider,
        "region": price.offer.region,
        "instance_type": price.offer.instance_type,
        "pricing_model": str(price.offer.pricing_model),
        "gpu_model": price.gpu_model,
        "gpus": price.gpus,
        "vcpus": price.vcpus,
        "memory_gb": price.memory_gb,
        "per_hour": {price.currency: str(price.per_hour)},
        "discount_percent": None if price.discount_percent is None else str(price.discount_percent),
        "as_of": None if price.as_of is None else str(price.as_of),
        "stale": is_stale(price, time_ns),
        "confidence": "low" if price.low_confidence else "as_stated",
        "gpu_only": price.gpu_only,
        "origin": price.origin,
        "source": price.source,
        "note": price.note,
    }
