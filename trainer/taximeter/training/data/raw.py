"""A data set as it is found: before it is split, resized, normalised or varied."""

from __future__ import annotations

from dataclasses import dataclass

from taximeter.training.data.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class RawData:
    """A data set with its images where they lie."""

    classes: tuple[str, ...]
    """Their names, by class number."""
    channels: int
    training: Source
    validation: Source | None
    """`None` if a share of `training` is to be split off."""
    bytes_read: int = 0
    """From storage, to get this far."""
    notes: tuple[str, ...] = ()
    """What a person should know of it, a line each."""
