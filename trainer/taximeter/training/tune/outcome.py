"""What came of a trial, and how trials compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Literal, Self

Objective = Literal["accuracy", "cost"]
End = Literal["finished", "pruned", "failed", "budget", "interrupted"]

NOT_REACHED = 1e12
"""As much as no trial costs: a trial that does not reach the target is worse than any that does."""


_MONEY = ("cost", "cost_to_target", "startup_cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One trial."""

    number: int
    """From 0."""
    run: str
    settings: Mapping[str, Any]
    """What was tried, by name, as JSON values."""
    end: End
    reason: str | None
    """Why it failed."""
    epochs: int
    seconds: float
    accuracy: float | None
    """The best on the validation split, 0 to 1."""
    cost: Decimal | None
    """`None`: not known."""
    cost_to_target: Decimal | None
    """What it had cost when it reached the target accuracy; `None`: it did not, or there is none."""
    startup_cost: Decimal | None = None
    """Of `cost`, what it took until its first step; `None`: not known."""

    @property
    def whole(self) -> bool:
        """Whether it was carried out as far as it was meant to be; else the same settings are tried once more."""
        return self.end not in ("budget", "interrupted")

    def to_json(self) -> dict[str, Any]:
        """As JSON values; money as strings."""
        money = {name: _text(getattr(self, name)) for name in _MONEY}
        return asdict(self) | {"settings": dict(self.settings)} | money

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        money = {name: _amount(told.get(name)) for name in _MONEY}
        return cls(**{**told, **money})


def value(outcome: Outcome, objective: Objective) -> float:
    """What the search makes small or large.

    By cost: what it cost to reach the target; a trial that did not is worse than all that did, and among such the one
    that came closest is best.
    """
    accuracy = 0.0 if outcome.accuracy is None else outcome.accuracy
    if objective == "accuracy":
        return accuracy
    return NOT_REACHED * (2 - accuracy) if outcome.cost_to_target is None else float(outcome.cost_to_target)


def best(outcomes: Iterable[Outcome], objective: Objective) -> Outcome | None:
    """The best trial, of equals the cheapest; `None` if there is none that counts."""
    counted = [outcome for outcome in outcomes if outcome.accuracy is not None and outcome.end != "failed"]
    if objective == "cost":
        counted = [outcome for outcome in counted if outcome.cost_to_target is not None]
    sign = -1 if objective == "accuracy" else 1
    return min(
        counted, key=lambda outcome: (sign * value(outcome, objective), outcome.cost or Decimal(0)), default=None
    )


def spent(outcomes: Iterable[Outcome]) -> Decimal:
    """What all of them cost, as far as it is known."""
    return sum((outcome.cost for outcome in outcomes if outcome.cost is not None), Decimal(0))


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
