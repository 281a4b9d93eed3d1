"""A checkpoint that cannot be used."""

from __future__ import annotations


class CheckpointError(ValueError):
    """One line that names the file, what is wrong with it, and what would be right."""


class Damaged(CheckpointError):
    """The file was cut short or altered: it is not what was written once. The one before it may be good."""
