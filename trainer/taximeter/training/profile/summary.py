"""What profiled steps spent their time on, and what that cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taximeter.bill import cost_of
from taximeter.cost import Money
from taximeter.phases import Phase
from taximeter.training.profile.recorder import OperatorTime
from taximeter.training.profile.steps import StepRange

LISTED = 15
"""So many operators are named, those that took longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator; `share` and `cost` are by the time of the device that was trained on."""

    name: str
    calls: int
    cpu_seconds: float
    device_seconds: float
    share: float
    """Of the time of the steps, 0 to 1."""
    cost: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseShare:
    """One phase of the run, within the steps."""

    phase: Phase
    seconds: float
    share: float
    cost: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of some steps. Money is by the price while they were profiled; empty where none was known."""

    run: str
    steps: StepRange
    """Those that were profiled indeed."""
    device: str
    on_gpu: bool
    seconds: float
    """From the first step's wait for its batch to the last one's end, with the profiler on."""
    seconds_per_step_before: float | None
    """Of steps just before, without the profiler; `None`: there were none."""
    cost_per_hour: Money
    simulated: bool
    """The devices were made up, and so is the money."""
    phases: tuple[PhaseShare, ...]
    operators: tuple[Operator, ...]
    """The longest first."""
    other_operators: Operator
    """All that are not listed, together."""
    cpu_seconds: float
    """In all operators, of the threads that called them."""
    device_seconds: float
    """In all kernels on the GPU; 0 without one."""
    profiling_seconds: float
    """To start and stop the profiler, and to reckon and write what it had recorded."""

    @property
    def seconds_per_step(self) -> float:
        """With the profiler on."""
        return self.seconds / (self.steps.last - self.steps.first + 1)

    @property
    def cost(self) -> Money:
        """Of the steps."""
        return cost_of(self.seconds, self.cost_per_hour)

    @property
    def profiling_cost(self) -> Money:
        """Of the profiler, without what it slowed the steps down."""
        return cost_of(self.profiling_seconds, self.cost_per_hour)

    @property
    def outside_seconds(self) -> float:
        """Of the steps in which no operator ran: a GPU was idle, or the processor in Python, or waiting."""
        return max(0.0, self.seconds - (self.device_seconds if self.on_gpu else self.cpu_seconds))

    def to_json(self) -> dict[str, Any]:
        """As JSON values; money as decimal strings under its currency."""
        return {
            "run": self.run,
            "first_step": self.steps.first,
            "last_step": self.steps.last,
            "device": self.device,
            "seconds": self.seconds,
            "seconds_per_step": self.seconds_per_step,
            "seconds_per_step_before": self.seconds_per_step_before,
            "cost_per_hour": _money(self.cost_per_hour),
            "cost": _money(self.cost),
            "simulated": self.simulated,
            "cpu_seconds": self.cpu_seconds,
            "device_seconds": self.device_seconds if self.on_gpu else None,
            "outside_operators": {
                "seconds": self.outside_seconds,
                "share": self.outside_seconds / self.seconds,
                "cost": _money(cost_of(self.outside_seconds, self.cost_per_hour)),
            },
            "phases": [
                {"phase": its.phase, "seconds": its.seconds, "share": its.share, "cost": _money(its.cost)}
                for its in self.phases
            ],
            "operators": [_operator_json(each) for each in self.operators],
            "other_operators": _operator_json(self.other_operators),
            "profiling_seconds": self.profiling_seconds,
            "profiling_cost": _money(self.profiling_cost),
        }


def listed(
    operators: Sequence[OperatorTime], *, on_gpu: bool, seconds: float, cost_per_hour: Money
) -> tuple[tuple[Operator, ...], Operator]:
    """The operators that took longest on the device that was trained on, and all others together."""

    def its(each: OperatorTime) -> float:
        return each.device_seconds if on_gpu else each.cpu_seconds

    def told(each: OperatorTime) -> Operator:
        return Operator(
            name=each.name,
            calls=each.calls,
            cpu_seconds=each.cpu_seconds,
            device_seconds=each.device_seconds,
            share=its(each) / seconds,
            cost=cost_of(its(each), cost_per_hour),
        )

    ordered = sorted(operators, key=its, reverse=True)
    rest = ordered[LISTED:]
    together = OperatorTime(
        name=f"{len(rest)} others",
        calls=sum(each.calls for each in rest),
        cpu_seconds=sum(each.cpu_seconds for each in rest),
        device_seconds=sum(each.device_seconds for each in rest),
    )
    return tuple(told(each) for each in ordered[:LISTED]), told(together)


def phase_shares(nanoseconds: Mapping[Phase, int], *, seconds: float, cost_per_hour: Money) -> tuple[PhaseShare, ...]:
    """What passed in each phase in which time passed."""
    return tuple(
        PhaseShare(phase=phase, seconds=its, share=its / seconds, cost=cost_of(its, cost_per_hour))
        for phase, its in ((phase, passed / 1e9) for phase, passed in nanoseconds.items())
        if its
    )


def _operator_json(it: Operator) -> dict[str, Any]:
    return {
        "name": it.name,
        "calls": it.calls,
        "cpu_seconds": it.cpu_seconds,
        "device_seconds": it.device_seconds,
        "share": it.share,
        "cost": _money(it.cost),
    }


def _money(money: Money) -> dict[str, str]:
    # A step costs millionths: more places than on a bill.
    return {currency: f"{amount:.9f}" for currency, amount in money.items()}
