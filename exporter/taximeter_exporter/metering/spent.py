"""What this machine has cost today and this month, whatever the budgets say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from zoneinfo import ZoneInfo

from taximeter_exporter.metering.budgets import Budget
from taximeter_exporter.metering.money import Money
from taximeter_exporter.metering.periods import Period, bounds
from taximeter_exporter.metering.usage import Usage

PERIODS = (Period.DAY, Period.MONTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodSpending:
    """What was spent in a period so far; moments in nanoseconds since 1970."""

    period: Period
    timezone: ZoneInfo
    start_ns: int
    end_ns: int
    cost: Money


class PeriodSum:
    """Follows one period of the calendar after another. Kept up to date as usage is booked, as a budget is."""

    def __init__(
        self, period: Period, timezone: ZoneInfo, usage_between: Callable[[int, int], Sequence[Usage]]
    ) -> None:
        self._period = period
        self._timezone = timezone
        self._usage_between = usage_between
        self._start_ns = self._end_ns = 0
        self._cost: Money = {}

    def enter(self, time_ns: int) -> None:
        """Move to the period around a moment; if that is another one than before, sum it up from the ledger.

        Raises `LedgerError`, and then stays in the period before.
        """
        if self._start_ns <= time_ns < self._end_ns:
            return
        start_ns, end_ns = bounds(self._period, self._timezone, time_ns)
        past = self._usage_between(start_ns, end_ns)
        self._start_ns, self._end_ns, self._cost = start_ns, end_ns, {}
        self.add(past)

    def add(self, usage: Iterable[Usage]) -> None:
        """Count what was booked, where it falls into the period and has a price."""
        for row in usage:
            if row.rate is not None and self._start_ns <= row.quarter_ns < self._end_ns:
                currency = row.rate.currency
                self._cost[currency] = self._cost.get(currency, Fraction()) + row.rate.cost(row.quantity)

    def now(self) -> PeriodSpending:
        """The period that it is in."""
        return PeriodSpending(
            period=self._period,
            timezone=self._timezone,
            start_ns=self._start_ns,
            end_ns=self._end_ns,
            cost=dict(self._cost),
        )


def zone_of(budgets: Iterable[Budget]) -> ZoneInfo:
    """The time zone that the budgets agree on: whoever reads them reads `today` in it as well. Else UTC."""
    zones = {budget.timezone.key for budget in budgets}
    return ZoneInfo(zones.pop() if len(zones) == 1 else "UTC")
