"""Samples every device in the background, so that whoever asks gets the last snapshot and never waits for a driver."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import NamedTuple

from taximeter_exporter.clock import NS_PER_SECOND, Clock
from taximeter_exporter.devices.reading import Device, ReadError, Sample, Snapshot, Source

_log = logging.getLogger(__name__)

SILENT_INTERVALS = 3
"""A device that has not answered for more than so many intervals is silent: its last reading says nothing any more."""

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

    Takes the source over: `stop` closes it. Raises `ReadError` if the devices cannot be listed, and closes it as well.
    """

    def __init__(self, source: Source, clock: Clock, *, interval_ns: int) -> None:
        self._source = source
        self._clock = clock
        self._interval_ns = interval_ns
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._closed = False
        begun_ns = clock.elapsed_ns()
        try:
            devices = source.devices()
        except ReadError:
            source.close()
            raise
        self._answers = {
            device: _Answer(
                sample=Sample(device=device, reading=None, error=_NOT_READ_YET),
                answered_ns=begun_ns,
            )
            for device in devices
        }

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices that are sampled."""
        return tuple(self._answers)

    def start(self) -> None:
        """Begin to sample; returns at once."""
        for place, device in enumerate(self._answers):
            # All are read at once, and from then on one after the other: a burst each interval would hold up scrapes.
            phase_ns = place * self._interval_ns // len(self._answers)
            thread = threading.Thread(
                target=self._run, args=(device, phase_ns), name=f"sample {device.uuid}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout: float) -> bool:
        """Stop sampling and close the source; waits at most `timeout` seconds for all threads together.

        False if a thread is still in the driver. The source then stays open, as a driver that hangs may hang in its
        shutdown as well; the end of the process frees it. Called again it does what is left to do.
        """
        self._stopping.set()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            return False
        if not self._closed:
            self._closed = True
            self._source.close()
        return True

    def sample_once(self, device: Device) -> None:
        """Read the device now, for as long as the driver takes, and keep what it answered. Raises nothing."""
        last = self._answers[device]
        asked_ns = self._clock.elapsed_ns()
        reading, error = None, None
        try:
            reading = self._source.read(device)
        except ReadError as problem:
            error = str(problem)
        except Exception as problem:
            # a defect in reading one device must neither end its thread nor go unseen
            error = f"{type(problem).__name__}: {problem}"
            _log.exception("reading %s failed", device.uuid)
        answered_ns = self._clock.elapsed_ns()
        success = last.last_success if error else _Success(taken_ns=answered_ns, time_ns=self._clock.time_ns())
        self._answers[device] = _Answer(
            sample=Sample(
                device=device, reading=reading, error=error, taken_ns=None if reading is None else answered_ns
            ),
            answered_ns=answered_ns,
            duration_ns=answered_ns - asked_ns,
            last_success=success,
        )
        _log_change(device, before=last.sample.error, now=error)

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

    def _run(self, device: Device, phase_ns: int) -> None:
        begun_ns = self._clock.elapsed_ns() - phase_ns
        while not self._stopping.is_set():
            self.sample_once(device)
            # on the beat: a slow answer skips beats rather than being asked for again at once
            since_beat_ns = (self._clock.elapsed_ns() - begun_ns) % self._interval_ns
            self._stopping.wait((self._interval_ns - since_beat_ns) / NS_PER_SECOND)


def _log_change(device: Device, *, before: str | None, now: str | None) -> None:
    if now is not None and now != before:
        _log.warning("%s cannot be read: %s", device.uuid, now)
    elif now is None and before not in {None, _NOT_READ_YET}:
        _log.info("%s is read again", device.uuid)
