"""The energy that a device used, told apart by whom its time belonged to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.usage import Category, Usage

LONGEST_SPELL_NS = 60 * NS_PER_SECOND
"""Energy between readings that are further apart is nobody's: who knows who used it?"""


class Spell(NamedTuple):
    """Energy that was used between two readings, on `Clock.elapsed_ns`."""

    start_ns: int
    end_ns: int
    millijoules: int


class EnergyTimeline:
    """The energy between readings, for as long as it is not booked."""

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None
        self._spells: list[Spell] = []

    def observe(self, now_ns: int, taken_ns: int, joules: float | None) -> None:
        """A reading of the device's counter, in joules since its driver was loaded; `None` is no reading.

        A counter that fell begins anew, and so does one that was not read for a minute: nobody knows whose it was what
        was used around then.
        """
        if self._last and now_ns - self._last[0] > LONGEST_SPELL_NS:
            self._last = None
        if joules is None or (self._last and taken_ns <= self._last[0]):
            return
        millijoules = round(joules * 1000)
        if self._last and millijoules > self._last[1]:
            self._spells.append(Spell(self._last[0], taken_ns, millijoules - self._last[1]))
        self._last = (taken_ns, millijoules)

    def due(self, end_ns: int) -> list[Spell]:
        """What was used up to a moment, and is not booked."""
        return [spell for spell in self._spells if spell.end_ns <= end_ns]

    def booked(self, end_ns: int) -> None:
        """What was used up to a moment is in the ledger."""
        self._spells = [spell for spell in self._spells if spell.end_ns > end_ns]

    def since_ns(self, end_ns: int) -> int:
        """From when on it must be known whose the device's time was, if its time is booked up to `end_ns`."""
        return min([end_ns, *(spell.start_ns for spell in self._spells), *([self._last[0]] if self._last else [])])


def energy_usage(spell: Spell, time: Iterable[Usage]) -> Iterator[Usage]:
    """The energy of a spell as usage in millijoules, by the usage of the device's time in it; without a price.

    It goes by time: each piece gets its part, and what does not divide a millijoule each to the longest remainders.
    """
    rows = list(time)
    total_ns = sum(row.ns for row in rows)
    parts = [divmod(spell.millijoules * row.ns, total_ns) for row in rows]
    left = spell.millijoules - sum(whole for whole, _ in parts)
    first = sorted(range(len(rows)), key=lambda place: -parts[place][1])[:left]
    for place, (row, (whole, _)) in enumerate(zip(rows, parts, strict=True)):
        millijoules = whole + (place in first)
        if millijoules:
            yield replace(row, rate=None, category=Category.ENERGY, quantity=millijoules)
