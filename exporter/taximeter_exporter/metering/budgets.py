"""Budgets: what may be spent, what is, and what will be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.exchange import ExchangeTable
from taximeter_exporter.metering.forecast import forecast
from taximeter_exporter.metering.money import Money
from taximeter_exporter.metering.periods import Period, bounds
from taximeter_exporter.metering.recent import Recent
from taximeter_exporter.metering.run import Run
from taximeter_exporter.metering.usage import Usage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit to what is spent within a scope in each period."""

    name: str
    period: Period
    """`RUN`: the limit is each run's own."""
    timezone: ZoneInfo
    limit: Decimal
    currency: str
    thresholds: tuple[Decimal, ...]
    """Parts of the limit, ascending."""
    scope: Mapping[str, str]
    """`project`, `team`, `user`, `run`, `model`: what a run must have to be counted. Empty: everything, idle time as
    well."""
    exchange: ExchangeTable
    """How spending in other currencies counts; without a rate for its day it is not counted, and that is logged."""

    def covers(self, run: Run | None) -> bool:
        """Whether what a run spends counts; `None` is time without a run."""
        if not self.scope:
            return True
        if run is None:
            return False
        return all(getattr(run, "name" if key == "run" else key) == value for key, value in self.scope.items())

    def worth(self, amount: Fraction, currency: str, time_ns: int) -> Fraction | None:
        """An amount of a moment in the budget's own currency; `None` if there is no exchange rate."""
        rate = self.exchange.rate(currency, self.currency, time_ns)
        return None if rate is None else amount * rate


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A budget at one moment; amounts in its currency, moments in nanoseconds since 1970."""

    budget: Budget
    run: str = ""
    """Whose limit it is, where each run has its own."""
    start_ns: int
    end_ns: int | None
    """`None` for a run: nobody knows when it ends."""
    spent: Fraction
    forecast: Fraction | None
    """At the period's end: see `metering.forecast`; `None` for a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What there is to know of the present moment, and of the past before it."""

    time_ns: int
    per_hour: Mapping[str, Money]
    """What the devices cost at present, by the run that it is for, or under the empty name for none."""
    runs: Mapping[str, Run]
    """Each run there is, by name."""
    visible: Sequence[Run]
    """The runs that are shown."""
    recent: Recent


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
        self._recent: Recent | None = None
        self._recent_per_hour: Fraction | None = None

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
        for _, amount in _counted(self.budget, inside, runs, self._told):
            self._spent += amount

    def states(self, now: Now) -> list[BudgetState]:
        """See `BudgetBook.states`; always one."""
        worth = (
            self.budget.worth(amount, currency, now.time_ns)
            for run, money in now.per_hour.items()
            if self.budget.covers(now.runs[run] if run else None)
            for currency, amount in money.items()
        )
        return [
            BudgetState(
                budget=self.budget,
                start_ns=self._start_ns,
                end_ns=self._end_ns,
                spent=self._spent,
                forecast=forecast(
                    self._spent,
                    now_per_hour=sum((amount for amount in worth if amount is not None), Fraction()),
                    recent_per_hour=self._recent_rate(now),
                    left_ns=max(0, self._end_ns - now.time_ns),
                ),
            )
        ]

    def _recent_rate(self, now: Now) -> Fraction | None:
        """The mean per hour of the recent past; `None` if there is too little of it."""
        if now.recent is not self._recent:
            self._recent = now.recent
            span_ns = now.recent.span_ns
            counted = _counted(self.budget, now.recent.usage, now.runs, self._told, at_ns=now.time_ns)
            amounts = (amount for _, amount in counted)
            self._recent_per_hour = sum(amounts, Fraction()) * NS_PER_HOUR / span_ns if span_ns else None
        return self._recent_per_hour


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
        for run, amount in _counted(self.budget, (row for row in usage if row.run), runs, self._told):
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


def _counted(
    budget: Budget, usage: Iterable[Usage], runs: Mapping[str, Run], told: set[str], *, at_ns: int | None = None
) -> Iterator[tuple[str, Fraction]]:
    """What counts in a budget, in its currency: the run (or none) and the amount.

    Other currencies count at the rate of their own day, or of `at_ns`. What cannot be exchanged is logged once a
    currency; `told` remembers which.
    """
    for row in usage:
        if row.rate is None or not budget.covers(runs[row.run] if row.run else None):
            continue
        currency = row.rate.currency
        amount = budget.worth(row.rate.cost(row.quantity), currency, row.quarter_ns if at_ns is None else at_ns)
        if amount is not None:
            yield row.run, amount
        elif currency not in told:
            told.add(currency)
            log.warning("budget %s: spending in %s is not counted: no exchange rate", budget.name, currency)
