"""What a run has done and cost over all the parts in which it is carried out, and what is told of that to whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from taximeter.bill import Bill, make_bill
from taximeter.budget import Budget
from taximeter.cost import RunningCost
from taximeter.done import Done, Reached, done_from_json, resumed
from taximeter.exporter_client import Progress
from taximeter.flops import Flops
from taximeter.metric_table import Reading
from taximeter.milestones import Milestones
from taximeter.phases import Phase
from taximeter.plan import Plan
from taximeter.settings import Settings
from taximeter.tally import Reported


class Counted(Protocol):
    """What this process did until now: all of `Reported` that `Done` is made of."""

    @property
    def steps(self) -> int:
        """Turns of the loop that ended."""

    @property
    def samples(self) -> int:
        """That these were trained on."""

    @property
    def passes(self) -> int:
        """Loops over a loader that ran to the loader's end: epochs, for a loader that yields the data set once."""

    @property
    def out_of_memory(self) -> int:
        """How often the device's memory did not suffice."""

    @property
    def best_accuracy(self) -> float | None:
        """The best on the validation split."""


class Account:
    """Adds what this process does to what the parts before it did; `recorded` is what was known of these at the start.

    Times of this process, `phases_ns`, are nanoseconds by phase. `began` is when it began, by the clock of the cost.
    """

    def __init__(self, settings: Settings, cost: RunningCost, *, began: int, recorded: Done | None) -> None:
        self._settings = settings
        self._cost = cost
        self._began = began
        self._recorded = recorded
        self._before = Done()
        self.milestones = Milestones()
        self.plan = Plan()
        self.flops = Flops()
        self.steps_per_pass: int | None = None
        """Of a loop over the loader; `None`: not known."""
        self.lost_steps = 0
        self.lost_ns = 0
        self._carry(recorded or Done())

    def go_on_from(self, state: Any) -> None:
        """Take over what had been done until a checkpoint. Raises `ValueError` that says why it cannot be read."""
        self._carry(resumed(done_from_json(state), self._recorded))

    def done(self, phases_ns: Mapping[Phase, int], counted: Counted) -> Done:
        """All that was done until now."""
        before, world = self._before, self._settings.world
        bests = [best for best in (before.best_accuracy, counted.best_accuracy) if best is not None]
        return Done(
            steps=before.steps + counted.steps,
            samples=before.samples + counted.samples * world,
            passes=before.passes + counted.passes,
            flops=before.flops + (self.flops.total(counted.samples) or 0) * world,
            out_of_memory=before.out_of_memory + counted.out_of_memory,
            lost_steps=before.lost_steps + self.lost_steps,
            lost_ns=before.lost_ns + self.lost_ns,
            phases_ns={phase: before.phases_ns.get(phase, 0) + ns for phase, ns in phases_ns.items()},
            cost={} if self._settings.price is None else self._cost.seen(),
            best_accuracy=max(bests, default=None),
            reached=self.milestones.read(),
        )

    def reacher(self) -> Callable[[float], None]:
        """Notes an accuracy as reached at this moment, whenever it is read."""
        before = sum(self._before.phases_ns.values())
        when = Reached(seconds=(before + self._cost.now() - self._began) / 1e9, cost=self._cost.seen())
        return lambda accuracy: self.milestones.reach(accuracy, when)

    def reading(
        self,
        phases_ns: dict[Phase, int],
        reported: Reported,
        *,
        peak_memory: int | None,
        budget: Budget | None,
        exporter_up: bool | None,
    ) -> Reading:
        """For the metrics."""
        done = self.done(phases_ns, reported)
        return Reading(
            phases_ns=phases_ns,
            reported=reported,
            done=done,
            peak_memory=peak_memory,
            flops=self.flops.total(reported.samples),
            peak_flops_per_second=self.flops.peak_per_second,
            remaining_seconds=self._remaining_seconds(done),
            cost=self._cost.seen(),
            cost_per_hour=self._cost.price,
            by_hand=self._settings.price is not None,
            budget=budget,
            exporter_up=exporter_up,
        )

    def bill(self, done: Done, *, result: str, settled: bool, peak_memory: int | None, budget: Budget | None) -> Bill:
        """For whoever pays."""
        peak = self.flops.peak_per_second
        return make_bill(
            run=self._settings.run,
            project=self._settings.project,
            result=result,
            by_hand=self._settings.price is not None,
            settled=settled,
            quote=self._cost.quote,
            cost_per_hour=self._cost.price,
            cost=self._cost.seen(),
            done=done,
            flops_known=self.flops.per_sample is not None,
            peak_flops_per_second=None if peak is None else peak * self._settings.world,
            peak_memory=peak_memory,
            target_accuracy=self.plan.target_accuracy,
            remaining_seconds=self._remaining_seconds(done),
            budget={} if budget is None else {budget.currency: budget.limit},
        )

    def progress(self, reported: Reported) -> Progress:
        """For the exporter: where the model is, not what was done."""
        accuracy = reported.accuracy.get("validation", reported.accuracy.get("train"))
        known = {
            "epoch": reported.epoch,
            "step": self._before.kept_steps + reported.steps,
            "samples": self._before.samples + reported.samples * self._settings.world,
            "bytes": reported.bytes_read,
            "accuracy": accuracy,
            "loss": reported.loss.get("train", reported.loss.get("validation")),
        }
        return {field: value for field, value in known.items() if value is not None}

    def _remaining_seconds(self, done: Done) -> float | None:
        return self.plan.remaining_seconds(done, steps_per_pass=self.steps_per_pass)

    def _carry(self, before: Done) -> None:
        self._before = before
        self.milestones.carry(before.reached)
        price, currency = self._settings.price, self._settings.currency
        if price is not None and self._settings.pays:
            self._cost.begin({currency: price}, at=self._began, before=before.cost)
