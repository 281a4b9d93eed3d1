"""What a run has done until some moment, over all the parts in which it was carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from taximeter.cost import Money
from taximeter.phases import PHASES, PROGRESS, Phase

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """When a run first reached an accuracy."""

    seconds: float
    """Of the run's time."""
    cost: Money
    """Empty: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Quantities of a run. Lost work, done and then to be done again after a kill, is counted in."""

    steps: int = 0
    samples: int = 0
    passes: int = 0
    """Loops over a loader that ran to its end: epochs, for a loader that yields the data set once."""
    flops: float = 0
    """Floating-point operations of the model, as far as they are known."""
    out_of_memory: int = 0
    lost_steps: int = 0
    lost_ns: int = 0
    """Time in the phases of progress that bought the lost steps."""
    phases_ns: Mapping[Phase, int] = field(default_factory=dict)
    cost: Money = field(default_factory=dict)
    """By a price given by hand; with an exporter its ledger knows, and this is empty."""
    best_accuracy: float | None = None
    """The best on the validation split, 0 to 1."""
    reached: Mapping[float, Reached] = field(default_factory=dict)
    """By validation accuracy."""

    @property
    def seconds(self) -> float:
        """The run's time."""
        return sum(self.phases_ns.values()) / 1e9

    @property
    def kept_steps(self) -> int:
        """Steps whose result is in the model."""
        return self.steps - self.lost_steps

    @property
    def kept_ns(self) -> int:
        """Time that bought progress which was kept."""
        return sum(self.phases_ns.get(phase, 0) for phase in PROGRESS) - self.lost_ns

    @property
    def goodput(self) -> float | None:
        """The share of the run's time, and so of its money, that bought progress which was kept; 0 to 1."""
        total = sum(self.phases_ns.values())
        return max(0, self.kept_ns) / total if total else None

    def to_json(self) -> dict[str, Any]:
        """As plain values that JSON and a checkpoint can hold; money as strings."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        return plain | {
            "version": VERSION,
            "phases_ns": dict(self.phases_ns),
            "cost": _strings(self.cost),
            "reached": {str(at): [when.seconds, _strings(when.cost)] for at, when in self.reached.items()},
        }


def done_from_json(plain: Any) -> Done:
    """Read what `Done.to_json` gave. Raises `ValueError` that says what is wrong."""
    try:
        if plain["version"] != VERSION:
            raise ValueError(f"its version is {plain['version']!r}, not {VERSION}")
        best = plain["best_accuracy"]
        return Done(
            **{name: _count(plain, name) for name in _COUNTS},
            flops=float(plain["flops"]),
            phases_ns={phase: _count(plain["phases_ns"], phase) for phase in PHASES if phase in plain["phases_ns"]},
            cost=_money(plain["cost"]),
            best_accuracy=None if best is None else float(best),
            reached={
                float(at): Reached(seconds=float(seconds), cost=_money(cost))
                for at, (seconds, cost) in plain["reached"].items()
            },
        )
    except KeyError as missing:
        raise ValueError(f"it has no {missing}") from None
    except (TypeError, AttributeError, ArithmeticError) as wrong:
        raise ValueError(f"it is not a meter's state: {wrong}") from None


def resumed(kept: Done, recorded: Done | None) -> Done:
    """What a run had done before it was resumed from a checkpoint.

    `kept` is the state in the checkpoint, `recorded` the last that was recorded of the run, if anything was: what is
    in it beyond the checkpoint is lost, and cost money all the same.
    """
    if recorded is None or recorded.kept_steps < kept.kept_steps:
        return kept
    plain = {item.name: getattr(recorded, item.name) for item in fields(Done)}
    return Done(
        **plain
        | {
            "passes": kept.passes,
            "lost_steps": recorded.lost_steps + recorded.kept_steps - kept.kept_steps,
            "lost_ns": recorded.lost_ns + max(0, recorded.kept_ns - kept.kept_ns),
            "best_accuracy": kept.best_accuracy,
            "reached": kept.reached,
        }
    )


_COUNTS = ("steps", "samples", "passes", "out_of_memory", "lost_steps", "lost_ns")


def _count(plain: Any, name: str) -> int:
    number = plain[name]
    if not isinstance(number, int) or number < 0:
        raise ValueError(f"its {name} is {number!r}, not a whole number from 0")
    return number


def _money(plain: Any) -> Money:
    money = {str(currency): Decimal(amount) for currency, amount in plain.items()}
    if not all(amount.is_finite() for amount in money.values()):
        raise ValueError(f"its money is {plain!r}")
    return money


def _strings(money: Money) -> dict[str, str]:
    return {currency: str(amount) for currency, amount in money.items()}
