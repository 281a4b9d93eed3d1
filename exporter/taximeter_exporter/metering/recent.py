"""The recent past of the ledger, which forecasts go by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.forecast import WINDOW_NS
from taximeter_exporter.metering.ledger import Ledger
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS
from taximeter_exporter.metering.usage import Usage
from taximeter_exporter.pricing.course import Course, Slot

_LEAST_NS = NS_PER_HOUR

DevicesInUse = Mapping[str, Fraction]
"""How many devices with a price there are for a run on average, by its name, or for none, under the empty name."""


@dataclass(frozen=True, slots=True, eq=False)
class Recent:
    """What was used, and over how long."""

    usage: Sequence[Usage]
    span_ns: int
    """0 if there is too little past to go by: less than an hour."""
    in_use: DevicesInUse = field(default_factory=dict)
    """Over all of it."""
    in_slots: Mapping[Slot, DevicesInUse] = field(default_factory=dict)
    """Apart in each slot of the price's course that was in it."""


class RecentPast:
    """Asks the ledger once a quarter hour, on behalf of all budgets."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._asked: tuple[int, Course | None] | None = None
        self._recent = Recent((), 0)

    def at(self, time_ns: int, course: Course | None) -> Recent:
        """The last seven days up to the last full quarter hour, or as many as there are. Raises `LedgerError`."""
        end_ns = time_ns - time_ns % QUARTER_HOUR_NS
        if self._asked != (end_ns, course):
            begun_ns = self._ledger.begun_ns()
            start_ns = max(end_ns - WINDOW_NS, end_ns if begun_ns is None else begun_ns)
            enough = end_ns - start_ns >= _LEAST_NS
            self._recent = self._between(start_ns, end_ns, course) if enough else Recent((), 0)
            self._asked = end_ns, course
        return self._recent

    def _between(self, start_ns: int, end_ns: int, course: Course | None) -> Recent:
        usage, span_ns = self._ledger.usage(start_ns=start_ns, end_ns=end_ns), end_ns - start_ns
        if course is None:
            return Recent(usage, span_ns)
        slots: defaultdict[Slot, list[Usage]] = defaultdict(list)
        slot_ns: defaultdict[Slot, int] = defaultdict(int)
        for start, end, slot in course.slots_between(start_ns, end_ns):
            # the ledger has quarter hours: each belongs to the slot in which it begins
            first, after = _next_quarter(start), _next_quarter(end)
            if first < after:
                slots[slot] += self._ledger.usage(start_ns=first, end_ns=after) if course.hours else usage
                slot_ns[slot] += after - first
        return Recent(
            usage,
            span_ns,
            _in_use(usage, span_ns),
            {slot: _in_use(rows, slot_ns[slot]) for slot, rows in slots.items()},
        )


def _in_use(usage: Iterable[Usage], span_ns: int) -> DevicesInUse:
    devices: defaultdict[str, Fraction] = defaultdict(Fraction)
    for row in usage:
        if row.rate is not None and row.ns:
            devices[row.run] += row.rate.part * row.ns / span_ns
    return dict(devices)


def _next_quarter(time_ns: int) -> int:
    return time_ns + -time_ns % QUARTER_HOUR_NS
