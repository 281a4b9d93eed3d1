"""Budgets: what may be spent, what is, and what will be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.periods import Period, bounds
from taximeter_exporter.metering.run import Run
from taximeter_exporter.metering.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit to what is spent within a scope in each period."""

    name: str
    period: Period
    timezone: ZoneInfo
    limit: Decimal
    currency: str
    """Spending in another currency is not counted."""
    thresholds: tuple[Decimal, ...]
    """Parts of the limit, ascending."""
    scope: Mapping[str, str]
    """`project`, `team`, `user`, `run`: what a run must have to be counted. Empty: everything, idle time as well."""

    def covers(self, run: Run | None) -> bool:
        """Whether what a run spends counts; `None` is time without a run."""
        if not self.scope:
            return True
        if run is None:
            return False
        labels = {"project": run.project, "team": run.team, "user": run.user, "run": run.name}
        return all(labels[key] == value for key, value in self.scope.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A budget at one moment; amounts in its currency, moments in nanoseconds since 1970."""

    budget: Budget
    start_ns: int
    end_ns: int
    spent: Fraction
    forecast: Fraction
    """At the period's end, if spending goes on at the present rate: spent + rate × time left."""


class BudgetBook:
    """Follows one budget from period to period."""

    def __init__(self, budget: Budget, *, usage_between: Callable[[int, int], Sequence[Usage]]) -> None:
        """`usage_between` asks the ledger for the usage between two moments, nanoseconds since 1970."""
        self.budget = budget
        self._usage_between = usage_between
        self._start_ns = self._end_ns = 0
        self._spent = Fraction()

    def enter(self, time_ns: int, runs: Mapping[str, Run]) -> None:
        """Move to the period around a moment; if that is another one than before, sum it up from the ledger."""
        if self._start_ns <= time_ns < self._end_ns:
            return
        self._start_ns, self._end_ns = bounds(self.budget.period, self.budget.timezone, time_ns)
        self._spent = Fraction()
        self.add(self._usage_between(self._start_ns, self._end_ns), runs)

    def add(self, usage: Iterable[Usage], runs: Mapping[str, Run]) -> None:
        """Count what was booked, where it falls into the period and the scope."""
        for row in usage:
            if not self._start_ns <= row.quarter_ns < self._end_ns:
                continue
            if row.rate is None or row.rate.currency != self.budget.currency:
                continue
            if self.budget.covers(runs[row.run] if row.run else None):
                self._spent += row.rate.cost(row.ns)

    def state(self, time_ns: int, per_hour: Fraction) -> BudgetState:
        """The budget now, if what it covers costs `per_hour` at present."""
        left_ns = max(0, self._end_ns - time_ns)
        return BudgetState(
            budget=self.budget,
            start_ns=self._start_ns,
            end_ns=self._end_ns,
            spent=self._spent,
            forecast=self._spent + per_hour * left_ns / NS_PER_HOUR,
        )
