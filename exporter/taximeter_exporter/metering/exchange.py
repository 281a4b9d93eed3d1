"""Exchange rates: how an amount in one currency counts in a budget of another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRate:
    """From a moment on, one unit of `currency` is `rate` units of `into`."""

    currency: str
    into: str
    rate: Decimal
    start_ns: int
    """Nanoseconds since 1970."""


class ExchangeTable:
    """The rates over time, each until the next one of its pair; the other way round by division, and never by a third
    currency."""

    def __init__(self, rates: Iterable[ExchangeRate]) -> None:
        self._pairs: dict[tuple[str, str], list[tuple[int, Fraction]]] = {}
        for rate in sorted(rates, key=lambda rate: rate.start_ns):
            forth, back = Fraction(rate.rate), 1 / Fraction(rate.rate)
            self._pairs.setdefault((rate.currency, rate.into), []).append((rate.start_ns, forth))
            self._pairs.setdefault((rate.into, rate.currency), []).append((rate.start_ns, back))

    def rate(self, currency: str, into: str, time_ns: int) -> Fraction | None:
        """What one unit of `currency` was worth at a moment, exactly; `None` if there is no rate for then."""
        if currency == into:
            return Fraction(1)
        pair = self._pairs.get((currency, into), [])
        place = bisect_right(pair, time_ns, key=lambda entry: entry[0])
        return pair[place - 1][1] if place else None

    def changes_between(self, start_ns: int, end_ns: int) -> Sequence[int]:
        """The moments strictly between the two at which some rate changes, ascending."""
        moments = {moment for pair in self._pairs.values() for moment, _ in pair}
        return sorted(moment for moment in moments if start_ns < moment < end_ns)
