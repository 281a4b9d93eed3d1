"""Finds what this machine costs, now and at every other time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from taximeter_exporter.devices.reading import Device, DeviceKind
from taximeter_exporter.pricing.hours import Hours
from taximeter_exporter.pricing.price import Offer, Price, Rate

_SHOWN = 12
"""So many names fit in one line."""


class PriceError(ValueError):
    """The prices do not say what this machine costs. `field` is the configuration's field at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Tariff:
    """A rate that holds at some hours."""

    hours: Hours
    rate: Rate | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """The rate of one device over time: `changes[i]` (nanoseconds since 1970) is when `rates[i + 1]` begins."""

    changes: tuple[int, ...]
    rates: tuple[Rate | None, ...]
    """One longer than `changes`; `None` is a time without a price."""
    tariffs: tuple[tuple[Tariff, ...], ...] = ()
    """For each of `rates` those that go before it, at their hours; empty where no price has hours."""

    def at(self, time_ns: int) -> Rate | None:
        """The rate at a time of day; `None` if there is no price then."""
        place = bisect_right(self.changes, time_ns)
        for tariff in self.tariffs[place] if self.tariffs else ():
            if tariff.hours.hold_at(time_ns):
                return tariff.rate
        return self.rates[place]

    def changes_between(self, start_ns: int, end_ns: int) -> Sequence[int]:
        """The moments strictly between the two at which the rate may change, ascending."""
        dated = self.changes[bisect_right(self.changes, start_ns) : bisect_right(self.changes, end_ns - 1)]
        if not self.tariffs:
            return dated
        # the tariffs of the first of these times, and of every other
        first = bisect_right(self.changes, start_ns)
        hours = {tariff.hours for tariffs in self.tariffs[first : first + len(dated) + 1] for tariff in tariffs}
        return sorted({*dated, *(edge for each in hours for edge in each.edges_between(start_ns, end_ns))})

    def varies_between(self, start_ns: int, end_ns: int) -> bool:
        """Whether by its dates or its hours the rate may change between the two."""
        first, after = bisect_right(self.changes, start_ns), bisect_right(self.changes, end_ns - 1)
        return after > first or bool(self.tariffs and self.tariffs[first])

    def then(self, time_ns: int, other: Schedule) -> Schedule:
        """This one up to a time of day (nanoseconds since 1970), and another one from then on."""
        kept, first = bisect_left(self.changes, time_ns), bisect_right(other.changes, time_ns)
        tariffs: tuple[tuple[Tariff, ...], ...] = ()
        if self.tariffs or other.tariffs:
            tariffs = self._tariffs()[: kept + 1] + other._tariffs()[first:]
        return Schedule(
            (*self.changes[:kept], time_ns, *other.changes[first:]),
            self.rates[: kept + 1] + other.rates[first:],
            tariffs,
        )

    def map(self, change: Callable[[Rate], Rate | None]) -> Schedule:
        """The same with other rates."""
        return Schedule(
            self.changes,
            tuple(rate and change(rate) for rate in self.rates),
            tuple(
                tuple(Tariff(tariff.hours, tariff.rate and change(tariff.rate)) for tariff in tariffs)
                for tariffs in self.tariffs
            ),
        )

    def lasting(self, time_ns: int) -> Schedule:
        """The same, but what holds at a time of day or later goes on where no price follows it, until one does."""
        tariffs = self._tariffs()
        kept = [
            place
            for place, change in enumerate(self.changes, start=1)
            if change <= time_ns or self.rates[place] is not None or tariffs[place]
        ]
        return Schedule(
            tuple(self.changes[place - 1] for place in kept),
            tuple(self.rates[place] for place in (0, *kept)),
            tuple(tariffs[place] for place in (0, *kept)) if self.tariffs else (),
        )

    def _tariffs(self) -> tuple[tuple[Tariff, ...], ...]:
        """As many as there are of `rates`."""
        return self.tariffs or ((),) * len(self.rates)

    def every_rate(self) -> Iterator[Rate | None]:
        """All that it can be, in an order that `map` keeps."""
        yield from self.rates
        for tariffs in self.tariffs:
            yield from (tariff.rate for tariff in tariffs)


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
    moments = {moment for price in prices for moment in (price.start_ns(), price.end_ns())}
    changes = sorted(moment for moment in moments if moment is not None)
    rates = {id(price): _rate(price, devices) for price in prices}
    plain: list[Rate | None] = []
    tariffs: list[tuple[Tariff, ...]] = []
    for start_ns in (changes[0] - 1 if changes else 0, *changes):
        held = [price for price in prices if price.is_dated(start_ns)]
        plain.append(next((rates[id(price)] for price in held if price.hours is None), None))
        tariffs.append(tuple(Tariff(price.hours, rates[id(price)]) for price in held if price.hours is not None))
    return Schedule(tuple(changes), tuple(plain), tuple(tariffs) if any(tariffs) else ())


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
    # Where nothing is mistyped, nobody shall carry it.
    import difflib  # noqa: PLC0415

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
