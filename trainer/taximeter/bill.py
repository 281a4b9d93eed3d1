"""The bill of a run: what it cost, what for, and who says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

from taximeter.cost import Money, Quote
from taximeter.phases import Phase

Source = Literal["exporter", "estimate", "unknown"]
"""`exporter`: its final word. `estimate`: its last word, and its price since. `unknown`: nobody named a price."""

_MICRO = Decimal("0.000001")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseCost:
    """A phase's part of the bill."""

    phase: Phase
    seconds: float
    share: float
    """Of the run's time, 0 to 1."""
    cost: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a run cost. Every amount is empty where it is not known, and never 0 instead."""

    run: str
    project: str
    result: str
    source: Source
    simulated: bool
    """The devices were made up, and so is the money."""
    seconds: float
    """How long the run took."""
    device_seconds: float | None
    """Device time that the exporter booked for the run, of all its devices together."""
    devices: tuple[str, ...]
    epochs: int
    steps: int
    samples: int
    accuracy: float | None
    """The best on the validation split, 0 to 1."""
    cost_per_hour: Money
    cost: Money
    phases: tuple[PhaseCost, ...]

    @property
    def cost_per_epoch(self) -> Money:
        """Cost divided by completed epochs."""
        return _over(self.cost, Decimal(self.epochs))

    @property
    def cost_per_1000_samples(self) -> Money:
        """Cost of a thousand samples trained on, repeats counted again."""
        return _over(self.cost, Decimal(self.samples) / 1000)

    @property
    def cost_per_accuracy_point(self) -> Money:
        """Cost divided by the best validation accuracy in per cent."""
        return _over(self.cost, Decimal(repr(self.accuracy)) * 100 if self.accuracy else Decimal(0))

    @property
    def note(self) -> str | None:
        """What has to be known to read the amounts rightly; `None` if they are the exporter's own, of real devices."""
        notes = []
        if self.simulated:
            notes.append("simulated devices: this is not real money")
        if self.source == "unknown":
            notes.append("the cost is not known: no exporter named a price")
        elif self.source == "estimate":
            notes.append("an estimate: the exporter did not confirm the end, its last known price was used")
        return "; ".join(notes) or None

    def to_json(self) -> dict[str, Any]:
        """The bill as JSON values; money as decimal strings with six places under its currency."""
        return {
            "run": self.run,
            "project": self.project,
            "result": self.result,
            "source": self.source,
            "simulated": self.simulated,
            "note": self.note,
            "seconds": round(self.seconds, 3),
            "device_seconds": None if self.device_seconds is None else round(self.device_seconds, 3),
            "devices": list(self.devices),
            "epochs": self.epochs,
            "steps": self.steps,
            "samples": self.samples,
            "accuracy": self.accuracy,
            "cost_per_hour": _strings(self.cost_per_hour),
            "cost": _strings(self.cost),
            "cost_per_epoch": _strings(self.cost_per_epoch),
            "cost_per_1000_samples": _strings(self.cost_per_1000_samples),
            "cost_per_accuracy_point": _strings(self.cost_per_accuracy_point),
            "phases": [
                {
                    "phase": part.phase,
                    "seconds": round(part.seconds, 3),
                    "share": round(part.share, 4),
                    "cost": _strings(part.cost),
                }
                for part in self.phases
            ],
        }

    def to_table(self, *, samples: str = "samples") -> str:
        """The bill for a person; `samples` is what the samples are called, in the plural."""
        device_time = "not known"
        if self.device_seconds is not None:
            device_time = f"{self.device_seconds:,.1f} s on {', '.join(self.devices) or 'the devices of the exporter'}"
        rows = [
            ("project", self.project),
            ("result", self.result),
            ("time", f"{self.seconds:,.1f} s, {self.steps:,} steps, {self.samples:,} {samples}, {self.epochs} epochs"),
            ("validation accuracy", "not known" if self.accuracy is None else f"{self.accuracy:.2%} at best"),
            ("device time", device_time),
            ("price per hour", show(self.cost_per_hour)),
            None,
            ("total", show(self.cost)),
            ("per epoch", show(self.cost_per_epoch)),
            (f"per 1,000 {samples}", show(self.cost_per_1000_samples)),
            ("per accuracy point", show(self.cost_per_accuracy_point)),
            None,
            *(
                (part.phase.replace("_", " "), f"{part.seconds:>10,.1f} s {part.share:>7.1%}   {show(part.cost)}")
                for part in self.phases
            ),
        ]
        lines = ["" if row is None else f"  {row[0]:<22}{row[1]}" for row in rows]
        note = [] if self.note is None else [f"  NOTE: {self.note}"]
        return "\n".join([f"Bill of {self.run}", *note, *lines])


def make_bill(
    *,
    run: str,
    project: str,
    result: str,
    settled: bool,
    quote: Quote | None,
    cost_per_hour: Money,
    cost: Money,
    phases_ns: dict[Phase, int],
    epochs: int,
    steps: int,
    samples: int,
    accuracy: float | None,
) -> Bill:
    """Put a bill together; each phase bears the cost by its share of the time."""
    total_ns = sum(phases_ns.values())

    def phase_cost(phase: Phase, nanoseconds: int) -> PhaseCost:
        return PhaseCost(
            phase=phase,
            seconds=nanoseconds / 1e9,
            share=nanoseconds / total_ns if total_ns else 0.0,
            cost=_each(cost, lambda amount: amount * nanoseconds / total_ns) if total_ns else {},
        )

    return Bill(
        run=run,
        project=project,
        result=result,
        source="unknown" if not cost else "exporter" if settled else "estimate",
        simulated=quote is not None and quote.simulated,
        seconds=total_ns / 1e9,
        device_seconds=None if quote is None else float(quote.device_seconds),
        devices=() if quote is None else quote.devices,
        epochs=epochs,
        steps=steps,
        samples=samples,
        accuracy=accuracy,
        cost_per_hour=cost_per_hour,
        cost=cost,
        phases=tuple(phase_cost(phase, nanoseconds) for phase, nanoseconds in phases_ns.items()),
    )


def show(money: Money) -> str:
    """Money for a person: cents from 1 upwards, and below that six places, in which the first digits show."""
    if not money:
        return "not known"
    return " + ".join(
        f"{amount.quantize(_CENT if abs(amount) >= 1 else _MICRO, ROUND_HALF_EVEN):,f} {currency}"
        for currency, amount in money.items()
    )


def _strings(money: Money) -> dict[str, str]:
    return {currency: f"{amount.quantize(_MICRO, ROUND_HALF_EVEN):f}" for currency, amount in money.items()}


def _over(money: Money, units: Decimal) -> Money:
    return _each(money, lambda amount: amount / units) if units else {}


def _each(money: Money, change: Callable[[Decimal], Decimal]) -> Money:
    return {currency: change(amount) for currency, amount in money.items()}
