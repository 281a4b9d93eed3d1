"""What a person got wrong in calling a command."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable


class UsageError(Exception):
    """What was asked for cannot be done; one line that says what would be right."""


def named_as_option(complaint: str) -> str:
    """A complaint of the meter about its argument, by the name of the option; one about a variable stays as it is."""
    field, rest = complaint.split(":", 1)
    if field.isupper():
        return complaint
    return f"--{'metrics-listen' if field == 'listen' else field}:{rest}"


def require(packages: Iterable[str]) -> None:
    """Raise `UsageError` unless all of these packages of the extra can be imported; imports none of them."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise UsageError(f"{', '.join(missing)} not installed: pip install './trainer[trainer]'")
