"""The course of a price that is known ahead, by dates and by hours: between any two moments, how long each rate holds.

It is written down once, as far as it is asked for, and then any sum over it is two look-ups: a budget asks every second
what the rest of its year costs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.pricing.price import PricingModel, Rate
from taximeter_exporter.pricing.quote import Schedule

_STEP_NS = 7 * 24 * NS_PER_HOUR
"""So much is written down at a time: what `hours` remembers of a week is then asked for while it does."""

_EVER_NS = 2**63
_ASKED = 32
"""So many answers are kept: at one moment many budgets ask the same."""

Slot = tuple[bool, ...]
"""Which of a course's hours hold."""


@dataclass(slots=True)
class _Spans:
    """When something is so; ascending, and none within another."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    """How long it was so before each of them."""

    def add(self, start_ns: int, end_ns: int) -> None:
        self.before.append(self.until(start_ns))
        self.starts.append(start_ns)
        self.ends.append(end_ns)

    def until(self, time_ns: int) -> int:
        """For how long it is so before a moment."""
        place = bisect_right(self.starts, time_ns) - 1
        if place < 0:
            return 0
        return self.before[place] + min(time_ns, self.ends[place]) - self.starts[place]


class Course:
    """Of the price of one device; moments are nanoseconds since 1970. For one thread at a time."""

    def __init__(self, schedule: Schedule, start_ns: int) -> None:
        """From a moment on, which is within the schedule's present dates."""
        self._schedule = schedule.lasting(start_ns)
        self._start_ns = self._end_ns = start_ns
        """As far as it is written down."""
        self._until_ns = next((change for change in schedule.changes if change > start_ns), None)
        present = bisect_right(self._schedule.changes, start_ns)
        tariffs = [tariff for each in self._schedule.tariffs[present:] for tariff in each]
        self.hours = tuple(dict.fromkeys(tariff.hours for tariff in tariffs))
        """All by which the price changes from then on."""
        self.has_price = bool(tariffs) or any(self._schedule.rates[present:])
        """Whether there is one, then or later."""
        self._spans: defaultdict[tuple[Slot, Rate], _Spans] = defaultdict(_Spans)
        self._asked: dict[tuple[int, int], Mapping[tuple[Slot, str], Fraction]] = {}

    def is_of(self, time_ns: int) -> bool:
        """Whether it tells what is ahead of a moment. At the schedule's next date another course begins."""
        return self._start_ns <= time_ns and (self._until_ns is None or time_ns < self._until_ns)

    def varies_between(self, start_ns: int, end_ns: int) -> bool:
        """Whether the price may change between the two, of which the first may lie in the past."""
        return self._schedule.varies_between(start_ns, end_ns)

    def slot(self, time_ns: int) -> Slot:
        """Which of its hours hold at a moment, past or to come."""
        return tuple(hours.hold_at(time_ns) for hours in self.hours)

    def slots_between(self, start_ns: int, end_ns: int) -> Iterator[tuple[int, int, Slot]]:
        """The time between two moments, past or to come, cut where its hours begin and end."""
        edges = {edge for hours in self.hours for edge in hours.edges_between(start_ns, end_ns)}
        for start, end in pairwise(sorted({start_ns, *edges, end_ns})):
            yield start, end, self.slot(start)

    def between(self, start_ns: int, end_ns: int) -> Mapping[tuple[Slot, str], Fraction]:
        """What a device costs between two moments, neither before its start; by slot and currency, exact."""
        asked = start_ns, end_ns
        if asked not in self._asked:
            if len(self._asked) == _ASKED:
                self._asked.clear()
            self._asked[asked] = self._sum(start_ns, end_ns)
        return self._asked[asked]

    def _sum(self, start_ns: int, end_ns: int) -> Mapping[tuple[Slot, str], Fraction]:
        cost: dict[tuple[Slot, str], Fraction] = {}
        if start_ns < end_ns:
            self._write_down(end_ns)
            for (slot, rate), spans in self._spans.items():
                ns = spans.until(end_ns) - spans.until(start_ns)
                if ns:
                    cost[slot, rate.currency] = cost.get((slot, rate.currency), Fraction()) + rate.cost(ns)
        return cost

    def _write_down(self, end_ns: int) -> None:
        while self._end_ns < end_ns:
            start_ns, self._end_ns = self._end_ns, self._end_ns + _STEP_NS
            changes = self._schedule.changes_between(start_ns, self._end_ns)
            hours = (start for start, _, _ in self.slots_between(start_ns, self._end_ns))
            for start, end in pairwise(sorted({*hours, *changes, self._end_ns})):
                rate = self._schedule.at(start)
                if rate is not None:
                    self._spans[self.slot(start), rate].add(start, end)


def known_ahead(schedule: Schedule, time_ns: int, *, since_ns: int) -> Course | None:
    """What is known at a moment of the time after it.

    `None` if no price varies from `since_ns` on, if there will be none, or if nobody can know: spot prices are not
    promised.
    """
    if any(rate is not None and rate.offer.pricing_model is PricingModel.SPOT for rate in schedule.every_rate()):
        return None
    course = Course(schedule, time_ns)
    return course if course.has_price and course.varies_between(since_ns, _EVER_NS) else None
