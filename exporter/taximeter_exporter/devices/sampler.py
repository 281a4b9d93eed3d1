"""Samples every device in the background, so that whoever asks gets the last snapshot and never waits for a driver."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from taximeter_exporter.clock import NS_PER_SECOND, Clock
from taximeter_exporter.devices.reading import Device, ReadError, Reading, Sample, Snapshot, Source
from taximeter_exporter.devices.remembering import Remembering
from taximeter_exporter.devices.roster import follow
from taximeter_exporter.devices.turns import Turns

_log = logging.getLogger(__name__)

SILENT_INTERVALS = 3
"""A device that has not answered for more than so many intervals is silent: its last reading says nothing any more."""
LISTED_INTERVALS = 10
"""So often it is asked which devices there are; and at once when one cannot be read any more."""

_NOT_READ_YET = "not read yet"


class _Success(NamedTuple):
    """When a device last gave a reading: on `Clock.elapsed_ns`, and by the time of day."""

    taken_ns: int
    time_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What a device last answered, reading or error. Immutable and put in place whole, so that readers need no lock."""

    sample: Sample
    answered_ns: int
    duration_ns: int = 0
    last_success: _Success | None = None
    remembering: Remembering = field(default_factory=Remembering)
    """Asked by whoever puts the next answer in place."""


class Sampler:
    """Reads every device each `interval_ns`, in threads of its own; one that hangs or fails does not touch the others.

    Takes the source over: `stop` closes it. With `changing` the devices are listed again and again, in a thread of its
    own as well: those that appear are sampled from then on. A GPU that is not listed any more stays, without a reading.
    `unmetered` says what to say if there are more than so many GPUs.
    """

    def __init__(
        self,
        source: Source,
        devices: Sequence[Device],
        clock: Clock,
        *,
        interval_ns: int,
        changing: bool = False,
        unmetered: Callable[[int], str | None] = lambda _: None,
    ) -> None:
        self._source = source
        self._unmetered = unmetered
        self._clock = clock
        self._interval_ns = interval_ns
        self._changing = changing
        self._stopping = threading.Event()
        self._list_now = threading.Event()
        self._list_problem: str | None = None
        self._lister = threading.Thread(target=self._keep_listing, name="list devices", daemon=True)
        self._lock = threading.Lock()
        """Held to put an answer or the devices in place; whoever reads them takes what is there."""
        self._threads: list[threading.Thread] = []
        self._closed = False
        begun_ns = clock.elapsed_ns()
        self._answers = {device.uuid: _unread(device, begun_ns) for device in devices}
        self._turns = Turns(lambda: tuple(self._answers), clock, interval_ns=interval_ns)

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices that are sampled."""
        return tuple(answer.sample.device for answer in tuple(self._answers.values()))

    def start(self) -> None:
        """Begin to sample; returns at once."""
        self._stand_by()
        if self._changing:
            self._lister.start()

    def stop(self, timeout: float) -> bool:
        """Stop sampling and close the source; waits at most `timeout` seconds for all threads together.

        False if a thread is still in the driver. The source then stays open, as a driver that hangs may hang in its
        shutdown as well; the end of the process frees it. Called again it does what is left to do.
        """
        self._turns.stop()
        with self._lock:
            self._stopping.set()
            threads = [*self._threads, *([self._lister] if self._lister.ident else [])]
        self._list_now.set()
        deadline = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            return False
        if not self._closed:
            self._closed = True
            self._source.close()
        return True

    def sample_once(self, device: Device) -> None:
        """Read the device now, for as long as the driver takes, and keep what it answered. Raises nothing."""
        asked_ns = self._clock.elapsed_ns()
        reading, error, xid_errors = None, None, None
        try:
            reading = self._source.read(device)
            xid_errors = reading.xid_errors
        except ReadError as problem:
            error, xid_errors = str(problem), problem.xid_errors
        except Exception as problem:
            # a defect in reading one device must neither end its thread nor go unseen
            error = f"{type(problem).__name__}: {problem}"
            _log.exception("reading %s failed", device.uuid)
        self._keep(device.uuid, reading, error, asked_ns, xid_errors)

    def list_once(self) -> None:
        """Ask now which devices there are, for as long as the driver takes. Raises nothing."""
        problem = None
        try:
            listed = self._source.devices()
        except ReadError as error:
            problem = str(error)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            _log.exception("listing the devices failed")
        else:
            self._take(listed)
        if problem != self._list_problem:
            self._list_problem = problem
            if problem is not None:
                _log.warning("the devices cannot be listed: %s", problem)
            else:
                _log.info("the devices can be listed again")

    def snapshot(self) -> Snapshot:
        """What is known of every device now. Never blocks, and never calls the driver."""
        now_ns = self._clock.elapsed_ns()
        answers = tuple(self._answers.values())
        samples = tuple(self._current(answer, now_ns) for answer in answers)
        successes = [answer.last_success for answer in answers if answer.last_success is not None]
        # all of them had answered for the last time when the first of them last did
        everyone = min(successes) if len(successes) == len(answers) and successes else None
        unmetered = self._unmetered(len({sample.device.gpu for sample in samples}))
        return Snapshot(
            samples=samples,
            collect_success=unmetered is None and all(sample.reading is not None for sample in samples),
            last_success_time_ns=None if everyone is None else everyone.time_ns,
            duration_ns=max((answer.duration_ns for answer in answers), default=0),
            unmetered=unmetered,
        )

    def _current(self, answer: _Answer, now_ns: int) -> Sample:
        silent_ns = now_ns - answer.answered_ns
        if silent_ns <= SILENT_INTERVALS * self._interval_ns:
            return answer.sample
        silence = f"no answer for {silent_ns // NS_PER_SECOND} s"
        return replace(answer.sample, reading=None, taken_ns=None, error=silence)

    def _keep(
        self,
        uuid: str,
        reading: Reading | None,
        error: str | None,
        asked_ns: int,
        xid_errors: Mapping[int, int] | None,
    ) -> None:
        answered_ns, time_ns = self._clock.elapsed_ns(), self._clock.time_ns()
        with self._lock:
            last = self._answers.get(uuid)
            if last is None:
                return  # it is not there any more
            success = last.last_success if error else _Success(taken_ns=answered_ns, time_ns=time_ns)
            counted = last.sample.xid_errors if xid_errors is None else xid_errors
            self._answers[uuid] = _Answer(
                sample=Sample(
                    device=last.sample.device,
                    reading=reading,
                    error=error,
                    taken_ns=None if reading is None else answered_ns,
                    xid_errors=counted,
                    past=last.remembering.record(reading, counted, now_ns=answered_ns, time_ns=time_ns),
                ),
                answered_ns=answered_ns,
                duration_ns=answered_ns - asked_ns,
                last_success=success,
                remembering=last.remembering,
            )
        before = last.sample.error
        if error is not None and error != before:
            _log.warning("%s cannot be read: %s", uuid, error)
        elif error is None and before not in {None, _NOT_READ_YET}:
            _log.info("%s is read again", uuid)
        if error is not None and before is None:
            self._list_now.set()

    def _take(self, listed: Sequence[Device]) -> None:
        """Sample what there is now."""
        now_ns = self._clock.elapsed_ns()
        with self._lock:
            before = self._answers
            devices = follow(self.devices, listed)
            self._answers = {
                device.uuid: replace(known, sample=replace(known.sample, device=device))
                if (known := before.get(device.uuid)) is not None
                else _unread(device, now_ns)
                for device in devices
            }
            gone = before.keys() - self._answers.keys()
            come = [device for device in devices if device.uuid not in before]
        self._turns.add(device.uuid for device in come)
        for device in come:
            _log.info("%s has appeared: GPU %s, %s", device.uuid, device.index, device.mig_profile or device.model)
        for uuid in sorted(gone):
            _log.info("%s is not there any more", uuid)

    def _stand_by(self) -> None:
        """See that there is a thread that goes on if the others do not."""
        with self._lock:
            if len(self._threads) <= self._turns.reading() and not self._stopping.is_set():
                thread = threading.Thread(target=self._read_in_turn, name="sample devices", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    # whoever reads goes on reading; it is tried again with the next device
                    _log.error("no thread can be had to stand by: %s", error)
                else:
                    self._threads.append(thread)

    def _read_in_turn(self) -> None:
        while (uuid := self._turns.take()) is not None:
            self._stand_by()
            answer = self._answers.get(uuid)
            if answer is not None:
                self.sample_once(answer.sample.device)
            self._turns.give_back(uuid)
        with self._lock:
            self._threads.remove(threading.current_thread())

    def _keep_listing(self) -> None:
        interval_s = self._interval_ns / NS_PER_SECOND
        # a device that fails now and then does not have all of them listed more than once an interval
        while not self._stopping.wait(interval_s):
            self._list_now.wait((LISTED_INTERVALS - 1) * interval_s)
            self._list_now.clear()
            if not self._stopping.is_set():
                self.list_once()


def _unread(device: Device, now_ns: int) -> _Answer:
    return _Answer(sample=Sample(device=device, reading=None, error=_NOT_READ_YET), answered_ns=now_ns)
