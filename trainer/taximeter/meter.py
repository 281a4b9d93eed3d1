"""The meter for any training loop."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from prometheus_client import CollectorRegistry

from taximeter import torch_device
from taximeter.account import Account
from taximeter.batches import samples_in
from taximeter.bill import Bill
from taximeter.budget import FOREVER_NS, Budget
from taximeter.cost import Money, RunningCost
from taximeter.device_phases import DevicePhases
from taximeter.done import Done
from taximeter.endpoint import Endpoint
from taximeter.exporter_client import ExporterClient, Progress
from taximeter.in_step import CALM_SECONDS
from taximeter.journal import Journal, read_journal
from taximeter.lease import LeaseKeeper
from taximeter.metric_table import Reading
from taximeter.metrics import Page
from taximeter.phases import Phase, PhaseTimes
from taximeter.settings import Amount, Settings, resolve
from taximeter.steps import Steps
from taximeter.tally import Reported, Tally
from taximeter.told import Told, is_positive

Result = Literal["finished", "failed", "stopped", "budget"]

# As often as a lease is renewed. What a kill leaves out of it, the exporter's ledger has all the same.
_JOURNAL_SECONDS = 5.0
# With a price by hand nobody else knows the money.
_MONEY_JOURNAL_SECONDS = 2.0
_LAST_SCRAPE_SECONDS = 15.0
# Prometheus scrapes at least once a minute by default: a run that went on for longer without a scrape has no scraper.
_FIRST_SCRAPE_SECONDS = 60.0

_log = logging.getLogger("taximeter")

T = TypeVar("T")


class Meter(Told):
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
    currency; the meter stops nobody, the program asks `affords`. `journal` is a file in which the meter records every
    few seconds what the run has done: a run that is resumed after a kill knows from it what was lost.

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
        super().__init__()
        self._settings = settings
        self._clock = clock
        self._tally = Tally()
        self._latest = self._tally.latest
        self._phases = PhaseTimes(clock, self._tally.count_steps, self._tally.count_step_times, self._unknown_phase)
        self._follow(self._phases)
        self._cuda_device: int | None = None
        self._cost = RunningCost(clock)
        recorded = read_journal(journal) if journal is not None and resume else None
        self._account = Account(settings, self._cost, began=clock(), recorded=recorded)
        self._budget = None
        self._calm_until_ns = FOREVER_NS
        if settings.budget is not None and settings.pays:
            self._budget = Budget(settings.budget, settings.currency, self._cost)
            self._budget.watch(self._stay_calm)
        self._bill: Bill | None = None
        self._final: Reading | None = None
        self._registry = CollectorRegistry()
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
            every_seconds = _JOURNAL_SECONDS if settings.price is None else _MONEY_JOURNAL_SECONDS
            self._journal = Journal(journal, self._done, every_seconds=every_seconds)
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
        self, loader: Iterable[T], *, samples: Callable[[T], int] | int = samples_in, first: Phase = "forward_backward"
    ) -> Steps[T]:
        """Iterate over the loader's batches, each turn of the loop being a step.

        The wait for a batch is the phase `data_wait`, the loop's body `forward_backward`, or what `first` says, until
        it goes on in another `phase`. `samples` says how many samples a batch holds, as a number where all hold the
        same; by default as many as the first dimension of its first tensor. A loop that is left by `break` counts the
        step it was left in.
        """
        steps = Steps(
            loader,
            samples,
            first=first,
            begin=self._begin_steps,
            tend=self._tend,
            end=self._tally.complete_pass,
            complain=self._complain,
        )
        self._account.steps_per_pass = steps.length
        return steps

    def marking(self) -> tuple[Callable[[tuple[int, Phase]], None], Callable[[], int]]:
        """What a loop over `steps` can say phases by for less than a block with `phase` takes: `mark((now(), phase))`.

        From then on the time goes into that phase, until the next mark, or the end of the step. The two functions,
        `mark` and `now`, are to be asked for anew before each loop.
        """
        phases = self._begin_steps()
        return phases.put, phases.clock

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
            self._account.go_on_from(state)
        except ValueError as wrong:
            self._complain("state", f"the meter's state is left out: {wrong}")

    def wait_registered(self, seconds: float) -> str | None:
        """Wait for the exporter's first word, but no longer than so. Returns why it refuses the run, if it does."""
        if self._lease is None:
            return None
        self._lease.wait_asked(seconds)
        return self._lease.refusal

    def end(self, result: Result = "finished") -> Bill:
        """End the run and return its bill; again: the same bill. Waits for the exporter for at most 8 seconds.

        The metrics stay up until `close()`, or the program's end.
        """
        if self._bill is None:
            self._phases.stop()
            self._ask_tellers()
            self._tally.close()
            self._cost.stop()
            if self._lease is not None:
                self._lease.end(result)
            if self._journal is not None:
                self._journal.close()
            self._final = self._read()
            self._bill = self._account.bill(
                self._final.done,
                result=result,
                settled=self._lease is not None and self._lease.settled,
                peak_memory=self._final.peak_memory,
                budget=self._budget,
            )
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

    def _done(self) -> Done:
        return self._account.done(self._phases.read(), self._tally)

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
        if afforded is False and not (seconds == 0 or is_positive(seconds)):
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

    def _peak_memory(self, reported: Reported) -> int | None:
        if reported.peak_memory is not None or self._cuda_device is None:
            return reported.peak_memory
        return torch_device.cuda_peak_memory(self._cuda_device)

    def _read(self) -> Reading:
        if self._final is not None:
            return self._final
        phases_ns, reported = self._phases.read(), self._tally.read()
        return self._account.reading(
            phases_ns,
            reported,
            peak_memory=self._peak_memory(reported),
            budget=self._budget,
            exporter_up=None if self._lease is None else self._lease.up,
        )

    def _progress(self) -> Progress:
        """As of the last second: what the loop has put aside since is added up by the loop itself."""
        return self._account.progress(self._tally.read())


def _ignore(_refusal: str) -> None:
    """The program asks `wait_registered` instead."""


def _result_of(exception: BaseException | None) -> Result:
    if exception is None or (isinstance(exception, SystemExit) and not exception.code):
        return "finished"
    return "stopped" if isinstance(exception, KeyboardInterrupt) else "failed"


def _uncaught_exception() -> BaseException | None:
    """The exception that the interpreter has reported as uncaught, if any; it sets this before the exit handlers."""
    return getattr(sys, "last_value", None)
