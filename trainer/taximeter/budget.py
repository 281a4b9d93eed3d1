"""A run's own budget: what it may cost, and whether it can afford to go on."""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR, Decimal

from taximeter.cost import NS_PER_HOUR, Basis, RunningCost


class Budget:
    """A limit in one currency, against what the run costs. Nobody is stopped by it: the program asks `affords`.

    It holds as well while the exporter is away, at the last known price.
    """

    def __init__(self, limit: Decimal, currency: str, cost: RunningCost) -> None:
        self.limit = limit
        self.currency = currency
        self._cost = cost
        self._basis: Basis | None = None
        self._until_ns: float | None = None
        self._clock = cost.clock

    def spent(self) -> Decimal | None:
        """What the run has cost until now; `None` if that is not known."""
        return self._cost.seen().get(self.currency)

    def left(self) -> Decimal | None:
        """Limit less spent, below 0 once it is passed; `None` if that is not known."""
        spent = self.spent()
        return None if spent is None else self.limit - spent

    def affords(self, seconds: float) -> bool | None:
        """Whether spent + price × `seconds` ≤ limit, exactly; `None` if no price is known in the budget's currency."""
        if self._cost.basis is not self._basis:
            self._basis = self._cost.basis
            self._until_ns = None if self._basis is None else self._affordable_until(self._basis)
        return None if self._until_ns is None else self._clock() + seconds * 1e9 <= self._until_ns

    def seconds_left(self) -> float | None:
        """For how long the run can go on, below 0 once it cannot; `None` if that is not known."""
        self.affords(0)
        return None if self._until_ns is None else (self._until_ns - self._clock()) / 1e9

    def _affordable_until(self, basis: Basis) -> float | None:
        """The last moment of the clock, in nanoseconds, at which the limit is not passed; `None`: not known.

        A moment, so that to ask after each step takes a comparison of two integers.
        """
        spent, per_hour = basis.cost.get(self.currency), basis.per_hour.get(self.currency)
        if spent is None and per_hour is None:
            return None
        left = self.limit - (spent or 0)
        if not per_hour:
            return math.inf if left >= 0 else -math.inf
        return basis.at + int((left * NS_PER_HOUR / per_hour).to_integral_value(ROUND_FLOOR))
