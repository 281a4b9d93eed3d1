"""Finds what this machine costs, now and at every other time."""

from __future__ import annotations

import difflib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from taximeter_exporter.devices.reading import Device, DeviceKind
from taximeter_exporter.pricing.price import Offer, Price, Rate

_SHOWN = 12
"""So many names fit in one line."""


class PriceError(ValueError):
    """The prices do not say what this machine costs. `field` is the configuration's field at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Schedule:
    """The rate of one device over time: `changes[i]` (nanoseconds since 1970) is when `rates[i + 1]` begins."""

    changes: tuple[int, ...]
    rates: tuple[Rate | None, ...]
    """One longer than `changes`; `None` is a time without a price."""

    def at(self, time_ns: int) -> Rate | None:
        """The rate at a time of day; `None` if there is no price then."""
        return self.rates[bisect_right(self.changes, time_ns)]

    def changes_between(self, start_ns: int, end_ns: int) -> Sequence[int]:
        """The moments strictly between the two at which the rate changes."""
        return self.changes[bisect_right(self.changes, start_ns) : bisect_right(self.changes, end_ns - 1)]


def find_prices(offer: Offer, prices: Iterable[Price]) -> tuple[Price, ...]:
    """The prices of an offer, by the day from which they hold.

    Raises `PriceError` if there is none, naming the field of `host` that matches no price.
    """
    prices = tuple(prices)
    found = [price for price in prices if price.offer == offer]
    if not found:
        raise _no_price(offer, [price.offer for price in prices])
    return tuple(sorted(found, key=lambda price: price.effective_from or date.min))


def schedule_for(prices: Sequence[Price], devices: Sequence[Device]) -> Schedule:
    """The rate over time of each of the devices of one machine; they share its price equally.

    The price of an instance with N GPUs goes in N parts, also when fewer of them are to be seen here (a container may
    be given some of them only). Without GPUs the host is the one device and bears the whole price.

    Raises `PriceError` if there are more GPUs here than the price covers.
    """
    changes: list[int] = []
    rates: list[Rate | None] = [None]
    for price in prices:
        start, end = price.start_ns(), price.end_ns()
        rate = _rate(price, devices)
        if start is None or (changes and changes[-1] == start):
            rates[-1] = rate
        else:
            changes.append(start)
            rates.append(rate)
        if end is not None:
            changes.append(end)
            rates.append(None)
    return Schedule(tuple(changes), tuple(rates))


def _rate(price: Price, devices: Sequence[Device]) -> Rate:
    gpus = sum(device.kind is DeviceKind.GPU and device.parent is None for device in devices)
    if gpus > price.gpus:
        raise PriceError(
            "prices[].gpus",
            f"the price of {price.offer} covers {price.gpus} GPUs, but there are {gpus} here; say in `gpus` how many"
            " GPUs the instance has",
        )
    return Rate(
        offer=price.offer,
        price=price.per_hour,
        devices=price.gpus if gpus else 1,
        currency=price.currency,
        as_of=price.as_of,
        stale_from=price.stale_from,
    )


def hint(wanted: str, known: Iterable[str]) -> str:
    """What may have been meant, or else what there is."""
    options = sorted(known)
    close = difflib.get_close_matches(wanted, options, n=3)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}"
    more = f" and {len(options) - _SHOWN} more" if len(options) > _SHOWN else ""
    return f"there are prices for {', '.join(options[:_SHOWN]) or 'nothing'}{more}"


def _no_price(offer: Offer, known: Sequence[Offer]) -> PriceError:
    """Names the first field, from the provider on, for which nothing matches any more."""
    candidates = list(known)
    for field in ("provider", "region", "instance_type", "pricing_model"):
        wanted = str(getattr(offer, field))
        options = sorted({str(getattr(candidate, field)) for candidate in candidates})
        candidates = [candidate for candidate in candidates if str(getattr(candidate, field)) == wanted]
        if not candidates:
            return PriceError(
                f"host.{field}",
                f"no price for {wanted!r} ({hint(wanted, options)}); correct it, or add its price under `prices`",
            )
    raise AssertionError("the offer is priced")
