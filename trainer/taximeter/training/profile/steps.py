"""Which steps of a run are profiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class StepRange:
    """From the first to the last, both of them; counted from 1 over all epochs."""

    first: int
    last: int

    @classmethod
    def of(cls, text: str) -> Self:
        """`10-20`, as the configuration has it."""
        first, last = text.split("-")
        return cls(int(first), int(last))

    def __contains__(self, step: int) -> bool:
        return self.first <= step <= self.last

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"
