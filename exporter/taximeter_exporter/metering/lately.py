"""What was booked not long ago: what the last day cost, how long runs had each device, and which gaps were found."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from fractions import Fraction
from typing import Generic, TypeVar

from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS
from taximeter_exporter.metering.usage import Share, Usage
from taximeter_exporter.pricing.price import Rate

_DAY_NS = 24 * NS_PER_HOUR
_GAP_WINDOW_NS = NS_PER_HOUR // 2
_GOING_ON_NS = 300 * NS_PER_SECOND
"""For so long after the last of a share was booked it counts as going on."""

_Key = TypeVar("_Key", bound=Hashable)
_Amount = TypeVar("_Amount", int, Fraction)


class _LastDay(Generic[_Key, _Amount]):
    """Sums by a key over the quarter hours that began within the last day."""

    def __init__(self, nothing: _Amount) -> None:
        self._nothing: _Amount = nothing
        self._by_quarter: dict[int, dict[_Key, _Amount]] = {}
        self.sums: dict[_Key, _Amount] = {}

    def add(self, key: _Key, quarter_ns: int, amount: _Amount) -> None:
        for sums in (self.sums, self._by_quarter.setdefault(quarter_ns, {})):
            sums[key] = sums.get(key, self._nothing) + amount

    def forget(self, now_ns: int) -> None:
        for quarter_ns in [each for each in self._by_quarter if each < now_ns - _DAY_NS]:
            for key, amount in self._by_quarter.pop(quarter_ns).items():
                self.sums[key] -= amount
                if not self.sums[key]:
                    del self.sums[key]


class Lately:
    """Kept up to date as usage is booked. Moments are in nanoseconds since 1970."""

    def __init__(self, now_ns: int, *, usage_between: Callable[[int, int], Iterable[Usage]]) -> None:
        """Of what the ledger has of the last day only the money counts: the rest begins with the process.

        Raises `LedgerError`.
        """
        self.gap_ns = 0
        """The time of devices that passed without the exporter, and that it found within the last half hour."""
        self._active: _LastDay[str, int] = _LastDay(0)
        self._cost: _LastDay[tuple[Share, str], Fraction] = _LastDay(Fraction())
        self._booked_ns: dict[tuple[Share, str], int] = {}
        """When the last of each of these was booked."""
        self._gaps: list[tuple[int, int]] = []
        since_ns = now_ns - _DAY_NS
        for quarter_ns in range(since_ns - since_ns % QUARTER_HOUR_NS, now_ns, QUARTER_HOUR_NS):
            for row in usage_between(quarter_ns, quarter_ns + QUARTER_HOUR_NS):
                if row.ns and row.rate is not None:
                    self._count_money(row, row.rate)
        self._cost.forget(now_ns)

    def active_ns(self, uuid: str) -> int:
        """For how long runs had a device within the last day."""
        return self._active.sums.get(uuid, 0)

    def add(self, usage: Iterable[Usage], now_ns: int) -> None:
        """Count what was booked now."""
        gap_ns = 0
        for row in usage:
            if row.ns and row.rate is not None:
                self._count_money(row, row.rate)
                self._booked_ns[row.share, row.rate.currency] = now_ns
            if row.share is Share.ACTIVE:
                self._active.add(row.uuid, row.quarter_ns, row.ns)
            elif row.share in (Share.GAP, Share.SKIPPED):
                gap_ns += row.ns
        if gap_ns:
            self._gaps.append((now_ns, gap_ns))
        self._gaps = [(found_ns, ns) for found_ns, ns in self._gaps if found_ns > now_ns - _GAP_WINDOW_NS]
        self.gap_ns = sum(ns for _, ns in self._gaps)
        self._active.forget(now_ns)
        self._cost.forget(now_ns)

    def cost(self, now_ns: int) -> Mapping[tuple[Share, str], Fraction]:
        """What the time of devices cost within the last day, by share and currency, of those that go on."""
        return {
            key: self._cost.sums.get(key, Fraction())
            for key, booked_ns in self._booked_ns.items()
            if booked_ns > now_ns - _GOING_ON_NS
        }

    def _count_money(self, row: Usage, rate: Rate) -> None:
        self._cost.add((row.share, rate.currency), row.quarter_ns, rate.cost(row.ns))
