"""What is known of a checkpoint without torch: whose it is, how far it got, and what it was configured for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

FORMAT = 1
"""Of the file: raised when an older Taximeter could no longer read it rightly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Written into the checkpoint as JSON. Steps and epochs count from 1; 0 is before the first."""

    run: str
    project: str
    epoch: int
    """Epochs that were done to their end, with their evaluation."""
    step: int
    """Over all epochs."""
    accuracy: float | None
    """The best so far on the validation split, 0 to 1."""
    stop: str | None
    """Why the run had been told to stop when this was written."""
    settings: Mapping[str, Any]
    """The whole configuration by name, as JSON values."""
    data: Mapping[str, Any]
    """The description of the data set, with its `fingerprint`."""
    written_at: str
    """RFC 3339, UTC."""
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """The header that `to_json` made; what a later minor version added is left out. Raises `KeyError`."""
        return cls(**{each.name: values[each.name] for each in fields(cls)})
