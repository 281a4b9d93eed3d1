"""What is counted over readings: busy time, throttling, bytes, XID errors. Nothing lost, nothing twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pynvml
import pytest
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeGpu
from support.h100 import ACTIVITY
from support.nvml_readings import watch
from taximeter_exporter.devices.reading import ReadError
from taximeter_exporter.devices.sampler import Sampler

SECOND = 1_000_000_000
MIB = 2**20


def test_busy_time_is_the_integral_of_every_sample(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml, utilization_samples="1000000:90 2000000:80") as gpu:
        # what was before the first reading does not count
        assert gpu.read().busy_ns == 0
        # six samples since: 1 s at 50 percent, 0.5 s idle, 0.5 s at 100 percent
        gpu.answer(utilization_samples="2000000:80 3000000:50 3250000:0 3500000:0 3750000:100 4000000:100")
        assert gpu.read().busy_ns == SECOND
        assert gpu.read().busy_ns == SECOND, "no sample counts twice"
        # the driver has kept the samples of ten seconds in which nobody asked
        gpu.answer(utilization_samples=" ".join(f"{4_000_000 + n * 500_000}:40" for n in range(1, 21)))
        assert gpu.read(after_seconds=10).busy_ns == 5 * SECOND


def test_busy_time_of_a_buffer_that_is_longer_than_the_room_for_it(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml, utilization_samples="1000000:0") as gpu:
        gpu.read()
        gpu.answer(utilization_samples=" ".join(f"{1_000_000 + n * 10_000}:100" for n in range(1, 1001)))
        # as many as there is room for are taken at once, the others the next time
        taken = [gpu.read().busy_ns for _ in range(4)]
        assert taken[-1] == 10 * SECOND


def test_busy_time_forgets_a_time_that_nobody_saw(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml, utilization_samples="1000000:100") as gpu:
        gpu.read()
        gpu.answer(utilization_samples=f"{1_000_000 + 61_000_000}:100")
        assert gpu.read(after_seconds=61).busy_ns == 0
        # nor does a clock that was set back count
        gpu.answer(utilization_samples="5000:100")
        assert gpu.read().busy_ns == 0


def test_busy_time_without_samples_goes_by_the_utilization_of_each_reading(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml, utilization_samples=None) as gpu:
        assert gpu.read().busy_ns == 0
        gpu.answer(FakeGpu(utilization_percent=50), utilization_samples=None)
        assert gpu.read(after_seconds=2).busy_ns == SECOND
        assert gpu.read(after_seconds=61).busy_ns == SECOND, "a minute that nobody saw"
        gpu.answer(FakeGpu(utilization_percent=None), utilization_samples=None)
        assert gpu.read().busy_ns is None


def test_throttling_counts_by_the_driver_where_it_counts_itself(fake_nvml: FakeNvml) -> None:
    # display clocks are what this driver has no counter of
    with watch(fake_nvml, reasons=0x104, field__74=7 * SECOND) as gpu:
        first = gpu.read()
        assert first.throttle["sw_power_cap"]
        assert (first.throttle_ns["sw_power_cap"], first.throttle_ns["display_clock_setting"]) == (7 * SECOND, 0)
        # it came and went between two readings: only the driver saw it
        gpu.answer(reasons=0, field__74=7 * SECOND + 300)
        second = gpu.read(after_seconds=5)
        assert not second.throttle["sw_power_cap"]
        assert second.throttle_ns["sw_power_cap"] == 7 * SECOND + 300
        assert second.throttle_ns["display_clock_setting"] == 0
        gpu.answer(reasons=0x100)
        assert gpu.read(after_seconds=2).throttle_ns["display_clock_setting"] == 2 * SECOND
        # what the driver does not say just now is not made up from what was seen
        gpu.answer(field__74=None)
        assert "sw_power_cap" not in gpu.read(after_seconds=5).throttle_ns


def test_only_the_reasons_that_a_gpu_can_have(fake_nvml: FakeNvml) -> None:
    fields = {f"field__{number}": None for number in (74, 76, 269, 270, 271)}
    with watch(fake_nvml, supported_reasons=0x5, reasons=0x4, **fields) as gpu:
        reading = gpu.read()
        assert reading.throttle == {"gpu_idle": False, "sw_power_cap": True}
        assert reading.throttle_ns == {"gpu_idle": 0, "sw_power_cap": 0}


def test_gpm_measures_the_time_between_two_samples_five_seconds_apart(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml) as gpu:
        assert gpu.read().activity_ratios == {}
        assert gpu.read(after_seconds=4).activity_ratios == {}
        assert gpu.read().activity_ratios == ACTIVITY
        gpu.answer(gpm__5=100.0)
        assert gpu.read(after_seconds=4).activity_ratios == ACTIVITY
        assert gpu.read().activity_ratios["gpu_tensor_activity_ratio"] == 1.0
        # two counters are not read at one moment: a little more than all is all
        gpu.answer(gpm__5=101.5)
        reading = gpu.read(after_seconds=5)
        assert reading.activity_ratios["gpu_tensor_activity_ratio"] == 1.0
        assert reading.refused == {}
        gpu.answer(gpm__5=400.0, gpm__2="inf", gpm__3=-1.0)
        reading = gpu.read(after_seconds=5)
        assert reading.activity_ratios.keys() == ACTIVITY.keys() - reading.refused.keys()
        assert reading.refused == dict.fromkeys(
            ("gpu_tensor_activity_ratio", "gpu_sm_activity_ratio", "gpu_sm_occupancy_ratio"), 1
        )


def test_a_gpu_before_hopper_has_no_gpm_and_is_not_asked(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml, gpm_supported=0) as gpu:
        gpu.read()
        assert gpu.read(after_seconds=5).activity_ratios == {}
        assert "nvmlGpmSampleGet" not in fake_nvml.calls()


def test_bytes_by_gpm_where_the_driver_does_not_count_them(fake_nvml: FakeNvml) -> None:
    counters = {"field__197": None, "field__198": None, "field__138__4294967295": None, "field__139__4294967295": None}
    with watch(fake_nvml, **counters) as gpu:
        assert gpu.read().pcie_bytes == {}
        assert gpu.read(after_seconds=10).pcie_bytes == {"transmit": 1000 * MIB, "receive": 2000 * MIB}
        gpu.answer(gpm__20=1.0)
        reading = gpu.read(after_seconds=5)
        assert reading.pcie_bytes == {"transmit": 1005 * MIB, "receive": 3000 * MIB}
        assert reading.nvlink_bytes == {"transmit": 6000 * MIB, "receive": 4500 * MIB}
        assert reading.standing.pcie_bytes_per_second == {}
        # a driver's counter that turns up later does not take the place of what was counted
        gpu.answer(field__197=5, field__198=6)
        assert gpu.read(after_seconds=20).pcie_bytes["transmit"] == 1025 * MIB


def test_a_counter_of_bytes_with_32_bits_is_of_no_use(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml, field__197="uint:4000000000", field__198="uint:5") as gpu:
        gpu.read()
        assert gpu.read(after_seconds=10).pcie_bytes == {"transmit": 1000 * MIB, "receive": 2000 * MIB}


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_field_that_is_no_number_has_no_reading(fake_nvml: FakeNvml, value: str) -> None:
    with watch(fake_nvml, field__186=f"double:{value}", field__185="double:505000.7") as gpu:
        reading = gpu.read()
        assert (reading.power_instant_watts, reading.power_average_watts) == (None, 505.0)
        assert reading.memory_temperature_celsius == 58


def test_the_throughput_of_pcie_where_nothing_counts(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml, field__197=None, field__198=None, gpm_supported=None) as gpu:
        reading = gpu.read()
        assert reading.pcie_bytes == {}
        assert reading.standing.pcie_bytes_per_second == {"transmit": 1.5e6, "receive": 2.5e6}


def test_xid_errors_are_counted_by_code_from_the_first_reading_on(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml, xids="1:13") as gpu:
        assert gpu.read().xid_errors == {}, "those before are history"
        gpu.answer(xids="1:13 2:31 3:79 4:31")
        assert gpu.read().xid_errors == {31: 2, 79: 1}
        assert gpu.read().xid_errors == {31: 2, 79: 1}
        gpu.answer(xids="5:79 6:31")
        assert list(gpu.read().xid_errors.items()) == [(79, 2), (31, 3)], "the latest is the last"
        gpu.answer(xids="5:79 6:31 7:79")
        assert list(gpu.read().xid_errors.items()) == [(31, 3), (79, 3)]


def test_a_gpu_that_is_lost_says_why(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml) as gpu:
        gpu.read()
        gpu.answer(FakeGpu(lost=True), xids="1:79")
        for _ in range(2):
            with pytest.raises(ReadError) as error:
                gpu.read()
            assert error.value.xid_errors == {79: 1}
        gpu.answer(FakeGpu(), xids="1:79")
        assert gpu.read().xid_errors == {79: 1}


def test_what_the_driver_reported_of_a_lost_gpu_is_kept_and_shown(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml) as gpu:
        sampler = Sampler(gpu.source, [gpu.device], gpu.clock, interval_ns=SECOND)
        sampler.sample_once(gpu.device)
        gpu.answer(FakeGpu(lost=True), xids="1:79")
        sampler.sample_once(gpu.device)
        (lost,) = sampler.snapshot().samples
        assert (lost.reading, lost.xid_errors) == (None, {79: 1})
        # the driver does not list it any more, and is silent of it
        fake_nvml.answer(replace(gpu.scenario, gpus=(FakeGpu(uuid="GPU-other"),)))
        gpu.source.devices()
        sampler.sample_once(gpu.device)
        gpu.clock.advance(seconds=60)
        (silent,) = sampler.snapshot().samples
        assert (silent.reading, silent.xid_errors) == (None, {79: 1})


def test_xid_errors_of_a_driver_without_events(fake_nvml: FakeNvml) -> None:
    # 0x17: all but XID errors
    with watch(fake_nvml, event_types=0x17, xids="") as gpu:
        gpu.read()
        gpu.answer(xids="1:79")
        assert gpu.read().xid_errors == {}
        assert "nvmlEventSetCreate" not in fake_nvml.calls()


def test_counters_go_on_when_the_driver_is_unloaded_and_loaded(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml) as gpu:
        gpu.read()
        gpu.answer(xids="1:31")
        gpu.read()
        gpu.load_driver(0)
        with pytest.raises(ReadError):
            gpu.read()
        gpu.load_driver(2)
        gpu.answer(xids="")
        gpu.source.devices()
        assert gpu.read().xid_errors == {31: 1}
        # what NVML has allocated went with the driver, and is there anew
        assert gpu.read(after_seconds=5).activity_ratios == ACTIVITY
        gpu.answer(xids="1:79")
        assert gpu.read().xid_errors == {31: 1, 79: 1}


def test_what_is_allocated_is_freed(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml) as gpu:
        for _ in range(50):
            gpu.read()
    calls = Counter(fake_nvml.calls())
    assert calls["nvmlGpmSampleAlloc"] == calls["nvmlGpmSampleFree"] == 2
    assert calls["nvmlEventSetCreate"] == calls["nvmlEventSetFree"] == 1


def test_an_event_set_that_cannot_be_registered_is_freed(fake_nvml: FakeNvml) -> None:
    errors = {"nvmlDeviceRegisterEvents": pynvml.NVML_ERROR_NOT_SUPPORTED}
    with watch(fake_nvml) as gpu:
        gpu.answer(FakeGpu(errors=errors))
        gpu.read()
    calls = Counter(fake_nvml.calls())
    assert calls["nvmlEventSetCreate"] == calls["nvmlEventSetFree"] == 1
