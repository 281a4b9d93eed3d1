"""The meter for any training loop."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from prometheus_client import CollectorRegistry

from taximeter import torch_device
from taximeter.batches import samples_in
from taximeter.bill import Bill, make_bill
from taximeter.budget import FOREVER_NS, Budget
from taximeter.cost import Money, RunningCost
from taximeter.device_phases import DevicePhases
from taximeter.done import Done, Reached, done_from_json, resumed
from taximeter.endpoint import Endpoint
from taximeter.exporter_client import ExporterClient, Progress
from taximeter.flops import Flops, flops_of
from taximeter.in_step import CALM_SECONDS, InStep
from taximeter.journal import Journal, read_journal
from taximeter.lease import LeaseKeeper
from taximeter.metric_table import Reading
from taximeter.metrics import Page
from taximeter.milestones import Milestones
from taximeter.phases import PHASES, Phase, PhaseTimes
from taximeter.plan import Plan
from taximeter.settings import Amount, Settings, resolve
from taximeter.steps import Steps
from taximeter.tally import SPLITS, Reported, Score, Split, Tally

Result = Literal["finished", "failed", "stopped", "budget"]

_END_SECONDS = 5.0
_LAST_SCRAPE_SECONDS = 15.0
# Prometheus scrapes at least once a minute by default: a run that went on for longer without a scrape has no scraper.
_FIRST_SCRAPE_SECONDS = 60.0

_SPLITS = ", ".join(SPLITS)

_log = logging.getLogger("taximeter")

T = TypeVar("T")


class Meter(InStep):
    """Measures a training loop, and says what it costs while it runs.

        meter = taximeter.Meter(project="vision")
        for batch in meter.steps(loader):
            ...

    On creation it registers the run with the exporter, in the background, and publishes the `taximeter_training_…`
    metrics on 127.0.0.1:9878 (plus `LOCAL_RANK`). It never raises into the training and never waits for anything
    there: without an exporter it goes on with the last known price, and if the port is in use without the endpoint,
    and says so once through the logger `taximeter`.

    When the program exits without `end()`, the run ends as `finished`, or as `failed` after an uncaught exception;
    as a context manager it ends with the block. Then the metrics stay up until their final values have been scraped
    once, for at most 15 seconds, and not at all if there is nobody who scrapes.

    Arguments left out are taken from `TAXIMETER_RUN`, `_PROJECT`, `_TEAM`, `_USER`, `_EXPORTER`, `_PRICE` and
    `_CURRENCY`. `devices` are the UUIDs of the devices the run pays for (default: every device of the exporter);
    `resume` goes on with a run of the same name that has ended; `listen` is `host:port` for the metrics. With
    torchrun's `RANK` only rank 0 is the run whose cost counts; the others publish their metrics. Metrics of samples
    and operations are each rank's own; on the bill, and for the exporter, they are the whole run's: those of rank 0
    times `WORLD_SIZE`, since each rank does its share of every step.

    `price` is what an hour of the run costs, all its devices together, in `currency`: then no exporter is asked, and
    the cost is the price times the time since the meter began. `budget` is what the run may cost, in the same
    currency; the meter stops nobody, the program asks `affords`. `journal` is a file in which the meter records about
    once a second what the run has done: a run that is resumed after a kill knows from it what was lost.

    Raises `ValueError`, before anything is started, if an argument or variable is wrong. A program that would rather
    not begin than go on without the meter says `strict`: then an address that cannot be listened on raises `OSError`,
    and that the exporter refuses the run is left to `wait_registered` to say.
    """

    def __init__(
        self,
        project: str | None = None,
        *,
        run: str | None = None,
        team: str | None = None,
        user: str | None = None,
        model: str | None = None,
        dataset: str | None = None,
        devices: Iterable[str] | None = None,
        resume: bool = False,
        exporter: str | None = None,
        listen: str | None = None,
        price: Amount | None = None,
        currency: str | None = None,
        budget: Amount | None = None,
        journal: Path | None = None,
        strict: bool = False,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        settings = resolve(
            run=run,
            project=project,
            team=team,
            user=user,
            model=model,
            dataset=dataset,
            devices=devices,
            resume=resume,
            exporter=exporter,
            listen=listen,
            price=price,
            currency=currency,
            budget=budget,
        )
        self._settings = settings
        self._clock = clock
        self._tally = Tally()
        self._latest = self._tally.latest
        self._phases = PhaseTimes(clock, self._tally.step, self._tally.step_time, self._unknown_phase)
        self._follow(self._phases)
        self._tellers: list[Callable[[], object]] = []
        self._cuda_device: int | None = None
        self._began = clock()
        self._cost = RunningCost(clock)
        self._milestones = Milestones()
        self._plan = Plan()
        self._flops = Flops()
        self._steps_per_pass: int | None = None
        self._lost_steps = 0
        self._lost_ns = 0
        self._recorded = read_journal(journal) if journal is not None and resume else None
        self._before = Done()
        self._carry(self._recorded or Done())
        self._budget = None
        self._calm_until_ns = FOREVER_NS
        if settings.budget is not None and settings.pays:
            self._budget = Budget(settings.budget, settings.currency, self._cost)
            self._budget.watch(self._stay_calm)
        self._bill: Bill | None = None
        self._final: Reading | None = None
        self._registry = CollectorRegistry()
        self._complaints: set[str] = set()
        self._pid = os.getpid()
        self._exception_before = _uncaught_exception()
        self._lease: LeaseKeeper | None = None
        if settings.takes_lease:
            self._lease = LeaseKeeper(
                ExporterClient(settings),
                self._cost,
                self._progress,
                resume=resume,
                shared=settings.lease,
                where=settings.exporter,
                on_refusal=_ignore if strict else self._say_refused,
            )
        self._endpoint = self._listen(settings, required=strict)
        self._journal = None
        if journal is not None and settings.pays:
            self._journal = Journal(journal, self._done)
            self._journal.start()
        if self._lease is not None:
            self._lease.start()
        atexit.register(self._at_exit)

    @property
    def run(self) -> str:
        """The run's name."""
        return self._settings.run

    @property
    def metrics_url(self) -> str | None:
        """Where the metrics are; `None` if they are not published."""
        return None if self._endpoint is None else self._endpoint.url

    @property
    def simulated(self) -> bool:
        """Whether the exporter's devices, and so the money, are made up."""
        return self._cost.quote is not None and self._cost.quote.simulated

    @property
    def cost_per_hour(self) -> Money:
        """What an hour of the run costs now, by the last known price. Empty: not known."""
        return self._cost.price

    @property
    def budget(self) -> Budget | None:
        """What the run may cost, and what is left of it; `None` without one, and on ranks other than the first."""
        return self._budget

    @property
    def registry(self) -> CollectorRegistry:
        """What is published after the meter's own metrics: a program may register collectors of its own here."""
        return self._registry

    @property
    def done(self) -> Done:
        """What the run has done until now, with the parts before it was resumed."""
        return self._done()

    def steps(
        self, loader: Iterable[T], *, samples: Callable[[T], int] = samples_in, first: Phase = "forward_backward"
    ) -> Steps[T]:
        """Iterate over the loader's batches, each turn of the loop being a step.

        The wait for a batch is the phase `data_wait`, the loop's body `forward_backward`, or what `first` says, until
        it goes on in another `phase`. `samples` says how many samples a batch holds; by default as many as the first
        dimension of its first tensor. A loop that is left by `break` counts the step it was left in.
        """
        try:
            self._steps_per_pass = len(loader)  # type: ignore[arg-type]
        except TypeError:
            self._steps_per_pass = None
        return Steps(
            loader,
            samples,
            first=first,
            begin=self._begin_steps,
            tend=self._tend,
            end=self._tally.complete_pass,
            complain=self._complain,
        )

    def marking(self) -> tuple[Callable[[tuple[int, Phase]], None], Callable[[], int]]:
        """What a loop over `steps` can say phases by for less than a block with `phase` takes: `mark((now(), phase))`.

        From then on the time goes into that phase, until the next mark, or the end of the step. The two functions,
        `mark` and `now`, are to be asked for anew before each loop.
        """
        phases = self._begin_steps()
        return phases.put, phases.clock

    def plan(
        self, *, epochs: float | None = None, steps: int | None = None, target_accuracy: float | None = None
    ) -> None:
        """Say how long the whole run is meant to go on, for the forecast, and what accuracy (0 to 1) it is for.

        `epochs` are loops over the loader; `steps` turns of the loop, and say it more exactly where both are given.
        """
        try:
            for name, value in (("epochs", epochs), ("steps", steps), ("target_accuracy", target_accuracy)):
                if value is not None and not 0 < value < float("inf"):
                    raise ValueError(f"{name} is {value!r}, which is not above 0")
            if target_accuracy is not None:
                if target_accuracy > 1:
                    raise ValueError(f"target_accuracy is {target_accuracy!r}, which is not from 0 to 1")
                self._milestones.aim(target_accuracy)
            self._plan = Plan(epochs=epochs, steps=steps, target_accuracy=target_accuracy)
        except (TypeError, ValueError) as wrong:
            self._complain("plan", f"the plan is not what it should be, and is left out: {wrong}")

    def each_second(self, tell: Callable[[], object]) -> None:
        """Have this called about once a second, and when a loop over `steps` ends, by the loop's own thread.

        For what a step had no time to `log`.
        """
        self._tellers.append(tell)

    def read_bytes(self, count: int) -> None:
        """Say that so many bytes were read from storage, which the exporter bills as transfer where it has a price."""
        if not _is_count(count):
            self._complain("bytes", f"read bytes {count!r} is not a number of bytes, and is left out")
            return
        self._tally.read_bytes(count)

    def count_oom(self) -> None:
        """Say that the device's memory did not suffice, and the training goes on all the same."""
        self._tally.count_out_of_memory()

    def log_memory(self, peak_bytes: int) -> None:
        """Say how much of the device's memory was in use at most. Not needed with CUDA: there the meter asks torch."""
        if not _is_count(peak_bytes):
            self._complain("memory", f"peak memory {peak_bytes!r} is not a number of bytes, and is left out")
            return
        self._tally.log_memory(peak_bytes)

    def log_flops(self, *, per_sample: float, peak_per_second: float | None = None) -> None:
        """Say how many floating-point operations a step takes for each sample, and how many the device can do.

        A multiplication and an addition are two. Where the peak is not known, it is left out.
        """
        if not _is_positive(per_sample) or not (peak_per_second is None or _is_positive(peak_per_second)):
            given = f"per_sample {per_sample!r}, peak_per_second {peak_per_second!r}"
            self._complain("flops", f"the operations are not numbers above 0, and are left out: {given}")
            return
        self._phases.add_up()
        self._flops.change(float(per_sample), samples=self._tally.read().samples)
        self._flops.peak_per_second = peak_per_second

    def measure_flops(self, model: Any, batch: Any, *, peak_per_second: float | None = None) -> float | None:
        """Count once what a step on this batch takes, forward and backward, without carrying it out.

        `model` is the module as it is before `torch.compile` and DDP; `batch` is the tensor that it is called with,
        samples first, or a tuple of its arguments. Returns the operations of the batch; `None`, and says why, if they
        cannot be counted.
        """
        try:
            flops = flops_of(model, batch)
            self.log_flops(per_sample=flops / samples_in(batch), peak_per_second=peak_per_second)
        except Exception as wrong:  # a model that cannot be counted must not end the training
            self._complain("flops", f"the model's operations could not be counted, and are left out: {wrong!r}")
            return None
        return flops

    def lost(self, *, steps: int, seconds: float) -> None:
        """Say that so much of what was done did not stay in the model, and has to be done again.

        For a loop that goes back to a checkpoint by itself; `seconds` are those of the steps. What a kill lost, the
        meter finds by its journal.
        """
        if not _is_count(steps) or not (seconds == 0 or _is_positive(seconds)):
            self._complain("lost", f"lost steps {steps!r}, seconds {seconds!r}: not numbers from 0, and left out")
            return
        self._lost_steps += steps
        self._lost_ns += round(seconds * 1e9)

    def log_scores(
        self,
        *,
        split: Split = "validation",
        top5_accuracy: float | None = None,
        precision: float | None = None,
        recall: float | None = None,
        f1: float | None = None,
    ) -> None:
        """Report how good a classifier is, from 0 to 1; the last three as their means over the classes.

        Plain numbers, or tensors, which are waited for. What is left out keeps its value.
        """
        if split not in SPLITS:
            self._complain("split", f"there is no split {split!r}, its values are left out; splits: {_SPLITS}")
            return
        scores: dict[Score, float | None] = {
            "top5_accuracy": top5_accuracy,
            "precision": precision,
            "recall": recall,
            "f1": f1,
        }
        for name, value in scores.items():
            if value is not None:
                try:
                    self._tally.log_score(name, split, float(value))
                except Exception as wrong:  # whatever a tensor raises must not end the training
                    self._complain(name, f"{name} is not what it should be, and is left out: {wrong}")

    def cost(self) -> Money:
        """What the run has cost until now, as an exact `Decimal` for each currency. Empty: not known."""
        return self._cost.seen()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint has to hold so that the meter can go on: plain numbers, texts, lists and dictionaries."""
        return self._done().to_json()

    def load_state_dict(self, state: Any) -> None:
        """Go on from a checkpoint: take over what the run had done until then, and what was lost since.

        With a price by hand that includes the money; with an exporter, its ledger has it. A state that cannot be read
        is said, and left out.
        """
        try:
            kept = done_from_json(state)
        except (ValueError, TypeError) as wrong:
            self._complain("state", f"the meter's state is left out: {wrong}")
            return
        self._carry(resumed(kept, self._recorded))

    def wait_registered(self, seconds: float) -> str | None:
        """Wait for the exporter's first word, but no longer than so. Returns why it refuses the run, if it does."""
        if self._lease is None:
            return None
        self._lease.wait_asked(seconds)
        return self._lease.refusal

    def end(self, result: Result = "finished") -> Bill:
        """End the run and return its bill; again: the same bill. Waits for the exporter for at most 5 seconds.

        The metrics stay up until `close()`, or the program's end.
        """
        if self._bill is None:
            self._phases.stop()
            self._ask_tellers()
            self._tally.close()
            self._cost.stop()
            if self._lease is not None:
                self._lease.end(result, seconds=_END_SECONDS)
            if self._journal is not None:
                self._journal.close()
            self._final = self._read()
            self._bill = self._make_bill(result)
            if self._endpoint is not None:
                self._endpoint.mark_ended()
        return self._bill

    def close(self, *, last_scrape_seconds: float = _LAST_SCRAPE_SECONDS) -> None:
        """Take the metrics down, after their final values have been scraped once, or at the latest so much later.

        Does not wait if nobody scrapes: there was no scrape so far, and there is either no exporter or the run has
        gone on for more than a minute. What it waits costs nothing, for the run has ended. Ends the run as
        `finished` if it has not ended yet.
        """
        self.end()
        atexit.unregister(self._at_exit)
        if self._endpoint is None:
            return
        endpoint, self._endpoint = self._endpoint, None
        try:
            if endpoint.scrapes or self._may_be_scraped():
                endpoint.wait_scraped(last_scrape_seconds)
        finally:
            endpoint.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end(_result_of(exception))
        self.close()

    def _at_exit(self) -> None:
        if os.getpid() != self._pid:
            return  # a forked worker: the run is its parent's
        uncaught = _uncaught_exception()
        self.end(_result_of(None if uncaught is self._exception_before else uncaught))
        self.close()

    def _listen(self, settings: Settings, *, required: bool) -> Endpoint | None:
        try:
            page = Page(self._read, run=settings.run, rank=settings.rank)
            return Endpoint(settings.listen, page, self._registry)
        except OSError as wrong:
            if required:
                raise
            where = f"{settings.listen.host}:{settings.listen.port}"
            _log.warning("no metrics at %s (%s): training goes on without them", where, wrong)
            return None

    def _say_refused(self, refusal: str) -> None:
        where = self._settings.exporter
        _log.warning("the exporter at %s refuses the run (%s): it is not metered there", where, refusal)

    def _may_be_scraped(self) -> bool:
        """Where there is an exporter there is a Prometheus, which has not come to a young run yet."""
        young = sum(self._phases.read().values()) < _FIRST_SCRAPE_SECONDS * 1e9
        return young and self._cost.quote is not None

    def _carry(self, before: Done) -> None:
        self._before = before
        self._milestones.carry(before.reached)
        price, currency = self._settings.price, self._settings.currency
        if price is not None and self._settings.pays:
            self._cost.begin({currency: price}, at=self._began, before=before.cost)

    def _done(self) -> Done:
        return self._done_with(self._phases.read(), self._tally.read())

    def _done_with(self, phases_ns: Mapping[Phase, int], reported: Reported) -> Done:
        before = self._before
        bests = [best for best in (before.best_accuracy, reported.best_accuracy) if best is not None]
        return Done(
            steps=before.steps + reported.steps,
            samples=before.samples + reported.samples * self._settings.world,
            passes=before.passes + reported.passes,
            flops=before.flops + (self._flops.total(reported.samples) or 0) * self._settings.world,
            out_of_memory=before.out_of_memory + reported.out_of_memory,
            lost_steps=before.lost_steps + self._lost_steps,
            lost_ns=before.lost_ns + self._lost_ns,
            phases_ns={phase: before.phases_ns.get(phase, 0) + ns for phase, ns in phases_ns.items()},
            cost={} if self._settings.price is None else self._cost.seen(),
            best_accuracy=max(bests, default=None),
            reached=self._milestones.read(),
        )

    def _unknown_phase(self, phase: Any) -> Phase:
        known = ", ".join(PHASES)
        self._complain("phase", f"there is no phase {phase!r}, the time goes into 'other'; phases: {known}")
        return "other"

    def _log_apart(self, split: Any, loss: Any, accuracy: Any) -> None:
        if split not in SPLITS:
            self._complain("split", f"there is no split {split!r}, its values are left out; splits: {_SPLITS}")
            return
        if loss is not None:
            self._tally.log_validation("validation loss", loss)
        if accuracy is not None:
            self._tally.log_validation("validation accuracy", accuracy, self._reacher())

    def _stay_calm(self, until_ns: int | None) -> None:
        self._calm_until_ns = -FOREVER_NS if until_ns is None else until_ns - round(CALM_SECONDS * 1e9)

    def _affords_exactly(self, seconds: Any) -> bool:
        budget = self._budget
        if budget is None:
            return True
        try:
            afforded = budget.affords(seconds)
        except TypeError:
            afforded = False
        if afforded is False and not (seconds == 0 or _is_positive(seconds)):
            self._complain("affords", f"{seconds!r} is not a number of seconds, and counts as 0")
            afforded = budget.affords(0)
        if afforded is None:
            if self._lease is None or self._lease.wait_asked(0):
                currency = self._settings.currency
                self._complain("budget", f"no price is known in {currency}: the budget cannot be kept until there is")
            return True
        return afforded

    def _begin_steps(self) -> PhaseTimes:
        """A loop begins. As soon as the program uses a GPU, the times are taken from there."""
        if self._cuda_device is None and torch_device.cuda_in_use() and self._phases.outside:
            self._cuda_device = torch_device.current_cuda_device()
            self._phases = DevicePhases(self._phases, torch_device.timing_event)
            self._follow(self._phases)
        return self._phases

    def _tend(self) -> None:
        """What need not be done at every step, about once a second."""
        self._phases.add_up()
        self._ask_tellers()
        self._tally.tend()

    def _ask_tellers(self) -> None:
        for tell in self._tellers:
            try:
                tell()
            except Exception as wrong:  # whatever the program's function raises must not end the training
                self._complain("each second", f"what should be told each second could not be: {wrong!r}")

    def _peak_memory(self, reported: Reported) -> int | None:
        if reported.peak_memory is not None or self._cuda_device is None:
            return reported.peak_memory
        return torch_device.cuda_peak_memory(self._cuda_device)

    def _reacher(self) -> Callable[[float], None]:
        """Notes an accuracy as reached at this moment, whenever it is read."""
        before = sum(self._before.phases_ns.values())
        when = Reached(seconds=(before + self._clock() - self._began) / 1e9, cost=self._cost.seen())
        return lambda accuracy: self._milestones.reach(accuracy, when)

    def _read(self) -> Reading:
        if self._final is not None:
            return self._final
        phases_ns, reported = self._phases.read(), self._tally.read()
        done = self._done_with(phases_ns, reported)
        remaining = self._plan.remaining_seconds(done, steps_per_pass=self._steps_per_pass)
        return Reading(
            phases_ns=phases_ns,
            reported=reported,
            done=done,
            peak_memory=self._peak_memory(reported),
            flops=self._flops.total(reported.samples),
            peak_flops_per_second=self._flops.peak_per_second,
            remaining_seconds=remaining,
            cost=self._cost.seen(),
            cost_per_hour=self._cost.price,
            by_hand=self._settings.price is not None,
            budget=self._budget,
            exporter_up=None if self._lease is None else self._lease.up,
        )

    def _make_bill(self, result: str) -> Bill:
        done = self._done()
        peak = self._flops.peak_per_second
        return make_bill(
            run=self._settings.run,
            project=self._settings.project,
            result=result,
            by_hand=self._settings.price is not None,
            settled=self._lease is not None and self._lease.settled,
            quote=self._cost.quote,
            cost_per_hour=self._cost.price,
            cost=self._cost.seen(),
            done=done,
            flops_known=self._flops.per_sample is not None,
            peak_flops_per_second=None if peak is None else peak * self._settings.world,
            peak_memory=self._peak_memory(self._tally.read()),
            target_accuracy=self._plan.target_accuracy,
            remaining_seconds=self._plan.remaining_seconds(done, steps_per_pass=self._steps_per_pass),
            budget={} if self._budget is None else {self._budget.currency: self._budget.limit},
        )

    def _progress(self) -> Progress:
        """As of the last second: what the loop has put aside since is added up by the loop itself."""
        reported = self._tally.read()
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

    def _complain(self, kind: str, complaint: str) -> None:
        if kind not in self._complaints:
            self._complaints.add(kind)
            _log.warning(complaint)


def _ignore(_refusal: str) -> None:
    """The program asks `wait_registered` instead."""


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and 0 < value < float("inf")


def _result_of(exception: BaseException | None) -> Result:
    if exception is None or (isinstance(exception, SystemExit) and not exception.code):
        return "finished"
    return "stopped" if isinstance(exception, KeyboardInterrupt) else "failed"


def _uncaught_exception() -> BaseException | None:
    """The exception that the interpreter has reported as uncaught, if any; it sets this before the exit handlers."""
    return getattr(sys, "last_value", None)
