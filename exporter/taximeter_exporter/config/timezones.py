"""Reads the name of a time zone."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from taximeter_exporter.config.error import Refused


def read_timezone(field: str, name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises `Refused`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused(field, f"{name!r} is not a time zone; write an IANA name, for instance Europe/Berlin") from error
