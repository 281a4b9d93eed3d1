"""Sums over everything in the ledger, kept up to date as usage is booked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from taximeter_exporter.metering.money import Money
from taximeter_exporter.metering.run import Run
from taximeter_exporter.metering.usage import Category, Share, Usage


class CostKey(NamedTuple):
    """What a cost counter is told apart by."""

    uuid: str
    project: str
    """Empty where there was no run."""
    category: Category
    share: Share
    currency: str


class Totals:
    """Amounts are exact, and so is adding to them."""

    def __init__(self) -> None:
        self.cost: defaultdict[CostKey, Fraction] = defaultdict(Fraction)
        self.run_cost: defaultdict[str, Money] = defaultdict(dict)
        self.run_ns: defaultdict[str, int] = defaultdict(int)
        self.gap_ns: defaultdict[str, int] = defaultdict(int)
        self.unpriced_ns: defaultdict[str, int] = defaultdict(int)
        self.run_millijoules: defaultdict[str, int] = defaultdict(int)

    def add(self, usage: Iterable[Usage], runs: Mapping[str, Run]) -> None:
        """Add what was booked; `runs` has each run in it by name."""
        for row in usage:
            if row.category is Category.ENERGY:
                self.run_millijoules[row.run] += row.quantity
                continue
            if row.run:
                self.run_ns[row.run] += row.ns
            if row.share in (Share.GAP, Share.SKIPPED):
                self.gap_ns[row.uuid] += row.ns
            if row.rate is not None:
                project = runs[row.run].project if row.run else ""
                self._add_cost(row, project, row.rate.currency, row.rate.cost(row.quantity))
            elif row.share is not Share.SKIPPED:
                self.unpriced_ns[row.uuid] += row.ns

    def _add_cost(self, row: Usage, project: str, currency: str, amount: Fraction) -> None:
        self.cost[CostKey(row.uuid, project, row.category, row.share, currency)] += amount
        if row.run:
            run_cost = self.run_cost[row.run]
            run_cost[currency] = run_cost.get(currency, Fraction()) + amount
