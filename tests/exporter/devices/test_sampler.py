"""Sampling: exact with a clock that the test moves, and alive with threads on a driver that hangs."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from fakes.manual_clock import ManualClock
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeGpu, Scenario, gpus
from taximeter_exporter.clock import NS_PER_SECOND, Clock, SystemClock
from taximeter_exporter.devices.nvml import NvmlSource
from taximeter_exporter.devices.reading import Device, DeviceKind, Past, ReadError, Reading, Sample, Source
from taximeter_exporter.devices.sampler import LISTED_INTERVALS, Sampler

THREE = gpus(count=3, processes=1)
HOUR_NS = 3600 * NS_PER_SECOND


def changed(scenario: Scenario, index: int, **quantities: object) -> Scenario:
    fakes: list[FakeGpu] = list(scenario.gpus)
    fakes[index] = replace(fakes[index], **quantities)  # type: ignore[arg-type]
    return replace(scenario, gpus=tuple(fakes))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(elapsed_ns=100 * NS_PER_SECOND, time_ns=1_700_000_000 * NS_PER_SECOND)


@pytest.fixture
def sampler(fake_nvml: FakeNvml, clock: ManualClock) -> Iterator[Sampler]:
    """Three GPUs, a second between samples, no threads."""
    fake_nvml.answer(THREE)
    sampler = sampling(NvmlSource(), clock)
    yield sampler
    sampler.stop(0)


def sampling(source: Source, clock: Clock, *, interval_ns: int = NS_PER_SECOND) -> Sampler:
    """A sampler of the devices that there are now, and of those that come."""
    return Sampler(source, source.devices(), clock, interval_ns=interval_ns, changing=True)


def sample_all(sampler: Sampler) -> None:
    for device in sampler.devices:
        sampler.sample_once(device)


def wait_until(condition: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, f"waited 120 s in vain until {what}"
        time.sleep(0.002)


def test_before_the_first_sample(sampler: Sampler) -> None:
    snapshot = sampler.snapshot()
    assert [(sample.reading, sample.error, sample.taken_ns) for sample in snapshot.samples] == [
        (None, "not read yet", None)
    ] * 3
    assert not snapshot.collect_success
    assert snapshot.last_success_time_ns is None


def test_a_snapshot_has_the_last_reading_of_every_device(sampler: Sampler, clock: ManualClock) -> None:
    sample_all(sampler)
    clock.advance(ns=400)
    snapshot = sampler.snapshot()
    assert [sample.device.index for sample in snapshot.samples] == ["0", "1", "2"]
    for sample in snapshot.samples:
        assert sample.reading is not None
        assert sample.reading.utilization_ratio == 0.83
        assert sample.error is None
        assert sample.taken_ns == 100 * NS_PER_SECOND
    assert snapshot.collect_success
    assert snapshot.last_success_time_ns == 1_700_000_000 * NS_PER_SECOND


def test_a_snapshot_never_calls_the_driver(fake_nvml: FakeNvml, sampler: Sampler) -> None:
    sample_all(sampler)
    before = fake_nvml.calls()
    for _ in range(100):
        assert sampler.snapshot().collect_success
    assert fake_nvml.calls() == before
    sample_all(sampler)
    assert len(fake_nvml.calls()) > len(before)


def test_a_device_that_fails_does_not_take_the_others_along(
    fake_nvml: FakeNvml, sampler: Sampler, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sample_all(sampler)
    fake_nvml.answer(changed(THREE, 1, lost=True))
    for _ in range(5):
        clock.advance(seconds=1)
        sample_all(sampler)
    first, second, third = sampler.snapshot().samples
    assert first.reading is not None
    assert third.reading is not None
    assert second.reading is None
    assert second.error == "nvmlDeviceGetMemoryInfo: GPU is lost"
    assert not sampler.snapshot().collect_success
    # the last moment in which all had answered
    assert sampler.snapshot().last_success_time_ns == 1_700_000_000 * NS_PER_SECOND

    fake_nvml.answer(THREE)
    sample_all(sampler)
    assert sampler.snapshot().collect_success
    assert sampler.snapshot().last_success_time_ns == 1_700_000_005 * NS_PER_SECOND
    # said once when it begins and once when it ends, not at every sample
    uuid = second.device.uuid
    assert caplog.messages == [
        f"{uuid} cannot be read: nvmlDeviceGetMemoryInfo: GPU is lost",
        f"{uuid} is read again",
    ]


def test_a_device_that_falls_silent_has_no_reading_after_three_intervals(sampler: Sampler, clock: ManualClock) -> None:
    sample_all(sampler)
    first, second, third = sampler.devices

    def advance(ns: int) -> Sample:
        clock.advance(ns=ns)
        sampler.sample_once(first)
        sampler.sample_once(third)
        return sampler.snapshot().samples[1]

    assert advance(3 * NS_PER_SECOND).reading is not None
    assert sampler.snapshot().collect_success
    silent = advance(1)
    assert (silent.reading, silent.error, silent.taken_ns) == (None, "no answer for 3 s", None)
    assert advance(7 * NS_PER_SECOND).error == "no answer for 10 s"
    snapshot = sampler.snapshot()
    assert not snapshot.collect_success
    assert snapshot.last_success_time_ns == 1_700_000_000 * NS_PER_SECOND
    assert [sample.reading is None for sample in snapshot.samples] == [False, True, False]
    sampler.sample_once(second)
    assert sampler.snapshot().collect_success


def test_a_device_that_never_answers_is_silent_from_the_beginning(sampler: Sampler, clock: ManualClock) -> None:
    clock.advance(seconds=4)
    assert {sample.error for sample in sampler.snapshot().samples} == {"no answer for 4 s"}


class SlowSource:
    """Two devices, of which the second takes two seconds by the test's clock, or breaks in an unforeseen way."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.broken = False
        self.closed = 0

    def devices(self) -> tuple[Device, ...]:
        return tuple(Device(uuid=f"GPU-{n}", kind=DeviceKind.GPU, index=str(n), model="slow") for n in range(2))

    def read(self, device: Device) -> Reading:
        if self.broken and device.index == "1":
            raise KeyError("unforeseen")
        self._clock.advance(seconds=2 * int(device.index))
        return Reading(utilization_ratio=0.5)

    def close(self) -> None:
        self.closed += 1


def test_a_snapshot_says_how_long_the_slowest_took(clock: ManualClock) -> None:
    sampler = sampling(SlowSource(clock), clock)
    assert sampler.snapshot().duration_ns == 0
    sample_all(sampler)
    assert sampler.snapshot().duration_ns == 2 * NS_PER_SECOND
    # a reading is as old as its answer
    assert [sample.taken_ns for sample in sampler.snapshot().samples] == [100 * NS_PER_SECOND, 102 * NS_PER_SECOND]


def test_a_defect_in_reading_one_device_is_an_error_of_that_device(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    source = SlowSource(clock)
    source.broken = True
    sampler = sampling(source, clock)
    sample_all(sampler)
    first, second = sampler.snapshot().samples
    assert first.reading is not None
    assert second.error == "KeyError: 'unforeseen'"
    assert "Traceback" in caplog.text


def test_a_driver_that_hangs_on_one_gpu_leaves_the_others_and_may_come_back(fake_nvml: FakeNvml) -> None:
    fake_nvml.answer(THREE)
    sampler = sampling(NvmlSource(), SystemClock(), interval_ns=20_000_000)
    sampler.start()
    wait_until(lambda: sampler.snapshot().collect_success, what="all three are read")

    hanging = changed(THREE, 1, hang=True)
    fake_nvml.answer(hanging)
    wait_until(lambda: sampler.snapshot().samples[1].reading is None, what="the hanging GPU has no reading")
    assert re.fullmatch(r"no answer for \d+ s", sampler.snapshot().samples[1].error or "")
    # the others do not only keep their readings, they follow what changes
    fake_nvml.answer(changed(changed(hanging, 0, utilization_percent=11), 2, utilization_percent=12))

    def others() -> list[float | None]:
        samples = sampler.snapshot().samples
        return [sample.reading.utilization_ratio if sample.reading else None for sample in samples]

    wait_until(lambda: others() == [0.11, None, 0.12], what="the others go on")
    assert sampler.snapshot().last_success_time_ns is not None

    fake_nvml.answer(THREE)
    wait_until(lambda: sampler.snapshot().collect_success, what="the GPU comes back")
    assert sampler.stop(120)
    assert fake_nvml.calls()[-1] == "nvmlShutdown"


def test_stop_does_not_wait_for_the_interval_and_closes_the_source(clock: ManualClock) -> None:
    source = SlowSource(clock)
    sampler = sampling(source, clock, interval_ns=HOUR_NS)
    sampler.start()
    wait_until(lambda: sampler.snapshot().collect_success, what="both are read")
    # a thread that slept its interval would still live after these two minutes
    assert sampler.stop(120)
    assert sampler.stop(120)
    assert source.closed == 1


def test_stop_does_not_wait_for_a_driver_that_hangs_nor_shut_it_down(fake_nvml: FakeNvml) -> None:
    fake_nvml.answer(THREE)
    sampler = sampling(NvmlSource(), SystemClock(), interval_ns=20_000_000)
    fake_nvml.answer(changed(THREE, 0, hang=True))
    sampler.start()
    wait_until(lambda: sampler.snapshot().samples[2].reading is not None, what="the third is read")
    assert not sampler.stop(0.05)
    assert "nvmlShutdown" not in fake_nvml.calls()
    # let the thread out of the library before the test ends
    fake_nvml.answer(THREE)
    assert sampler.stop(120)


class Roster:
    """A source whose devices the test changes; each can be made to fail, or to hang."""

    def __init__(self, *uuids: str) -> None:
        self.uuids = list(uuids)
        self.failing: set[str] = set()
        self.hold = threading.Event()
        """Not set: the device in `hanging` does not answer."""
        self.hanging = ""
        self.listed = 0
        self.read_by: dict[str, set[int]] = {}
        """The threads that have read each device."""

    def devices(self) -> tuple[Device, ...]:
        self.listed += 1
        return tuple(
            Device(uuid=uuid, kind=DeviceKind.GPU, index=str(index), model="m", parent=self.parent(uuid))
            for index, uuid in enumerate(self.uuids)
        )

    def parent(self, uuid: str) -> str | None:
        return "GPU-0" if uuid.startswith("MIG") else None

    def read(self, device: Device) -> Reading:
        self.read_by.setdefault(device.uuid, set()).add(threading.get_ident())
        if device.uuid == self.hanging:
            self.hold.wait()
        if device.uuid in self.failing:
            raise ReadError("it fails")
        return Reading(utilization_ratio=0.5)

    def close(self) -> None:
        pass


def test_a_device_that_fails_is_a_reason_to_list_them_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taximeter_exporter.devices.sampler.LISTED_INTERVALS", 10**6)  # hours, if nothing fails
    source = Roster("GPU-0", "GPU-1")
    sampler = sampling(source, SystemClock(), interval_ns=20_000_000)
    sampler.start()
    wait_until(lambda: sampler.snapshot().collect_success, what="both are read")
    source.failing = {"GPU-1"}
    wait_until(lambda: source.listed > 1, what="they are listed anew")
    assert sampler.stop(120)


def test_devices_are_listed_again_though_none_fails() -> None:
    source = Roster("GPU-0")
    sampler = sampling(source, SystemClock(), interval_ns=10_000_000)
    begun = time.monotonic()
    sampler.start()
    source.uuids.append("GPU-1")
    wait_until(lambda: len(sampler.snapshot().samples) == 2, what="the new one is there")
    assert time.monotonic() - begun >= LISTED_INTERVALS * 0.01
    wait_until(lambda: sampler.snapshot().collect_success, what="it is read")
    assert sampler.stop(120)


def test_devices_that_do_not_change_are_listed_once() -> None:
    source = Roster("GPU-0")
    sampler = Sampler(source, source.devices(), SystemClock(), interval_ns=1_000_000)
    before = {thread.name for thread in threading.enumerate()}
    sampler.start()
    wait_until(lambda: sampler.snapshot().collect_success, what="it is read")
    assert {thread.name for thread in threading.enumerate()} - before == {"sample devices"}
    assert sampler.stop(120)
    assert source.listed == 1


def test_instances_that_come_and_go_leave_no_thread_behind_and_one_that_hung_has_no_second() -> None:
    source = Roster("GPU-0", "MIG-0", "MIG-1")
    source.hanging = "MIG-1"
    sampler = sampling(source, SystemClock(), interval_ns=1_000_000)
    before = set(threading.enumerate())

    def threads() -> int:
        return len(set(threading.enumerate()) - before)

    sampler.start()
    wait_until(lambda: "MIG-1" in source.read_by, what="the one that hangs is asked")
    for _ in range(20):
        source.uuids = ["GPU-0"]
        sampler.list_once()
        assert [device.uuid for device in sampler.devices] == ["GPU-0"]
        source.uuids = ["GPU-0", "MIG-0", "MIG-1"]
        sampler.list_once()
    wait_until(lambda: sampler.snapshot().samples[1].reading is not None, what="the other is read")
    assert len(source.read_by["MIG-1"]) == 1
    wait_until(lambda: threads() == 4, what="one lists, one hangs, one reads, and one stands by")
    source.uuids = ["GPU-0"]
    sampler.list_once()
    source.hanging = ""
    source.hold.set()
    # one that lists, one that reads, and one that stands by
    wait_until(lambda: threads() == 3, what="a thread ends when the one that hung is back")
    assert [sample.device.uuid for sample in sampler.snapshot().samples] == ["GPU-0"]
    assert sampler.stop(120)
    assert threads() == 0


def test_a_listing_that_hangs_does_not_hold_up_the_samples(fake_nvml: FakeNvml) -> None:
    fake_nvml.answer(THREE)
    sampler = sampling(NvmlSource(), SystemClock(), interval_ns=20_000_000)
    sampler.start()
    fake_nvml.answer(replace(THREE, hangs=frozenset({"nvmlDeviceGetCount_v2"})))
    before = fake_nvml.calls().count("nvmlDeviceGetCount_v2")
    wait_until(lambda: fake_nvml.calls().count("nvmlDeviceGetCount_v2") > before, what="they are listed")
    hanging = replace(changed(THREE, 1, utilization_percent=12), hangs=frozenset({"nvmlDeviceGetCount_v2"}))
    fake_nvml.answer(hanging)

    def utilization() -> float | None:
        reading = sampler.snapshot().samples[1].reading
        return reading.utilization_ratio if reading else None

    wait_until(lambda: utilization() == 0.12, what="the samples follow what changes")
    wait_until(lambda: sampler.snapshot().collect_success, what="all are read")
    assert not sampler.stop(0.05)
    fake_nvml.answer(THREE)
    assert sampler.stop(120)


class Failing:
    """A GPU that cannot be read any more once a test has said why."""

    def __init__(self) -> None:
        self.problem: ReadError | None = None

    def devices(self) -> tuple[Device, ...]:
        return (Device(uuid="GPU-0", kind=DeviceKind.GPU, index="0", model="H100"),)

    def read(self, _: Device) -> Reading:
        if self.problem is not None:
            raise self.problem
        return Reading(memory_used_bytes=60)

    def close(self) -> None:
        pass


def test_what_the_readings_tell_together_goes_on_while_there_is_none(clock: ManualClock) -> None:
    source = Failing()
    sampler = sampling(source, clock)
    for _ in range(2):
        sample_all(sampler)
        clock.advance(seconds=6 * 3600)
    source.problem = ReadError("lost", xid_errors={79: 1})
    sample_all(sampler)
    lost_ns = clock.time_ns()
    clock.advance(seconds=1)
    source.problem = ReadError("it knows no more")
    sample_all(sampler)
    (sample,) = sampler.snapshot().samples
    assert sample.reading is None
    assert sample.past == Past(memory_peak_bytes=60, xid_times_ns={79: lost_ns})


class Beats:
    """Devices that write down in which interval each was read; the second does not answer while it is held."""

    def __init__(self, clock: Clock, interval_ns: int) -> None:
        self._clock, self._interval_ns = clock, interval_ns
        self.read_in: dict[str, list[int]] = {str(index): [] for index in range(4)}
        self.reading: set[str] = set()
        self.answers = threading.Event()
        self.answers.set()

    def devices(self) -> tuple[Device, ...]:
        return tuple(Device(uuid=f"GPU-{i}", kind=DeviceKind.GPU, index=i, model="H100") for i in self.read_in)

    def read(self, device: Device) -> Reading:
        self.read_in[device.index].append(self._clock.elapsed_ns() // self._interval_ns)
        self.reading.add(device.index)
        if device.index == "1":
            self.answers.wait(120)
        self.reading.remove(device.index)
        return Reading()

    def close(self) -> None:
        pass


def test_each_device_is_read_once_an_interval_whether_or_not_the_one_before_answers(clock: ManualClock) -> None:
    interval_ns = NS_PER_SECOND // 50  # so often a thread looks whether the clock has gone on
    source = Beats(clock, interval_ns)
    sampler = sampling(source, clock, interval_ns=interval_ns)

    def wait_until_read(*indices: str) -> None:
        now = clock.elapsed_ns() // interval_ns
        wait_until(lambda: all(source.read_in[index][-1:] == [now] for index in indices), what=f"{indices} are read")

    def pass_intervals(count: int, *indices: str) -> None:
        for _ in range(count):
            clock.advance(ns=interval_ns)
            wait_until_read(*indices)

    begun = clock.elapsed_ns() // interval_ns
    sampler.start()
    try:
        wait_until_read("0", "1", "2", "3")
        pass_intervals(3, "0", "1", "2", "3")
        source.answers.clear()
        pass_intervals(1, "0", "1")
        clock.advance(ns=interval_ns // 5)  # the part of the interval that one of four has, and a fifth for all
        wait_until_read("2", "3")
        pass_intervals(6, "0", "2", "3")
        source.answers.set()
        wait_until(lambda: "1" not in source.reading, what="it answers")
        pass_intervals(3, "0", "1", "2", "3")
    finally:
        source.answers.set()
        assert sampler.stop(120)
    beats = range(begun, begun + 14)
    assert source.read_in == {
        "0": [*beats],
        "1": [*beats[:5], *beats[11:]],
        "2": [*beats],
        "3": [*beats],
    }


def test_reading_goes_on_where_no_thread_can_be_had_to_stand_by(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, interval_ns = SystemClock(), NS_PER_SECOND // 50
    source = Beats(clock, interval_ns)
    sampler = sampling(source, clock, interval_ns=interval_ns)
    start, started = threading.Thread.start, list[str]()

    def scarce(thread: threading.Thread) -> None:
        if thread.name in started:
            raise RuntimeError("can't start new thread")
        started.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    sampler.start()
    wait_until(lambda: all(len(beats) > 3 for beats in source.read_in.values()), what="all are read again and again")
    assert sampler.stop(120)
