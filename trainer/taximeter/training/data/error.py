"""Data that cannot be trained on."""

from __future__ import annotations


class DataError(Exception):
    """One line that names what is wrong with the data, and what would be right."""
