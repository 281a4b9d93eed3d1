"""The books of budgets: each follows what is spent within one, from period to period."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.budget_forecast import BudgetForecast
from taximeter_exporter.metering.budgets import Budget, BudgetState, counted
from taximeter_exporter.metering.outlook import Now
from taximeter_exporter.metering.periods import Period, bounds
from taximeter_exporter.metering.run import Run
from taximeter_exporter.metering.usage import Usage


class BudgetBook(Protocol):
    """Follows one budget."""

    budget: Budget

    def enter(self, time_ns: int, runs: Mapping[str, Run]) -> None:
        """Move to the period around a moment; if that is another one than before, sum it up from the ledger.

        Raises `LedgerError`, and then stays in the period before.
        """
        ...

    def add(self, usage: Iterable[Usage], runs: Mapping[str, Run]) -> None:
        """Count what was booked, where it falls into the period and the scope; `runs` has each run in it by name."""
        ...

    def states(self, now: Now) -> list[BudgetState]:
        """The budget now."""
        ...


UsageBetween = Callable[[int, int], Sequence[Usage]]
"""Asks the ledger for the usage between two moments, nanoseconds since 1970."""


def open_book(budget: Budget, *, usage_between: UsageBetween) -> BudgetBook:
    """The book that a budget needs."""
    return PerRunBook(budget, usage_between) if budget.period is Period.RUN else CalendarBook(budget, usage_between)


class CalendarBook:
    """Follows one budget from period to period."""

    def __init__(self, budget: Budget, usage_between: UsageBetween) -> None:
        self.budget = budget
        self._usage_between = usage_between
        self._start_ns = self._end_ns = 0
        self._spent = Fraction()
        self._told: set[str] = set()
        self._forecast = BudgetForecast(budget, self._told)

    def enter(self, time_ns: int, runs: Mapping[str, Run]) -> None:
        """See `BudgetBook.enter`."""
        if self._start_ns <= time_ns < self._end_ns:
            return
        start_ns, end_ns = bounds(self.budget.period, self.budget.timezone, time_ns)
        past = list(_by_exchange_rate(self.budget, self._usage_between, start_ns, end_ns))
        self._start_ns, self._end_ns, self._spent = start_ns, end_ns, Fraction()
        for usage in past:
            self.add(usage, runs)

    def add(self, usage: Iterable[Usage], runs: Mapping[str, Run]) -> None:
        """See `BudgetBook.add`."""
        inside = (row for row in usage if self._start_ns <= row.quarter_ns < self._end_ns)
        for _, amount in counted(self.budget, inside, runs, self._told):
            self._spent += amount

    def states(self, now: Now) -> list[BudgetState]:
        """See `BudgetBook.states`; always one."""
        return [
            BudgetState(
                budget=self.budget,
                start_ns=self._start_ns,
                end_ns=self._end_ns,
                spent=self._spent,
                forecast=self._forecast.at(now, spent=self._spent, end_ns=self._end_ns),
            )
        ]


class PerRunBook:
    """Follows a budget in which each run has the limit for itself."""

    def __init__(self, budget: Budget, usage_between: UsageBetween) -> None:
        self.budget = budget
        self._usage_between = usage_between
        self._spent: dict[str, Fraction] | None = None
        self._told: set[str] = set()

    def enter(self, time_ns: int, runs: Mapping[str, Run]) -> None:
        """See `BudgetBook.enter`; a run may have begun at any time."""
        if self._spent is None:
            past = list(_by_exchange_rate(self.budget, self._usage_between, 0, time_ns + _LONG_NS))
            self._spent = {}
            for usage in past:
                self.add(usage, runs)

    def add(self, usage: Iterable[Usage], runs: Mapping[str, Run]) -> None:
        """See `BudgetBook.add`."""
        spent = self._spent if self._spent is not None else {}
        for run, amount in counted(self.budget, (row for row in usage if row.run), runs, self._told):
            spent[run] = spent.get(run, Fraction()) + amount

    def states(self, now: Now) -> list[BudgetState]:
        """See `BudgetBook.states`; one a visible run in the scope."""
        spent = self._spent if self._spent is not None else {}
        return [
            BudgetState(
                budget=self.budget,
                run=run.name,
                start_ns=run.start_time_ns,
                end_ns=None,
                spent=spent.get(run.name, Fraction()),
                forecast=None,
            )
            for run in now.visible
            if self.budget.covers(run)
        ]


_LONG_NS = 100 * 366 * 24 * NS_PER_HOUR


def _by_exchange_rate(
    budget: Budget, usage_between: UsageBetween, start_ns: int, end_ns: int
) -> Iterator[Sequence[Usage]]:
    """The usage between two moments, apart wherever an exchange rate changes: each part begins with its rate."""
    moments = [start_ns, *budget.exchange.changes_between(start_ns, end_ns), end_ns]
    for part_start, part_end in pairwise(moments):
        yield usage_between(part_start, part_end)
