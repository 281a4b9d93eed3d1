"""A run's own budget: what it may cost, and whether it can afford to go on."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal

from taximeter.cost import NS_PER_HOUR, Basis, RunningCost

FOREVER_NS = 1 << 200
"""A moment that no clock comes to."""


class Budget:
    """A limit in one currency, against what the run costs. Nobody is stopped by it: the program asks `affords`.

    It holds as well while the exporter is away, at the last known price.
    """

    def __init__(self, limit: Decimal, currency: str, cost: RunningCost) -> None:
        self.limit = limit
        self.currency = currency
        self._cost = cost
        self._clock = cost.clock
        self._watchers: list[Callable[[int | None], None]] = []
        self.until_ns: int | None = None
        """The last moment of the clock at which the limit is not passed; `None` if that is not known."""
        cost.watch(self._count_from)

    def watch(self, changed: Callable[[int | None], None]) -> None:
        """Call this with `until_ns`, at once, and whenever it has changed; then from another thread."""
        self._watchers.append(changed)
        changed(self.until_ns)

    def now(self) -> int:
        """The moment, in nanoseconds of the clock."""
        return self._clock()

    def spent(self) -> Decimal | None:
        """What the run has cost until now; `None` if that is not known."""
        return self._cost.seen().get(self.currency)

    def left(self) -> Decimal | None:
        """Limit less spent, below 0 once it is passed; `None` if that is not known."""
        spent = self.spent()
        return None if spent is None else self.limit - spent

    def affords(self, seconds: float) -> bool | None:
        """Whether spent + price × `seconds` ≤ limit, exactly; `None` if no price is known in the budget's currency."""
        until_ns = self.until_ns
        return None if until_ns is None else self._clock() + seconds * 1e9 <= until_ns

    def seconds_left(self) -> float | None:
        """For how long the run can go on, below 0 once it cannot; `None` if that is not known."""
        until_ns = self.until_ns
        return None if until_ns is None else (until_ns - self._clock()) / 1e9

    def _count_from(self, basis: Basis) -> None:
        self.until_ns = self._affordable_until(basis)
        for changed in self._watchers:
            changed(self.until_ns)

    def _affordable_until(self, basis: Basis) -> int | None:
        """The last moment of the clock, in nanoseconds, at which the limit is not passed; `None`: not known.

        A moment, so that to ask after each step takes a comparison of two integers.
        """
        spent, per_hour = basis.cost.get(self.currency), basis.per_hour.get(self.currency)
        if spent is None and per_hour is None:
            return None
        left = self.limit - (spent or 0)
        if not per_hour:
            return FOREVER_NS if left >= 0 else -FOREVER_NS
        return basis.at + int((left * NS_PER_HOUR / per_hour).to_integral_value(ROUND_FLOOR))
