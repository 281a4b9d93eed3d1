"""What a person got wrong in calling a command."""

from __future__ import annotations


class UsageError(Exception):
    """What was asked for cannot be done; one line that says what would be right."""


def named_as_option(complaint: str) -> str:
    """A complaint of the meter about its argument, by the name of the option; one about a variable stays as it is."""
    field, rest = complaint.split(":", 1)
    if field.isupper():
        return complaint
    return f"--{'metrics-listen' if field == 'listen' else field}:{rest}"
