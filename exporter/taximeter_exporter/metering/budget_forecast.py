"""The forecast of one budget: in its scope, and in its currency."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.budgets import Budget, counted, exchanged
from taximeter_exporter.metering.forecast import WINDOW_NS, devices_ahead, forecast
from taximeter_exporter.metering.money import Money
from taximeter_exporter.metering.outlook import Now
from taximeter_exporter.metering.recent import DevicesInUse, Recent
from taximeter_exporter.pricing.course import Slot

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class _Week:
    """What the recent past was like within the scope."""

    per_hour: Fraction
    """What was spent by the hour, on all that is not foreseen by its price."""
    in_use: Fraction
    """How many devices there were for it on average, where their price is known ahead."""
    in_slots: Mapping[Slot, Fraction]

    def devices(self, slot: Slot) -> Fraction:
        """The same within a slot; on average, if no such hours have been yet."""
        return self.in_slots.get(slot, self.in_use)


class BudgetForecast:
    """Sums up the recent past when there is another one, and not at every tick."""

    def __init__(self, budget: Budget, told: set[str]) -> None:
        """`told`: see `budgets.exchanged`."""
        self._budget = budget
        self._told = told
        self._summed: tuple[Recent, bool] | None = None
        self._week: _Week | None = None

    def at(self, now: Now, *, spent: Fraction, end_ns: int) -> Fraction:
        """What the budget will have spent when its period ends.

        Devices are foreseen by how many are in use where their price is known to vary; all else by its money.
        """
        ahead = now.ahead
        if ahead is not None and not ahead.course.varies_between(now.time_ns - WINDOW_NS, end_ns):
            ahead = None
        week = self._recently(now, by_price=ahead is not None)
        per_hour = now.per_hour if ahead is None else ahead.beside_per_hour
        amount = forecast(
            spent,
            now_per_hour=sum((self._worth(money, now) for money in self._in_scope(per_hour, now)), Fraction()),
            recent_per_hour=None if week is None else week.per_hour,
            left_ns=max(0, end_ns - now.time_ns),
        )
        if ahead is None:
            return amount
        devices = devices_ahead(
            ahead.course,
            now=self._devices(ahead.in_use, now),
            recent=None if week is None else week.devices,
            time_ns=now.time_ns,
            end_ns=end_ns,
        )
        return amount + self._worth(devices, now)

    def _recently(self, now: Now, *, by_price: bool) -> _Week | None:
        """`None` if there is too little past to go by."""
        if self._summed != (now.recent, by_price):
            self._summed = now.recent, by_price
            self._week = self._sum_up(now, by_price=by_price) if now.recent.span_ns else None
        return self._week

    def _sum_up(self, now: Now, *, by_price: bool) -> _Week:
        recent = now.recent
        usage = (row for row in recent.usage if not row.ns) if by_price else recent.usage
        amounts = (amount for _, amount in counted(self._budget, usage, now.runs, self._told, at_ns=now.time_ns))
        return _Week(
            per_hour=sum(amounts, Fraction()) * NS_PER_HOUR / recent.span_ns,
            in_use=self._devices(recent.in_use, now),
            in_slots={slot: self._devices(in_use, now) for slot, in_use in recent.in_slots.items()},
        )

    def _devices(self, in_use: DevicesInUse, now: Now) -> Fraction:
        return sum(self._in_scope(in_use, now), Fraction())

    def _in_scope(self, by_run: Mapping[str, _Part], now: Now) -> Iterator[_Part]:
        return (part for run, part in by_run.items() if self._budget.covers(now.runs[run] if run else None))

    def _worth(self, money: Money, now: Now) -> Fraction:
        """In the budget's currency, at the present exchange rate; without what cannot be exchanged."""
        worths = (exchanged(self._budget, each, currency, now.time_ns, self._told) for currency, each in money.items())
        return sum((worth for worth in worths if worth is not None), Fraction())
