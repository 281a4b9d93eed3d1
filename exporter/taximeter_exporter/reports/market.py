"""The market for the GPUs that are here: what one of them costs an hour elsewhere, and which smaller one would do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from taximeter_exporter.devices.reading import Device, DeviceKind
from taximeter_exporter.pricing.gpus import Gpu, find_gpu, may_be
from taximeter_exporter.pricing.price import Offer, Price, Rate
from taximeter_exporter.reports.compare import Elsewhere, Work, compare

_MARGIN = Fraction(6, 5)
"""So much more memory than was ever in use a smaller GPU must have."""
_BYTES_PER_GB = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A device that is here."""

    device: Device
    rate: Rate | None = None
    """What it costs now; `None`: no price is known."""
    peak_bytes: int | None = None
    """The most of its memory that was in use; `None`: not known, or not for long enough."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the GPUs that are here are, on which terms, and which they are."""

    offer: Offer
    gpu: Gpu | None
    """`None` if they are not all of one model, or one is divided into MIG instances."""


@dataclass(frozen=True, slots=True)
class Market:
    """What is offered in place of the GPUs that are here."""

    machine: Machine | None = None
    """`None`: no price is known."""
    models: tuple[tuple[Device, Gpu], ...] = ()
    """Which GPU of the catalog each device is, or is a part of."""
    offers: tuple[Elsewhere, ...] = ()
    """An hour of one GPU of each of these models: the cheapest of each provider on each of its terms, by currency."""
    smaller: tuple[tuple[Device, Elsewhere], ...] = ()
    """The GPU with less memory that would do for a device, and would do the same work for less."""


def market(holdings: Iterable[Holding], here: Iterable[Price], prices: Iterable[Price]) -> Market:
    """The market for these devices at `prices`, all of which are in force.

    `here` are the prices of this machine: they tell which GPU it has where the driver's name for it is not known.
    """
    holdings, prices = tuple(holdings), tuple(prices)
    rates = [holding.rate for holding in holdings if holding.rate is not None]
    priced = next((gpu for price in here if (gpu := find_gpu(price.gpu_model)) is not None), None)
    gpus = [holding for holding in holdings if holding.device.kind is DeviceKind.GPU]
    found = [(holding, find_gpu(holding.device.model) or priced) for holding in gpus]
    known = [(holding, gpu) for holding, gpu in found if gpu is not None]
    # an hour of each, everywhere
    hours = {
        gpu: compare(Work(gpu=gpu, gpus=Fraction(1), hours=Fraction(1)), prices)
        for gpu in dict.fromkeys(gpu for _, gpu in known)
    }
    smaller = ((holding.device, _smaller(holding, gpu, hours[gpu])) for holding, gpu in known)
    return Market(
        machine=_machine(rates, found),
        models=tuple((holding.device, gpu) for holding, gpu in known),
        offers=tuple(_cheapest(hours)),
        smaller=tuple((device, entry) for device, entry in smaller if entry is not None),
    )


def _machine(rates: Sequence[Rate], found: Sequence[tuple[Holding, Gpu | None]]) -> Machine | None:
    if not rates:
        return None
    gpus = {gpu if holding.device.parent is None else None for holding, gpu in found}
    return Machine(rates[0].offer, gpus.pop() if len(gpus) == 1 else None)


def _cheapest(hours: Mapping[Gpu, Sequence[Elsewhere]]) -> Iterator[Elsewhere]:
    seen: set[tuple[str, ...]] = set()
    for wanted, entries in hours.items():
        # of one GPU they come from the cheapest on
        for entry in entries:
            offer = entry.price.offer
            key = (entry.gpu.model, offer.provider, offer.pricing_model, entry.price.currency)
            if may_be(entry.gpu, wanted) and key not in seen:
                seen.add(key)
                yield entry


def _smaller(holding: Holding, gpu: Gpu, hour: Sequence[Elsewhere]) -> Elsewhere | None:
    """Of all GPUs that have less memory, and enough, the one that does an hour's work for the least.

    On the same terms and in the same currency, at the same provider if it has one, and in an instance with no more GPUs
    than are paid for here. Both its hour and the same work on it, by the data sheets' throughput, must cost less: else
    a slower GPU would seem cheap that takes longer than it saves. A part of a GPU cannot be given back alone.
    """
    rate, peak_bytes = holding.rate, holding.peak_bytes
    if rate is None or peak_bytes is None or rate.part != 1:
        return None
    per_hour, needed_bytes = rate.device_per_hour(), peak_bytes * _MARGIN
    fitting = [
        entry
        for entry in hour
        if entry.gpu.memory_gb < gpu.memory_gb
        and needed_bytes <= entry.gpu.memory_gb * _BYTES_PER_GB
        and (entry.price.offer.pricing_model, entry.price.currency) == (rate.offer.pricing_model, rate.currency)
        and entry.price.gpus <= rate.devices
        and max(entry.price.per_gpu(), entry.cost) < per_hour
    ]
    return min(
        fitting,
        key=lambda entry: (entry.price.offer.provider != rate.offer.provider, entry.cost, str(entry.price.offer)),
        default=None,
    )
