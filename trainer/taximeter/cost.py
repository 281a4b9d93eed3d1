"""The money that a run has cost, as far as the trainer can see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

NS_PER_HOUR = 3600 * 1_000_000_000

Money = Mapping[str, Decimal]
"""An amount for each currency (ISO 4217). Empty: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What the exporter said about a run."""

    cost: Money
    cost_per_hour: Money
    """What the run's devices cost now, by its share of them."""
    unbooked_ns: int = 0
    """How long ago it was that the run had cost so much."""
    device_seconds: Decimal
    devices: tuple[str, ...]
    simulated: bool
    settled: bool
    """Whether the cost is final: the run has ended, and all of its time is booked."""


@dataclass(frozen=True, slots=True)
class Basis:
    """A cost that was known at one moment, and what an hour costs from there on."""

    cost: Money
    per_hour: Money
    at: int
    """In nanoseconds of the clock."""


class RunningCost:
    """A cost that was known, and since then a price times the time that has passed.

    It is the exporter's last word, or, with a price given by hand, what earlier parts of the run had cost.
    """

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self.clock = clock
        self._basis: Basis | None = None
        self._watchers: list[Callable[[Basis], None]] = []
        self._quote: Quote | None = None
        self._price: Money = {}
        self._stopped_at: int | None = None

    @property
    def price(self) -> Money:
        """The last known cost per hour; a run that has ended has none, and so keeps the one before."""
        return self._price

    @property
    def quote(self) -> Quote | None:
        """The exporter's last word; `None` if it has said nothing yet."""
        return self._quote

    def now(self) -> int:
        """The moment, in nanoseconds of the clock."""
        return self.clock()

    def watch(self, changed: Callable[[Basis], None]) -> None:
        """Call this with what the cost is counted from: at once if that is known, and whenever it has changed."""
        self._watchers.append(changed)
        if self._basis is not None:
            changed(self._basis)

    def begin(self, price: Money, *, at: int, before: Money | None = None) -> None:
        """Count from `at` by this price per hour, on top of what the run had cost before."""
        self._count_from(Basis(before or {}, price, at))
        self._price = price

    def update(self, quote: Quote, *, asked_at: int) -> None:
        """Take an answer to a question that was sent at `asked_at`.

        It was made at some moment between question and answer; to count from the question errs, if at all, by a
        network's delay on the side of too much.
        """
        self._quote = quote
        self._count_from(Basis(quote.cost, quote.cost_per_hour, asked_at - quote.unbooked_ns))
        self._price = quote.cost_per_hour

    def settle(self, quote: Quote) -> None:
        """Take the exporter's final answer: nothing is added to it any more."""
        self._stopped_at = self.clock()
        self._quote = quote
        self._count_from(Basis(quote.cost, quote.cost_per_hour, self._stopped_at))

    def stop(self) -> None:
        """The run is over and the exporter has not said what it cost: count until now, and no further."""
        if self._stopped_at is None:
            self._stopped_at = self.clock()

    def seen(self) -> Money:
        """The cost until now. Empty if it is not known: no answer yet, or no price."""
        basis = self._basis
        if basis is None:
            return {}
        until = self.clock() if self._stopped_at is None else self._stopped_at
        passed_ns = max(0, until - basis.at)
        zero = Decimal(0)
        return {
            currency: basis.cost.get(currency, zero) + basis.per_hour.get(currency, zero) * passed_ns / NS_PER_HOUR
            for currency in dict.fromkeys((*basis.cost, *basis.per_hour))
        }

    def _count_from(self, basis: Basis) -> None:
        self._basis = basis
        for changed in self._watchers:
            changed(basis)
