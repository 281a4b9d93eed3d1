"""Outcomes of trials that were never carried out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from taximeter.training.tune.outcome import Outcome


def outcome(number: int = 0, **changes: Any) -> Outcome:
    """A trial that finished at 50% for 2 USD, unless told otherwise."""
    plain: dict[str, Any] = {
        "number": number,
        "run": f"study-t{number:03d}",
        "settings": {"learning_rate": 0.01},
        "end": "finished",
        "reason": None,
        "epochs": 3,
        "seconds": 2.0,
        "accuracy": 0.5,
        "cost": Decimal(2),
        "cost_to_target": None,
    }
    return Outcome(**plain | changes)
