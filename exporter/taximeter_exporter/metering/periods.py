"""Billing periods in a named time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from taximeter_exporter.clock import NS_PER_SECOND

QUARTER_HOUR_NS = 15 * 60 * NS_PER_SECOND
"""Every period of every time zone in use begins at a multiple of this since 1970: offsets from UTC are whole quarter
hours (IANA time zone database, all zones since 1972 but Liberia's last weeks of its old time)."""


class Period(StrEnum):
    """How often a budget begins anew."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    RUN = "run"
    """Not by the calendar: each run from its beginning to its end."""


def bounds(period: Period, timezone: ZoneInfo, time_ns: int) -> tuple[int, int]:
    """The start and the end (exclusive) of the period around a moment; all in nanoseconds since 1970.

    A day is 23 or 25 hours long when the clock changes; a week begins on Monday (ISO 8601). Raises `ValueError` for
    `Period.RUN`, which the calendar does not know.
    """
    local = datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC).astimezone(timezone)
    if period is Period.HOUR:
        # In absolute time: an hour that the clock repeats is two periods.
        start = local.astimezone(UTC) - timedelta(minutes=local.minute, seconds=local.second)
        return _ns(start), _ns(start + timedelta(hours=1))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    match period:
        case Period.DAY:
            first, after = midnight, midnight + timedelta(days=1)
        case Period.WEEK:
            first = midnight - timedelta(days=midnight.weekday())
            after = first + timedelta(days=7)
        case Period.MONTH:
            first = midnight.replace(day=1)
            after = _add_months(first, 1)
        case Period.QUARTER:
            first = midnight.replace(month=midnight.month - (midnight.month - 1) % 3, day=1)
            after = _add_months(first, 3)
        case Period.YEAR:
            first = midnight.replace(month=1, day=1)
            after = _add_months(first, 12)
        case Period.RUN:
            raise ValueError("a run's period is not in the calendar")
    return _ns(first.replace(tzinfo=timezone)), _ns(after.replace(tzinfo=timezone))


def _add_months(first: datetime, months: int) -> datetime:
    years, month = divmod(first.month - 1 + months, 12)
    return first.replace(year=first.year + years, month=month + 1)


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * NS_PER_SECOND
