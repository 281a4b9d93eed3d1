"""Hours of the day and days of the week, by the clock on a wall somewhere: when a tariff holds.

When clocks are put forward or back, the hours go with them: a night from 22:00 to 06:00 has seven hours then, or nine.
An hour that there is twice counts both times, and one that there is not does not count.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from taximeter_exporter.clock import NS_PER_SECOND

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALL_DAY = "00:00-24:00"

_SPAN = re.compile(r"^(\d\d):(\d\d)-(\d\d):(\d\d)\Z")
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_MINUTE_NS = 60 * NS_PER_SECOND
_HOUR_NS = 60 * _MINUTE_NS
_DAY_NS = _DAY_MINUTES * _MINUTE_NS
_HOUR = (1 << 60) - 1
"""Its minutes, each a bit."""


@dataclass(frozen=True, slots=True)
class Hours:
    """From one time of day to another, on the weekdays on which they begin."""

    start_minute: int
    """Of the day."""
    minutes: int
    """How long they are, by the clock on the wall: 1 to 1440."""
    weekdays: tuple[int, ...]
    """On which they begin; 0 is Monday."""
    timezone: ZoneInfo

    def __str__(self) -> str:
        end = self.start_minute + self.minutes
        until = end if end == _DAY_MINUTES else end % _DAY_MINUTES
        days = "" if len(self.weekdays) == 7 else f" on {' '.join(WEEKDAYS[day] for day in self.weekdays)}"
        return f"{_clock(self.start_minute)}-{_clock(until)}{days} ({self.timezone.key})"

    def hold_at(self, time_ns: int) -> bool:
        """Whether a time of day (nanoseconds since 1970) is in them."""
        before, edges = _day(self, time_ns // _DAY_NS)
        return before ^ (bisect_right(edges, time_ns) % 2 == 1)

    def edges_between(self, start_ns: int, end_ns: int) -> Iterator[int]:
        """The moments strictly between the two at which they begin or end."""
        for day in range(start_ns // _DAY_NS, -(-end_ns // _DAY_NS)):
            for edge in _day(self, day)[1]:
                if start_ns < edge < end_ns:
                    yield edge

    def overlap(self, other: Hours) -> bool:
        """Whether they share a minute of the week; both must be of one time zone."""
        return bool(_week(self) & _week(other))


def parse_hours(text: str, weekdays: Sequence[int], timezone: ZoneInfo) -> Hours:
    """Hours such as `22:00-06:00`. Raises `ValueError`, which says what is wrong with the text."""
    match = _SPAN.match(text)
    if not match:
        raise ValueError(f"{text!r} are no hours; write for instance 22:00-06:00")
    start_hour, start_minute, end_hour, end_minute = map(int, match.groups())
    start, end = 60 * start_hour + start_minute, 60 * end_hour + end_minute
    if max(start_minute, end_minute) > 59 or start >= _DAY_MINUTES or end > _DAY_MINUTES:
        raise ValueError(f"{text!r} has a time that no clock shows; write for instance 22:00-06:00")
    if start == end:
        raise ValueError(f"{text!r} is no time at all; write {ALL_DAY} for the whole day")
    return Hours(start, end - start if end > start else end + _DAY_MINUTES - start, tuple(weekdays), timezone)


@lru_cache(maxsize=256)
def _week(hours: Hours) -> int:
    """The minutes of the week, from Monday 00:00, each a bit."""
    found = 0
    for day in hours.weekdays:
        for minute in range(hours.minutes):
            found |= 1 << (day * _DAY_MINUTES + hours.start_minute + minute) % _WEEK_MINUTES
    return found


@lru_cache(maxsize=512)
def _day(hours: Hours, day: int) -> tuple[bool, tuple[int, ...]]:
    """Of a day of UTC, counted from 1970: whether they hold right before it, and when that changes within it.

    Every hour is looked at, and every minute where something changes: what clocks do is then as `zoneinfo` has it, and
    nothing else. Wherever there are rules for clocks today, they are put to other times at whole minutes of UTC.
    """
    week, start_ns = _week(hours), day * _DAY_NS
    before = held = bool(week >> _wall_minute(hours.timezone, start_ns - _MINUTE_NS) & 1)
    edges = []
    for hour_ns in range(start_ns, start_ns + _DAY_NS, _HOUR_NS):
        minutes = _minutes(hours, hour_ns)
        if minutes == (_HOUR if held else 0):
            continue
        for minute in range(60):
            holds = bool(minutes >> minute & 1)
            if holds != held:
                edges.append(hour_ns + minute * _MINUTE_NS)
                held = holds
    return before, tuple(edges)


def _minutes(hours: Hours, hour_ns: int) -> int:
    """In which minutes of an hour of UTC they hold, each a bit."""
    week = _week(hours)
    first, last = (_wall_minute(hours.timezone, hour_ns + minute * _MINUTE_NS) for minute in (0, 59))
    if first + 59 == last:
        return week >> first & _HOUR
    # Within this hour a week begins, or clocks are put to another time.
    walls = (_wall_minute(hours.timezone, hour_ns + minute * _MINUTE_NS) for minute in range(60))
    return sum((week >> wall & 1) << minute for minute, wall in enumerate(walls))


def _wall_minute(timezone: ZoneInfo, time_ns: int) -> int:
    local = datetime.fromtimestamp(time_ns // NS_PER_SECOND, timezone)
    return local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
