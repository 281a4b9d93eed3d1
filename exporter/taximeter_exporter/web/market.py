"""From the market to metrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.pricing.price import Price, midnight_ns
from taximeter_exporter.reports.compare import Elsewhere
from taximeter_exporter.reports.market import Machine, Market
from taximeter_exporter.web.metrics import MetricSpec, Samples
from taximeter_exporter.web.metrics import market as metrics


def market_samples(market: Market) -> Iterator[tuple[MetricSpec, Samples]]:
    """Which GPUs are here, and what others ask for such."""
    yield metrics.MACHINE_INFO, [] if market.machine is None else [(_of_machine(market.machine), 1)]
    yield metrics.MODEL_INFO, [((device.index, device.uuid, gpu.model), 1) for device, gpu in market.models]
    offers = [(_labels(entry), entry.price) for entry in market.offers]
    yield metrics.OFFER_PRICE, [(labels, float(price.per_gpu())) for labels, price in offers]
    dates = [(labels, midnight_ns(price.as_of)) for labels, price in offers]
    yield metrics.OFFER_AS_OF, [(labels, date / NS_PER_SECOND) for labels, date in dates if date is not None]
    smaller = [((device.uuid, *_of_smaller(entry)), entry) for device, entry in market.smaller]
    yield metrics.SMALLER_PRICE, [(labels, float(entry.price.per_gpu())) for labels, entry in smaller]
    yield metrics.SMALLER_THROUGHPUT, [(labels, float(entry.ratio)) for labels, entry in smaller]


def _of_machine(machine: Machine) -> tuple[str, ...]:
    offer, gpu = machine.offer, machine.gpu
    return offer.provider, offer.instance_type, offer.pricing_model, "" if gpu is None else gpu.model


def _of_smaller(entry: Elsewhere) -> tuple[str, ...]:
    offer = entry.price.offer
    return (
        entry.gpu.model,
        offer.provider,
        offer.region,
        offer.instance_type,
        offer.pricing_model,
        entry.price.currency,
    )


def _labels(entry: Elsewhere) -> tuple[str, ...]:
    price, offer = entry.price, entry.price.offer
    return (
        entry.gpu.model,
        offer.provider,
        offer.region,
        offer.instance_type,
        str(price.gpus),
        offer.pricing_model,
        price.currency,
        _source(price),
        "low" if price.low_confidence else "as_stated",
    )


def _source(price: Price) -> str:
    """What the price says itself, else the name of its file: in which folder that lies is nobody's business."""
    return price.source or PurePath(price.origin).name
