"""A price: what one instance costs by the hour, from when, and in which currency."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import combinations, pairwise

from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.pricing.hours import Hours


class PricingModel(StrEnum):
    """On which terms an instance is paid for."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"
    RESERVED_1Y = "reserved_1y"
    RESERVED_3Y = "reserved_3y"
    COMMITTED_1Y = "committed_1y"
    COMMITTED_3Y = "committed_3y"
    CAPACITY_BLOCK = "capacity_block"
    LEASED = "leased"
    OWNED = "owned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is bought: an instance type of a provider in a region on some terms."""

    provider: str
    region: str
    instance_type: str
    pricing_model: PricingModel

    def __str__(self) -> str:
        return f"{self.provider} {self.instance_type} in {self.region}, {self.pricing_model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What an offer costs from one day to another (UTC midnights; `effective_to` is the first day without it)."""

    offer: Offer
    per_hour: Decimal
    """The whole instance, in `currency` per hour."""
    currency: str
    """ISO 4217."""
    gpus: int = 0
    """How many GPUs the instance has, and so the price covers."""
    gpu_model: str = ""
    """As `pricing/gpus.yaml` names it, for instance `A100-80`; an own price may name any other."""
    effective_from: date | None = None
    """`None`: since ever."""
    effective_to: date | None = None
    """`None`: until further notice."""
    as_of: date | None = None
    """The earliest day on which the source can have said so; `None`: undated."""
    source: str = ""
    """Where the figure was read."""
    stale_from: date | None = None
    """The first day on which it is too old to be trusted; `None`: it does not age."""
    origin: str = ""
    """The file that says so: the configuration, a catalog of the user's, or the shipped catalog."""
    note: str = ""
    """What a reader of the figure should know."""
    low_confidence: bool = False
    """The source gives it as rounded, approximate, or as a range."""
    gpu_only: bool = False
    """It covers the GPUs alone; the machine that they are attached to costs extra."""
    vcpus: int | None = None
    memory_gb: int | None = None
    """The host's memory."""
    discount_percent: Decimal | None = None
    """What has been taken off the list price."""
    hours: Hours | None = None
    """When in the week it holds; `None`: whenever no other price of the offer does."""

    def per_gpu(self) -> Fraction:
        """One GPU's part of it, in `currency` per hour, exact; the whole where there is none."""
        return Fraction(self.per_hour) / (self.gpus or 1)

    def holds_at(self, time_ns: int) -> bool:
        """Whether a time of day (nanoseconds since 1970) is within its days and its hours."""
        return self.is_dated(time_ns) and (self.hours is None or self.hours.hold_at(time_ns))

    def is_dated(self, time_ns: int) -> bool:
        """Whether a time of day is within its days."""
        start, end = self.start_ns(), self.end_ns()
        return (start is None or start <= time_ns) and (end is None or time_ns < end)

    def start_ns(self) -> int | None:
        """When it begins, in nanoseconds since 1970; `None` if it always was."""
        return midnight_ns(self.effective_from)

    def stale_ns(self) -> int | None:
        """From when it is stale, in nanoseconds since 1970; `None` if it does not age."""
        return midnight_ns(self.stale_from)

    def end_ns(self) -> int | None:
        """When it ends, in nanoseconds since 1970; `None` if it does not."""
        return midnight_ns(self.effective_to)


class Unit(StrEnum):
    """By what a price is counted."""

    HOUR = "hour"
    """Of an instance; the quantity is nanoseconds."""
    GB_MONTH = "gb_month"
    """A GB kept for 730 hours, a twelfth of a year, as price lists have it; the quantity is nanoseconds."""

    GB = "gb"
    """A GB moved, 10^9 bytes as SI has it (some price lists mean 2^30, 7% more); the quantity is bytes."""


_QUANTITY = {Unit.HOUR: NS_PER_HOUR, Unit.GB_MONTH: 730 * NS_PER_HOUR, Unit.GB: 10**9}
"""What of a quantity is one unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one device costs by the hour, an equal part of an instance's price; or what data costs by the GB."""

    offer: Offer
    price: Decimal
    """Of one unit: of the whole instance by the hour, of a GB by the month or once."""
    unit: Unit = Unit.HOUR
    devices: int = 1
    """Into how many equal parts the instance's price goes, at least 1."""
    currency: str
    part: Fraction = Fraction(1)
    """How much it is of one of those: 1 for a device, or less for a MIG instance; for a volume its GB."""
    # How old the price is says nothing about what it is: the ledger keeps one rate, whenever it was read again.
    as_of: date | None = field(default=None, compare=False)
    """See `Price.as_of`."""
    stale_from: date | None = field(default=None, compare=False)
    """See `Price.stale_from`."""
    _each: Fraction = field(init=False, repr=False, compare=False)
    """What one of a quantity costs."""
    _hourly: Fraction = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        each = Fraction(self.price) * self.part / (self.devices * _QUANTITY[self.unit])
        object.__setattr__(self, "_each", each)
        object.__setattr__(self, "_hourly", each * NS_PER_HOUR)

    def device_per_hour(self) -> Fraction:
        """One device's part of the instance's price, or a volume's, in `currency` per hour, exact."""
        return self._hourly

    def cost(self, quantity: int) -> Fraction:
        """What a quantity of it costs, in `currency`, exact."""
        return self._each * quantity

    def age_ns(self, time_ns: int) -> int | None:
        """How old the price is at a time of day, in nanoseconds; `None` if it is undated."""
        start = midnight_ns(self.as_of)
        return None if start is None else max(time_ns - start, 0)

    def stale_at(self, time_ns: int) -> bool:
        """Whether it is too old to be trusted at a time of day."""
        start = midnight_ns(self.stale_from)
        return start is not None and start <= time_ns


def overlapping(prices: Iterable[Price]) -> Iterator[tuple[Price, Price]]:
    """Prices of the same offer that hold at the same time, the later one second.

    One with hours and one without do not overlap: the first goes before the second.
    """
    by_offer: dict[Offer, list[Price]] = {}
    for price in prices:
        by_offer.setdefault(price.offer, []).append(price)
    for group in by_offer.values():
        group.sort(key=lambda price: price.effective_from or date.min)
        by_hours = [price for price in group if price.hours is not None]
        for earlier, later in (*pairwise(price for price in group if price.hours is None), *combinations(by_hours, 2)):
            if (earlier.effective_to or date.max) > (later.effective_from or date.min) and _share_hours(earlier, later):
                yield earlier, later


def _share_hours(one: Price, other: Price) -> bool:
    return one.hours is None or other.hours is None or one.hours.overlap(other.hours)


def midnight_ns(day: date | None) -> int | None:
    """When a day begins in UTC, in nanoseconds since 1970."""
    if day is None:
        return None
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * NS_PER_SECOND
