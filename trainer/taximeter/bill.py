"""The bill of a run: what it cost, what for, and who says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

from taximeter.cost import NS_PER_HOUR, Money, Quote
from taximeter.done import Done, Reached
from taximeter.phases import PROGRESS, Phase

Source = Literal["exporter", "estimate", "price by hand", "unknown"]
"""`exporter`: its final word. `estimate`: its last word, and its price since. `price by hand`: the price that the
program was given, times the time that it took. `unknown`: nobody named a price."""

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
class Lost:
    """What was done, did not stay in the model, and had to be done again."""

    steps: int
    seconds: float
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
    """How long the run took, with the parts before it was resumed."""
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
    lost: Lost
    goodput: float | None
    """The share of the money that bought progress which was kept, 0 to 1: not start-up, waiting for data, evaluation,
    checkpoints or lost steps."""
    reached: Mapping[float, Reached]
    """Time and cost to each validation accuracy."""
    target_accuracy: float | None
    remaining_seconds: float | None
    """What the plan still asked for when the run ended, at its mean pace."""
    cost_to_finish: Money
    """Of those seconds."""
    budget: Money
    """What the run might cost by its own budget."""
    out_of_memory: int
    """How often the device's memory did not suffice."""
    peak_memory: int | None
    """In bytes."""
    flops_per_second: float | None
    """Floating-point operations of the model over the time of its steps, with their waits for data."""
    flops_utilization: float | None
    """Of the device's peak, 0 to 1."""

    @property
    def trained(self) -> bool:
        """Whether anything is known of what went on; of a program that was only watched from outside it is not."""
        return any(part.seconds and part.phase != "other" for part in self.phases)

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
    def cost_to_target(self) -> Money:
        """What it had cost when the target accuracy was reached; empty if it was not, or there is none."""
        reached = None if self.target_accuracy is None else self.reached.get(self.target_accuracy)
        return {} if reached is None else reached.cost

    @property
    def note(self) -> str | None:
        """What has to be known to read the amounts rightly; `None` if they are the exporter's own, of real devices."""
        notes = []
        if self.simulated:
            notes.append("simulated devices: this is not real money")
        if self.source == "unknown":
            notes.append("the cost is not known: no exporter named a price")
        elif self.source == "price by hand":
            notes.append("the price was given by hand: time × price, no exporter was asked")
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
            "cost_to_target": _strings(self.cost_to_target),
            "cost_to_finish": _strings(self.cost_to_finish),
            "budget": _strings(self.budget),
            "goodput": None if self.goodput is None else round(self.goodput, 4),
            "lost": {
                "steps": self.lost.steps,
                "seconds": round(self.lost.seconds, 3),
                "cost": _strings(self.lost.cost),
            },
            "target_accuracy": self.target_accuracy,
            "reached": [
                {"accuracy": accuracy, "seconds": round(reached.seconds, 3), "cost": _strings(reached.cost)}
                for accuracy, reached in self.reached.items()
            ],
            "remaining_seconds": None if self.remaining_seconds is None else round(self.remaining_seconds, 3),
            "out_of_memory": self.out_of_memory,
            "peak_memory_bytes": self.peak_memory,
            "flops_per_second": self.flops_per_second,
            "flops_utilization": None if self.flops_utilization is None else round(self.flops_utilization, 4),
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
            ("time", f"{self.seconds:,.1f} s{self._work(samples)}"),
            *([("validation accuracy", self._accuracy())] if self.trained else []),
            ("device time", device_time),
            *self._of_the_device(),
            ("price per hour", show(self.cost_per_hour)),
            None,
            ("total", show(self.cost)),
            *([("budget", show(self.budget))] if self.budget else []),
            *(self._of_the_training(samples) if self.trained else self._of_the_work(samples)),
        ]
        lines = ["" if row is None else f"  {row[0]:<22}{row[1]}" for row in rows]
        note = [] if self.note is None else [f"  NOTE: {self.note}"]
        return "\n".join([f"Bill of {self.run}", *note, *lines])

    def _work(self, samples: str) -> str:
        return f", {self.steps:,} steps, {self.samples:,} {samples}, {self.epochs} epochs" if self.trained else ""

    def _of_the_work(self, samples: str) -> list[tuple[str, str] | None]:
        """Of a program that was not trained in, but counted what it did."""
        per_1000 = (f"per 1,000 {samples}", show(self.cost_per_1000_samples))
        return [(samples, f"{self.samples:,}"), per_1000] if self.samples else []

    def _accuracy(self) -> str:
        return "not known" if self.accuracy is None else f"{self.accuracy:.2%} at best"

    def _of_the_training(self, samples: str) -> list[tuple[str, str] | None]:
        return [
            ("per epoch", show(self.cost_per_epoch)),
            (f"per 1,000 {samples}", show(self.cost_per_1000_samples)),
            ("per accuracy point", show(self.cost_per_accuracy_point)),
            *self._of_the_target(),
            None,
            *(
                (part.phase.replace("_", " "), f"{part.seconds:>10,.1f} s {part.share:>7.1%}   {show(part.cost)}")
                for part in self.phases
                if part.seconds
            ),
            *self._of_the_progress(),
        ]

    def _of_the_device(self) -> list[tuple[str, str]]:
        rows = []
        if self.flops_per_second is not None:
            share = "" if self.flops_utilization is None else f", {self.flops_utilization:.1%} of the peak"
            rows.append(("operations", f"{self.flops_per_second / 1e12:,.3g} TFLOP/s{share}"))
        if self.peak_memory is not None:
            rows.append(("peak memory", f"{self.peak_memory / 2**30:,.2f} GiB"))
        if self.out_of_memory:
            rows.append(("out of memory", f"{self.out_of_memory} times"))
        return rows

    def _of_the_target(self) -> list[tuple[str, str]]:
        rows = []
        if self.target_accuracy is not None:
            reached = self.reached.get(self.target_accuracy)
            rows.append(
                (
                    f"to {self.target_accuracy:.4g} accuracy",
                    "not reached" if reached is None else f"{show(reached.cost)} in {reached.seconds:,.1f} s",
                )
            )
        if self.remaining_seconds:
            rows.append(("to finish", f"{show(self.cost_to_finish)} in {self.remaining_seconds:,.1f} s more"))
        return rows

    def _of_the_progress(self) -> list[tuple[str, str] | None]:
        if self.goodput is None:
            return []
        rows: list[tuple[str, str] | None] = [None]
        if self.lost.steps:
            share = self.lost.seconds / self.seconds
            amount = show(self.lost.cost)
            rows.append((f"lost, {self.lost.steps:,} steps", f"{self.lost.seconds:>10,.1f} s {share:>7.1%}   {amount}"))
        rows.append(("goodput", f"{self.goodput:.1%} of the money bought progress that was kept"))
        return rows


def make_bill(
    *,
    run: str,
    project: str,
    result: str,
    by_hand: bool,
    settled: bool,
    quote: Quote | None,
    cost_per_hour: Money,
    cost: Money,
    done: Done,
    flops_known: bool,
    peak_flops_per_second: float | None,
    peak_memory: int | None,
    target_accuracy: float | None,
    remaining_seconds: float | None,
    budget: Money,
) -> Bill:
    """Put a bill together; each phase bears the cost by its share of the time."""
    total_ns = sum(done.phases_ns.values())

    def of_time(nanoseconds: int) -> Money:
        return _each(cost, lambda amount: amount * nanoseconds / total_ns) if total_ns else {}

    steps_ns = sum(done.phases_ns.get(phase, 0) for phase in ("data_wait", *PROGRESS))
    flops_per_second = done.flops / steps_ns * 1e9 if flops_known and steps_ns else None
    peak = peak_flops_per_second
    return Bill(
        run=run,
        project=project,
        result=result,
        source=_source(cost, by_hand=by_hand, settled=settled),
        simulated=quote is not None and quote.simulated,
        seconds=total_ns / 1e9,
        device_seconds=None if quote is None else float(quote.device_seconds),
        devices=() if quote is None else quote.devices,
        epochs=done.passes,
        steps=done.steps,
        samples=done.samples,
        accuracy=done.best_accuracy,
        cost_per_hour=cost_per_hour,
        cost=cost,
        phases=tuple(
            PhaseCost(
                phase=phase,
                seconds=nanoseconds / 1e9,
                share=nanoseconds / total_ns if total_ns else 0.0,
                cost=of_time(nanoseconds),
            )
            for phase, nanoseconds in done.phases_ns.items()
        ),
        lost=Lost(steps=done.lost_steps, seconds=done.lost_ns / 1e9, cost=of_time(done.lost_ns)),
        goodput=done.goodput if done.steps else None,
        reached=done.reached,
        target_accuracy=target_accuracy,
        remaining_seconds=remaining_seconds,
        cost_to_finish={} if remaining_seconds is None else cost_of(remaining_seconds, cost_per_hour),
        budget=budget,
        out_of_memory=done.out_of_memory,
        peak_memory=peak_memory,
        flops_per_second=flops_per_second,
        flops_utilization=None if flops_per_second is None or peak is None else flops_per_second / peak,
    )


def _source(cost: Money, *, by_hand: bool, settled: bool) -> Source:
    if not cost:
        return "unknown"
    if by_hand:
        return "price by hand"
    return "exporter" if settled else "estimate"


def show(money: Money) -> str:
    """Money for a person: cents from 1 upwards, and below that six places, in which the first digits show."""
    if not money:
        return "not known"
    return " + ".join(
        f"{amount.quantize(_CENT if abs(amount) >= 1 else _MICRO, ROUND_HALF_EVEN):,f} {currency}"
        for currency, amount in money.items()
    )


def cost_of(seconds: float, per_hour: Money) -> Money:
    """What so many seconds cost at a price per hour."""
    return _each(per_hour, lambda price: price * round(seconds * 1e9) / NS_PER_HOUR)


def _strings(money: Money) -> dict[str, str]:
    return {currency: f"{amount.quantize(_MICRO, ROUND_HALF_EVEN):f}" for currency, amount in money.items()}


def _over(money: Money, units: Decimal) -> Money:
    return _each(money, lambda amount: amount / units) if units else {}


def _each(money: Money, change: Callable[[Decimal], Decimal]) -> Money:
    return {currency: change(amount) for currency, amount in money.items()}
