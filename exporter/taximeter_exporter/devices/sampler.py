"""Samples every device in the background, so that whoever asks gets the last snapshot and never waits for a driver."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from taximeter_exporter.clock import NS_PER_SECOND, Clock
from taximeter_exporter.devices.reading import Device, ReadError, Reading, Sample, Snapshot, Source
from taximeter_exporter.devices.roster import follow

_log = logging.getLogger(__name__)

SILENT_INTERVALS = 3
"""A device that has not answered for more than so many intervals is silent: its last reading says nothing any more."""
LISTED_INTERVALS = 10
"""So often it is asked which devices there are; and at once when one cannot be read any more."""

PATIENCE_NS = 3 * NS_PER_SECOND // 1000
"""So long a device waits for the one before it, which is read in the same interval."""

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


class Sampler:
    """Reads every device each `interval_ns` in a thread of its own; one that hangs or fails does not touch the others.

    Takes the source over: `stop` closes it. With `changing` the devices are listed again and again, in a thread of its
    own as well: those that appear are sampled from then on. A GPU that is not listed any more stays, without a reading.
    """

    def __init__(
        self, source: Source, devices: Sequence[Device], clock: Clock, *, interval_ns: int, changing: bool = False
    ) -> None:
        self._source = source
        self._clock = clock
        self._interval_ns = interval_ns
        self._changing = changing
        self._stopping = threading.Event()
        self._list_now = threading.Event()
        self._list_problem: str | None = None
        self._lister = threading.Thread(target=self._keep_listing, name="list devices", daemon=True)
        self._lock = threading.Lock()
        """Held to put an answer or the devices in place; whoever reads them takes what is there."""
        self._started = False
        self._threads: dict[str, threading.Thread] = {}
        self._turns: dict[str, threading.Event] = {}
        """Set when the device before has been read."""
        self._closed = False
        begun_ns = clock.elapsed_ns()
        self._answers = {device.uuid: _unread(device, begun_ns) for device in devices}

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices that are sampled."""
        return tuple(answer.sample.device for answer in tuple(self._answers.values()))

    def start(self) -> None:
        """Begin to sample; returns at once."""
        with self._lock:
            self._started = True
            self._attend()
        if self._changing:
            self._lister.start()

    def stop(self, timeout: float) -> bool:
        """Stop sampling and close the source; waits at most `timeout` seconds for all threads together.

        False if a thread is still in the driver. The source then stays open, as a driver that hangs may hang in its
        shutdown as well; the end of the process frees it. Called again it does what is left to do.
        """
        with self._lock:
            self._stopping.set()
            for turn in self._turns.values():
                turn.set()
            threads = [*self._threads.values(), *([self._lister] if self._lister.ident else [])]
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
        return Snapshot(
            samples=samples,
            collect_success=all(sample.reading is not None for sample in samples),
            last_success_time_ns=None if everyone is None else everyone.time_ns,
            duration_ns=max((answer.duration_ns for answer in answers), default=0),
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
        answered_ns = self._clock.elapsed_ns()
        with self._lock:
            last = self._answers.get(uuid)
            if last is None:
                return  # it is not there any more
            success = last.last_success if error else _Success(taken_ns=answered_ns, time_ns=self._clock.time_ns())
            self._answers[uuid] = _Answer(
                sample=Sample(
                    device=last.sample.device,
                    reading=reading,
                    error=error,
                    taken_ns=None if reading is None else answered_ns,
                    xid_errors=last.sample.xid_errors if xid_errors is None else xid_errors,
                ),
                answered_ns=answered_ns,
                duration_ns=answered_ns - asked_ns,
                last_success=success,
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
            if self._started:
                self._attend()
        for device in come:
            _log.info("%s has appeared: GPU %s, %s", device.uuid, device.index, device.mig_profile or device.model)
        for uuid in sorted(gone):
            _log.info("%s is not there any more", uuid)

    def _attend(self) -> None:
        """See that every device has a thread."""
        for place, uuid in enumerate(self._answers):
            if uuid in self._threads or self._stopping.is_set():
                continue  # one that hung while its device was gone goes on with it
            self._turns[uuid] = threading.Event()
            thread = threading.Thread(target=self._run, args=(uuid, place), name=f"sample {uuid}", daemon=True)
            self._threads[uuid] = thread
            thread.start()

    def _run(self, uuid: str, place: int) -> None:
        # All are read at once, and from then on with every beat one after the other: they share what the processor has
        # in its caches, and do not dispute the interpreter. Nobody waits longer than this for whoever is before.
        lag_ns = min(place * PATIENCE_NS, self._interval_ns // 2)
        turn = self._turns[uuid]
        while (device := self._wanted(uuid)) is not None:
            self.sample_once(device)
            self._give_turn(uuid)
            # a slow answer skips beats rather than being asked for again at once
            beat = self._beat()
            while beat == self._beat() and not self._stopping.is_set():
                turn.clear()
                turn.wait((self._interval_ns - (self._clock.elapsed_ns() - lag_ns) % self._interval_ns) / NS_PER_SECOND)

    def _beat(self) -> int:
        """Counts the intervals, for all devices alike."""
        return self._clock.elapsed_ns() // self._interval_ns

    def _give_turn(self, uuid: str) -> None:
        """Whoever is next need not wait any longer."""
        uuids = iter(tuple(self._answers))
        if uuid in uuids:
            turn = self._turns.get(next(uuids, ""))
            if turn is not None:
                turn.set()

    def _wanted(self, uuid: str) -> Device | None:
        """The device as it is now; `None` ends its thread."""
        with self._lock:
            answer = self._answers.get(uuid)
            if answer is not None and not self._stopping.is_set():
                return answer.sample.device
            if not self._stopping.is_set():
                del self._threads[uuid], self._turns[uuid]
            return None

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
