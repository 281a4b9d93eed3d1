"""What is asked at every reading, and what seldom."""

from __future__ import annotations

from collections import Counter

import pynvml
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeGpu, FakeProcess, FakeSample
from support.nvml_readings import watch

AT_EVERY_READING = {
    "nvmlEventSetWait_v2",
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetPowerUsage",
    "nvmlDeviceGetTotalEnergyConsumption",
    "nvmlDeviceGetTemperatureV",
    "nvmlDeviceGetComputeRunningProcesses_v3",
    "nvmlDeviceGetProcessUtilization",
    "nvmlDeviceGetSamples",
    "nvmlDeviceGetCurrentClocksEventReasons",
}
NOW_AND_THEN = {
    "nvmlDeviceGetFieldValues",
    "nvmlGpmSampleGet",
    "nvmlGpmMetricsGet",
    "nvmlDeviceGetClockInfo",
    "nvmlDeviceGetPerformanceState",
    "nvmlDeviceGetMarginTemperature",
    "nvmlDeviceGetEncoderUtilization",
    "nvmlDeviceGetDecoderUtilization",
    "nvmlDeviceGetJpgUtilization",
    "nvmlDeviceGetOfaUtilization",
}
SELDOM = {
    "nvmlDeviceGetEnforcedPowerLimit",
    "nvmlDeviceGetPowerManagementDefaultLimit",
    "nvmlDeviceGetTemperatureThreshold",
    "nvmlDeviceGetMaxClockInfo",
    "nvmlDeviceGetBAR1MemoryInfo",
    "nvmlDeviceGetNvLinkState",
    "nvmlDeviceGetTotalEccErrors",
    "nvmlDeviceGetRemappedRows",
    "nvmlDeviceGetFanSpeed_v2",
    "nvmlDeviceGetSupportedClocksEventReasons",
}


def test_what_is_read_each_time_now_and_then_and_seldom(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml) as gpu:
        assert set(gpu.calls()) >= SELDOM
        gpu.answer(ecc__0__0=9, clock__1=1500)
        for second in range(1, 15):
            calls = gpu.calls()
            assert set(calls) & SELDOM == set()
            if second % 5:
                # one call each, and nothing else
                assert sorted(calls) == sorted(AT_EVERY_READING)
            else:
                assert set(calls) - {"nvmlGpmSampleAlloc"} == AT_EVERY_READING | NOW_AND_THEN
        reading = gpu.source.read(gpu.device)
        assert (reading.standing.ecc_errors["corrected"], reading.clocks_hertz["sm"]) == (3, 1.5e9)
        assert set(gpu.calls()) >= SELDOM
        assert gpu.source.read(gpu.device).standing.ecc_errors["corrected"] == 9


def test_what_is_not_supported_is_asked_again_after_15_seconds(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml) as gpu:
        gpu.answer(FakeGpu(power_milliwatts=None), decoder=None, field__82=None, field__29=None)
        reading = gpu.read()
        assert (reading.power_watts, reading.memory_temperature_celsius) == (None, None)
        assert reading.standing.retired_pages == {"double_bit": 1}
        gpu.answer(FakeGpu())
        assert "nvmlDeviceGetPowerUsage" not in gpu.calls()
        reading = gpu.read(after_seconds=5)
        assert (reading.power_watts, reading.memory_temperature_celsius) == (None, None)
        assert "decoder" not in reading.engine_utilization_ratios
        reading = gpu.read(after_seconds=9)
        assert reading.power_watts == 512.5
        assert reading.memory_temperature_celsius == 58
        assert reading.engine_utilization_ratios["decoder"] == 0.12
        assert reading.standing.retired_pages == {"multiple_single_bit": 4, "double_bit": 1}


def test_a_code_that_passes_is_asked_again_at_once(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml) as gpu:
        gpu.answer(FakeGpu(errors={"nvmlDeviceGetPowerUsage": pynvml.NVML_ERROR_NO_DATA}))
        assert gpu.read().power_watts is None
        gpu.answer(FakeGpu())
        assert gpu.read().power_watts == 512.5


def test_refused_values_add_up(fake_nvml: FakeNvml) -> None:
    with watch(fake_nvml) as gpu:
        gpu.answer(FakeGpu(utilization_percent=2**32 - 1, power_milliwatts=2**32 - 1))
        first = gpu.read()
        assert first.refused == {"gpu_utilization_ratio": 1, "gpu_power_watts": 1}
        assert gpu.read().refused == {"gpu_utilization_ratio": 2, "gpu_power_watts": 2}
        assert first.refused == {"gpu_utilization_ratio": 1, "gpu_power_watts": 1}, "a reading never changes"


def processes(count: int, *, sampled_us: int) -> FakeGpu:
    return FakeGpu(
        processes=tuple(FakeProcess(pid=pid) for pid in range(1, count + 1)),
        samples=tuple(FakeSample(pid=pid, timestamp_us=sampled_us, sm_percent=1) for pid in range(1, count + 1)),
    )


def test_many_processes_take_no_more_calls_than_few(fake_nvml: FakeNvml) -> None:
    calls = []
    with watch(fake_nvml) as gpu:
        for turn, count in enumerate((8, 8, 64, 64), start=1):
            gpu.answer(processes(count, sampled_us=turn * 1_000_000))
            # the room for a list grows once
            gpu.read()
            gpu.answer(processes(count, sampled_us=turn * 1_000_000 + 500_000))
            calls.append(Counter(gpu.calls()))
    assert calls[1] == calls[3]
