"""The market for the GPUs that are here: what one of them costs an hour elsewhere, on which terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from taximeter_exporter.devices.reading import Device, DeviceKind
from taximeter_exporter.pricing.gpus import Gpu, find_gpu, may_be
from taximeter_exporter.pricing.price import Price
from taximeter_exporter.reports.compare import Elsewhere, Work, compare


@dataclass(frozen=True, slots=True)
class Market:
    """What is offered in place of the GPUs that are here."""

    models: tuple[tuple[Device, Gpu], ...]
    """Which GPU of the catalog each device is, or is a part of."""
    offers: tuple[Elsewhere, ...]
    """An hour of one GPU of each of these models: the cheapest of each provider on each of its terms, by currency."""


def market(devices: Iterable[Device], here: Iterable[Price], prices: Iterable[Price]) -> Market:
    """The market for these devices at `prices`, all of which are in force.

    `here` are the prices of this machine: they tell which GPU it has where the driver's name for it is not known.
    """
    prices = tuple(prices)
    priced = next((gpu for price in here if (gpu := find_gpu(price.gpu_model)) is not None), None)
    found = ((device, find_gpu(device.model) or priced) for device in devices if device.kind is DeviceKind.GPU)
    models = tuple((device, gpu) for device, gpu in found if gpu is not None)
    return Market(models, tuple(_cheapest({gpu: None for _, gpu in models}, prices)))


def _cheapest(gpus: Iterable[Gpu], prices: tuple[Price, ...]) -> Iterable[Elsewhere]:
    cheapest: dict[tuple[str, ...], Elsewhere] = {}
    for gpu in gpus:
        for entry in compare(Work(gpu=gpu, gpus=Fraction(1), hours=Fraction(1)), prices):
            if may_be(entry.gpu, gpu):
                offer = entry.price.offer
                key = (entry.gpu.model, offer.provider, offer.pricing_model, entry.price.currency)
                # of one GPU they come from the cheapest on
                cheapest.setdefault(key, entry)
    return cheapest.values()
