"""The meter for any training loop."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar

from taximeter.batches import samples_in
from taximeter.bill import Bill, make_bill
from taximeter.cost import Money, RunningCost
from taximeter.endpoint import Endpoint
from taximeter.exporter_client import ExporterClient, Progress
from taximeter.lease import LeaseKeeper
from taximeter.metrics import Reading, registry_of
from taximeter.phases import PHASES, Phase, PhaseTimes
from taximeter.settings import Settings, resolve
from taximeter.tally import SPLITS, Split, Tally

Result = Literal["finished", "failed", "stopped", "budget"]

_END_SECONDS = 5.0
_LAST_SCRAPE_SECONDS = 15.0
# Prometheus scrapes at least once a minute by default: a run that went on for longer without a scrape has no scraper.
_FIRST_SCRAPE_SECONDS = 60.0

_log = logging.getLogger("taximeter")

T = TypeVar("T")


class Meter:
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

    Arguments left out are taken from `TAXIMETER_RUN`, `_PROJECT`, `_TEAM`, `_USER` and `_EXPORTER`. `devices` are the
    UUIDs of the devices the run pays for (default: every device of the exporter); `resume` goes on with a run of the
    same name that has ended; `listen` is `host:port` for the metrics. With torchrun's `RANK` only rank 0 is the run
    whose cost counts; the others publish their metrics.

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
        )
        self._settings = settings
        self._phases = PhaseTimes(clock)
        self._tally = Tally()
        self._cost = RunningCost(clock)
        self._bill: Bill | None = None
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
                where=settings.exporter,
                on_refusal=_ignore if strict else self._say_refused,
            )
        self._endpoint = self._listen(settings, required=strict)
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

    def steps(self, loader: Iterable[T], *, samples: Callable[[T], int] = samples_in) -> Steps[T]:
        """Iterate over the loader's batches, each turn of the loop being a step.

        The wait for a batch is the phase `data_wait`, the loop's body `forward_backward`, but for what it puts into
        another `phase`. `samples` says how many samples a batch holds; by default as many as the first dimension of
        its first tensor. A loop that is left by `break` counts the step it was left in.
        """
        return Steps(loader, samples, self._phases, self._tally, self._complain)

    def read_bytes(self, count: int) -> None:
        """Say that so many bytes were read from storage, which the exporter bills as transfer where it has a price."""
        if not isinstance(count, int) or count < 0:
            self._complain(f"{count!r} is not a number of bytes, and is left out")
            return
        self._tally.read_bytes(count)

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """The time of this block goes into that phase; then the phase before goes on."""
        if phase not in PHASES:
            self._complain(f"there is no phase {phase!r}, the time goes into 'other'; phases: {', '.join(PHASES)}")
            phase = "other"
        before = self._phases.current
        self._phases.switch(phase)
        try:
            yield
        finally:
            self._phases.switch(before)

    def log(
        self,
        *,
        loss: Any = None,
        accuracy: Any = None,
        split: Split = "train",
        epoch: float | None = None,
        learning_rate: float | None = None,
    ) -> None:
        """Report where the training stands. What is left out keeps its value.

        `loss` and `accuracy` (0 to 1) may be tensors of one element; on an accelerator they stay there, and are read
        about once a second in the background. Such a tensor must not be changed in place afterwards.
        """
        if split not in SPLITS:
            self._complain(f"there is no split {split!r}, its values are left out; splits: {', '.join(SPLITS)}")
        else:
            if loss is not None:
                self._tally.log("loss", split, loss)
            if accuracy is not None:
                self._tally.log("accuracy", split, accuracy)
        try:
            if epoch is not None:
                self._tally.log_epoch(epoch)
            if learning_rate is not None:
                self._tally.log_learning_rate(learning_rate)
        except (TypeError, ValueError) as wrong:
            self._complain(f"epoch or learning_rate is not what it should be, and is left out: {wrong}")

    def cost(self) -> Money:
        """What the run has cost until now, as an exact `Decimal` for each currency. Empty: not known."""
        return self._cost.seen()

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
            self._tally.close()
            self._cost.stop()
            if self._lease is not None:
                self._lease.end(result, seconds=_END_SECONDS)
            reported = self._tally.read()
            self._bill = make_bill(
                run=self._settings.run,
                project=self._settings.project,
                result=result,
                settled=self._lease is not None and self._lease.settled,
                quote=self._cost.quote,
                cost_per_hour=self._cost.price,
                cost=self._cost.seen(),
                phases_ns=self._phases.read(),
                epochs=reported.passes,
                steps=reported.steps,
                samples=reported.samples,
                accuracy=reported.best_accuracy,
            )
            if self._endpoint is not None:
                self._endpoint.mark_ended()
        return self._bill

    def close(self, *, last_scrape_seconds: float = _LAST_SCRAPE_SECONDS) -> None:
        """Take the metrics down, after their final values have been scraped once, or at the latest so much later.

        Does not wait if nobody scrapes: there is neither an exporter nor was there a scrape so far, or there was none
        in the run's first minute. Ends the run as `finished` if it has not ended yet.
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
        registry = registry_of(self._read, run=settings.run, rank=settings.rank)
        try:
            return Endpoint(settings.listen, registry)
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
        young = sum(self._phases.read().values()) < _FIRST_SCRAPE_SECONDS * 1e9
        return young and self._cost.quote is not None

    def _read(self) -> Reading:
        return Reading(
            phases_ns=self._phases.read(),
            reported=self._tally.read(),
            exporter_up=None if self._lease is None else self._lease.up,
        )

    def _progress(self) -> Progress:
        reported = self._tally.read()
        accuracy = reported.accuracy.get("validation", reported.accuracy.get("train"))
        known = {
            "epoch": reported.epoch,
            "step": reported.steps,
            "samples": reported.samples,
            "bytes": reported.bytes_read,
            "accuracy": accuracy,
            "loss": reported.loss.get("train", reported.loss.get("validation")),
        }
        return {field: value for field, value in known.items() if value is not None}

    def _complain(self, complaint: str) -> None:
        if complaint not in self._complaints:
            self._complaints.add(complaint)
            _log.warning(complaint)


class Steps(Generic[T]):
    """The batches of a loader, metered. Has the loader's length, if it has one, so that a progress bar finds it."""

    def __init__(
        self,
        loader: Iterable[T],
        samples: Callable[[T], int],
        phases: PhaseTimes,
        tally: Tally,
        complain: Callable[[str], None],
    ) -> None:
        self._loader = loader
        self._samples = samples
        self._phases = phases
        self._tally = tally
        self._complain = complain

    def __len__(self) -> int:
        return len(self._loader)  # type: ignore[arg-type]  # raises TypeError for what has none, as len() should

    def __iter__(self) -> Iterator[T]:
        switch = self._phases.switch
        step = self._tally.step
        count = self._samples
        before = self._phases.current
        samples = 0
        in_step = False
        waited_from = switch("data_wait")
        try:
            for batch in self._loader:
                try:
                    samples = int(count(batch))
                except Exception as wrong:  # whatever somebody's function raises must not end the training
                    samples = 0
                    self._complain(f"the samples of a batch could not be counted, and are left out: {wrong!r}")
                switch("forward_backward")
                in_step = True
                yield batch
                ended = switch("data_wait")
                in_step = False
                step(ended - waited_from, samples)
                waited_from = ended
            self._tally.complete_pass()
        finally:
            ended = switch("other" if before == "startup" else before)
            if in_step:
                step(ended - waited_from, samples)


def _ignore(_refusal: str) -> None:
    """The program asks `wait_registered` instead."""


def _result_of(exception: BaseException | None) -> Result:
    if exception is None or (isinstance(exception, SystemExit) and not exception.code):
        return "finished"
    return "stopped" if isinstance(exception, KeyboardInterrupt) else "failed"


def _uncaught_exception() -> BaseException | None:
    """The exception that the interpreter has reported as uncaught, if any; it sets this before the exit handlers."""
    return getattr(sys, "last_value", None)
