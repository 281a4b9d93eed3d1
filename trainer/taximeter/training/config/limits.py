"""What values a setting may have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

Number = int | float | Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A range of finite numbers; its ends belong to it unless they are named `above` and `below`."""

    least: Number | None = None
    above: Number | None = None
    most: Number | None = None
    below: Number | None = None

    def __contains__(self, value: Number) -> bool:
        return (
            (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value))
            and (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        if self.least is not None and self.most is not None:
            return f"{self.least} to {self.most}"
        low = f"{self.least} or more" if self.least is not None else ""
        low = f"above {self.above}" if self.above is not None else low
        high = f"at most {self.most}" if self.most is not None else ""
        high = f"below {self.below}" if self.below is not None else high
        return " and ".join(part for part in (low, high) if part) or "a finite number"


AT_LEAST_0 = Limits(least=0)
AT_LEAST_1 = Limits(least=1)
POSITIVE = Limits(above=0)
SHARE = Limits(least=0, most=1)
"""Either end is possible."""
PROPER_SHARE = Limits(above=0, below=1)
"""Neither end is possible."""
