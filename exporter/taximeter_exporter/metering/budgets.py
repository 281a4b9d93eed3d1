"""Budgets: what may be spent, and of it what is and what will be."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from taximeter_exporter.metering.exchange import ExchangeTable
from taximeter_exporter.metering.periods import Period
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


def counted(
    budget: Budget, usage: Iterable[Usage], runs: Mapping[str, Run], told: set[str], *, at_ns: int | None = None
) -> Iterator[tuple[str, Fraction]]:
    """What counts in a budget, in its currency: the run (or none) and the amount.

    Other currencies count at the rate of their own day, or of `at_ns`; see `exchanged`.
    """
    for row in usage:
        if row.rate is None or not budget.covers(runs[row.run] if row.run else None):
            continue
        time_ns = row.quarter_ns if at_ns is None else at_ns
        amount = exchanged(budget, row.rate.cost(row.quantity), row.rate.currency, time_ns, told)
        if amount is not None:
            yield row.run, amount


def exchanged(budget: Budget, amount: Fraction, currency: str, time_ns: int, told: set[str]) -> Fraction | None:
    """An amount of a moment in a budget's currency; `None` without an exchange rate.

    That is logged once a currency; `told` remembers which.
    """
    worth = budget.worth(amount, currency, time_ns)
    if worth is None and currency not in told:
        told.add(currency)
        log.warning("budget %s: spending in %s is not counted: no exchange rate", budget.name, currency)
    return worth
