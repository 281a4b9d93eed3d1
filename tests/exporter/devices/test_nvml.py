"""NVML's answers become readings, through the real binding on a fake library."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pynvml
import pytest
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import GIB, FakeGpu, FakeProcess, FakeSample, Scenario, gpus
from taximeter_exporter.devices.nvml import DriverAbsent, NvmlSource
from taximeter_exporter.devices.reading import Device, DeviceKind, Process, ReadError, Reading

WHOLE = Reading(
    utilization_ratio=0.83,
    memory_used_bytes=60 * GIB,
    memory_free_bytes=19 * GIB,
    memory_total_bytes=80 * GIB,
    power_watts=512.5,
    power_limit_watts=700.0,
    energy_joules=123456.789,
    temperature_celsius=61,
    processes=(Process(pid=4242, memory_used_bytes=GIB),),
)

# the calls behind each quantity, the fallback of an older driver included, and what is missing without them
CALLS: dict[tuple[str, ...], dict[str, Any]] = {
    ("nvmlDeviceGetUtilizationRates",): {"utilization_ratio": None},
    ("nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetMemoryInfo"): {
        "memory_used_bytes": None,
        "memory_free_bytes": None,
        "memory_total_bytes": None,
    },
    ("nvmlDeviceGetPowerUsage",): {"power_watts": None},
    ("nvmlDeviceGetEnforcedPowerLimit",): {"power_limit_watts": None},
    ("nvmlDeviceGetTotalEnergyConsumption",): {"energy_joules": None},
    ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature"): {"temperature_celsius": None},
    ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"): {"processes": None},
}
EVERY_CALL = tuple(call for calls in CALLS for call in calls)


@pytest.fixture
def source(fake_nvml: FakeNvml) -> Iterator[NvmlSource]:
    source = NvmlSource()
    yield source
    fake_nvml.answer(Scenario())
    source.close()


def read_only(source: NvmlSource) -> Reading:
    (device,) = source.devices()
    return source.read(device)


def test_a_healthy_gpu(source: NvmlSource) -> None:
    assert source.devices() == (
        Device(
            uuid="GPU-00000000-0000-0000-0000-000000000000",
            kind=DeviceKind.GPU,
            index="0",
            model="NVIDIA H100 80GB HBM3",
            driver_version="570.86.15",
        ),
    )
    assert read_only(source) == WHOLE


def test_every_gpu_is_listed_in_order(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    fake_nvml.answer(gpus(count=8, processes=8))
    devices = source.devices()
    assert [device.index for device in devices] == list("01234567")
    assert len({device.uuid for device in devices}) == 8
    assert [process.pid for process in source.read(devices[7]).processes or ()] == list(range(8000, 8008))


def test_a_reading_is_of_now(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    (device,) = source.devices()
    assert source.read(device).utilization_ratio == 0.83
    fake_nvml.answer(Scenario(gpus=(FakeGpu(utilization_percent=0, processes=()),)))
    reading = source.read(device)
    assert reading.utilization_ratio == 0
    assert reading.processes == ()


@pytest.mark.parametrize(
    "code",
    [
        pynvml.NVML_ERROR_INVALID_ARGUMENT,
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_NO_DATA,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DEPRECATED,
    ],
)
@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: calls[0])
def test_an_unsupported_call_costs_its_own_answer_only(
    fake_nvml: FakeNvml, source: NvmlSource, calls: tuple[str, ...], code: int
) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(errors=dict.fromkeys(calls, code)),)))
    assert read_only(source) == replace(WHOLE, **CALLS[calls])


@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: calls[0])
def test_a_function_that_the_library_lacks_costs_its_own_answer_only(
    fake_nvml: FakeNvml, calls: tuple[str, ...]
) -> None:
    fake_nvml.lack(*calls)
    source = NvmlSource()
    assert read_only(source) == replace(WHOLE, **CALLS[calls])
    source.close()


def test_a_binding_that_lacks_a_function_is_as_a_driver_that_does(
    monkeypatch: pytest.MonkeyPatch, source: NvmlSource
) -> None:
    monkeypatch.delattr(pynvml, "nvmlDeviceGetTemperatureV")
    monkeypatch.delattr(pynvml, "nvmlDeviceGetPowerUsage")
    assert read_only(source) == replace(WHOLE, power_watts=None)


def test_an_old_driver_answers_by_the_older_functions(fake_nvml: FakeNvml) -> None:
    fake_nvml.lack("nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetTemperatureV", "nvmlDeviceGetComputeRunningProcesses_v3")
    source = NvmlSource()
    # the older memory call counts the reserved GiB as used
    assert read_only(source) == replace(WHOLE, memory_used_bytes=61 * GIB)
    source.close()


@pytest.mark.parametrize(
    ("gpu", "missing"),
    [
        (FakeGpu(utilization_percent=101), {"utilization_ratio": None}),
        (FakeGpu(utilization_percent=0xFFFFFFFF), {"utilization_ratio": None}),
        (FakeGpu(power_milliwatts=0xFFFFFFFF), {"power_watts": None}),
        (FakeGpu(power_limit_milliwatts=0xFFFFFFFF), {"power_limit_watts": None}),
        (FakeGpu(energy_millijoules=2**64 - 1), {"energy_joules": None}),
        (FakeGpu(temperature_celsius=0x7FFFFFFF), {"temperature_celsius": None}),
        (FakeGpu(temperature_celsius=255), {"temperature_celsius": None}),
        (FakeGpu(memory_used_bytes=81 * GIB), {"memory_used_bytes": None}),
        (FakeGpu(memory_used_bytes=2**64 - 1), {"memory_used_bytes": None}),
        (FakeGpu(memory_free_bytes=2**64 - 1), {"memory_free_bytes": None}),
        (
            FakeGpu(memory_total_bytes=2**64 - 1),
            {"memory_used_bytes": None, "memory_free_bytes": None, "memory_total_bytes": None},
        ),
        (
            FakeGpu(memory_total_bytes=0),
            {"memory_used_bytes": None, "memory_free_bytes": None, "memory_total_bytes": None},
        ),
        (
            FakeGpu(processes=(FakeProcess(pid=4242, memory_bytes=None),)),
            {"processes": (Process(pid=4242, memory_used_bytes=None),)},
        ),
        (
            FakeGpu(processes=(FakeProcess(pid=4242, memory_bytes=2**63),)),
            {"processes": (Process(pid=4242, memory_used_bytes=None),)},
        ),
    ],
    ids=str,
)
def test_an_impossible_value_is_no_reading(
    fake_nvml: FakeNvml, source: NvmlSource, gpu: FakeGpu, missing: dict[str, Any]
) -> None:
    fake_nvml.answer(Scenario(gpus=(gpu,)))
    assert read_only(source) == replace(WHOLE, **missing)


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        (FakeGpu(utilization_percent=100), {"utilization_ratio": 1.0}),
        (
            FakeGpu(memory_used_bytes=80 * GIB, memory_free_bytes=0),
            {"memory_used_bytes": 80 * GIB, "memory_free_bytes": 0},
        ),
        (FakeGpu(power_milliwatts=0, energy_millijoules=0), {"power_watts": 0.0, "energy_joules": 0.0}),
    ],
    ids=str,
)
def test_a_value_at_the_edge_is_a_reading(
    fake_nvml: FakeNvml, source: NvmlSource, gpu: FakeGpu, expected: dict[str, Any]
) -> None:
    fake_nvml.answer(Scenario(gpus=(gpu,)))
    assert read_only(source) == replace(WHOLE, **expected)


def sm_percents(source: NvmlSource) -> dict[int, int | None]:
    return {process.pid: process.sm_percent for process in read_only(source).processes or ()}


def test_of_several_processes_each_has_its_last_sample_and_one_without_used_nothing(
    fake_nvml: FakeNvml, source: NvmlSource
) -> None:
    gpu = FakeGpu(processes=tuple(FakeProcess(pid=pid) for pid in (1, 2, 3)))
    samples = (
        FakeSample(pid=1, timestamp_us=20, sm_percent=70),
        FakeSample(pid=1, timestamp_us=10, sm_percent=5),
        FakeSample(pid=2, timestamp_us=20, sm_percent=30),
        FakeSample(pid=2, timestamp_us=30, sm_percent=101),  # garbage
        FakeSample(pid=9, timestamp_us=20, sm_percent=1),  # has ended
    )
    fake_nvml.answer(Scenario(gpus=(replace(gpu, samples=samples),)))
    assert sm_percents(source) == {1: 70, 2: 30, 3: 0}
    # from now on only what is newer counts
    newer = (FakeSample(pid=1, timestamp_us=20, sm_percent=99), FakeSample(pid=3, timestamp_us=40, sm_percent=8))
    fake_nvml.answer(Scenario(gpus=(replace(gpu, samples=newer),)))
    assert sm_percents(source) == {1: 0, 2: 0, 3: 8}
    assert sm_percents(source) == {1: 0, 2: 0, 3: 0}
    fake_nvml.answer(Scenario(gpus=(replace(gpu, samples=None),)))
    assert sm_percents(source) == {1: None, 2: None, 3: None}


def test_one_process_alone_is_not_sampled(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(samples=(FakeSample(pid=4242, timestamp_us=1, sm_percent=9),)),)))
    assert sm_percents(source) == {4242: None}
    assert "nvmlDeviceGetProcessUtilization" not in fake_nvml.calls()


def test_a_lost_gpu_cannot_be_read_and_the_others_can(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    healthy = gpus(count=3, processes=1)
    fake_nvml.answer(healthy)
    first, second, third = source.devices()
    fake_nvml.answer(replace(healthy, gpus=(healthy.gpus[0], replace(healthy.gpus[1], lost=True), healthy.gpus[2])))
    with pytest.raises(ReadError, match=r"^nvmlDeviceGetMemoryInfo: GPU is lost$"):
        source.read(second)
    assert source.read(first).utilization_ratio == source.read(third).utilization_ratio == 0.83
    fake_nvml.answer(healthy)
    assert source.read(second).utilization_ratio == 0.83


@pytest.mark.parametrize(
    "code", [pynvml.NVML_ERROR_UNKNOWN, pynvml.NVML_ERROR_TIMEOUT, pynvml.NVML_ERROR_RESET_REQUIRED]
)
@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: calls[0])
def test_a_device_in_trouble_names_the_call(
    fake_nvml: FakeNvml, source: NvmlSource, calls: tuple[str, ...], code: int
) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(errors=dict.fromkeys(calls, code)),)))
    (device,) = source.devices()
    with pytest.raises(ReadError, match=f"^{calls[0].removesuffix('_v2')}: {pynvml.NVMLError(code)}$"):
        source.read(device)


def test_a_code_that_the_binding_has_no_words_for_is_put_in_the_drivers(
    fake_nvml: FakeNvml, source: NvmlSource
) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(errors={"nvmlDeviceGetPowerUsage": 29}),)))
    with pytest.raises(ReadError, match=r"^nvmlDeviceGetPowerUsage: an error of the fake NVML library$"):
        read_only(source)


def test_a_gpu_that_answers_nothing_cannot_be_read(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    refused = dict.fromkeys(EVERY_CALL, pynvml.NVML_ERROR_INVALID_ARGUMENT)
    fake_nvml.answer(Scenario(gpus=(FakeGpu(errors=refused),)))
    with pytest.raises(ReadError, match=r"^no call was answered; nvmlDeviceGetMemoryInfo: Invalid Argument$"):
        read_only(source)


def test_a_gpu_that_was_never_listed_cannot_be_read(source: NvmlSource) -> None:
    stranger = Device(uuid="GPU-other", kind=DeviceKind.GPU, index="0", model="?")
    with pytest.raises(ReadError, match="GPU-other"):
        source.read(stranger)


def test_a_gpu_that_cannot_be_identified_is_left_out(
    fake_nvml: FakeNvml, source: NvmlSource, caplog: pytest.LogCaptureFixture
) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(uuid="GPU-a", lost=True), FakeGpu(uuid="GPU-b"))))
    assert [(device.uuid, device.index) for device in source.devices()] == [("GPU-b", "1")]
    assert "GPU 0 cannot be identified and is left out: nvmlDeviceGetHandleByIndex: GPU is lost" in caplog.text


def test_gpus_that_all_fail_are_not_no_gpus(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(uuid="GPU-a", lost=True), FakeGpu(errors={"nvmlDeviceGetUUID": 3}))))
    with pytest.raises(ReadError, match=r"GPU 0: .*GPU is lost; GPU 1: nvmlDeviceGetUUID: Not Supported"):
        source.devices()


def test_no_gpus(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    fake_nvml.answer(Scenario(gpus=()))
    assert source.devices() == ()


def test_gpus_that_cannot_be_counted(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    fake_nvml.answer(Scenario(errors={"nvmlDeviceGetCount_v2": pynvml.NVML_ERROR_UNKNOWN}))
    with pytest.raises(ReadError, match=r"^nvmlDeviceGetCount: Unknown Error$"):
        source.devices()


def test_a_name_or_driver_version_that_is_not_told(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(name=None),), driver_version=None))
    (device,) = source.devices()
    assert device.model == "unknown"
    assert device.driver_version is None


def test_an_older_binding_answers_bytes(monkeypatch: pytest.MonkeyPatch, source: NvmlSource) -> None:
    for call in ("nvmlDeviceGetUUID", "nvmlDeviceGetName", "nvmlSystemGetDriverVersion"):
        newer = getattr(pynvml, call)
        monkeypatch.setattr(pynvml, call, lambda *handle, newer=newer: newer(*handle).encode())
    (device,) = source.devices()
    assert device.uuid == "GPU-00000000-0000-0000-0000-000000000000"
    assert device.model == "NVIDIA H100 80GB HBM3"
    assert device.driver_version == "570.86.15"


def test_a_driver_that_is_not_loaded_is_absent(fake_nvml: FakeNvml) -> None:
    fake_nvml.answer(Scenario(errors={"nvmlInitWithFlags": pynvml.NVML_ERROR_DRIVER_NOT_LOADED}))
    with pytest.raises(DriverAbsent, match="Driver Not Loaded"):
        NvmlSource()


def test_a_library_that_is_not_there_is_an_absent_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    # the machine of the test may have a driver: let the binding look for a name that no machine has
    monkeypatch.setattr(pynvml, "nvmlLib", None)
    monkeypatch.setattr(pynvml, "CDLL", lambda name: ctypes.CDLL(f"absent-{name}"))
    with pytest.raises(DriverAbsent, match="NVML Shared Library Not Found"):
        NvmlSource()


def test_a_driver_that_does_not_start_is_not_absent(fake_nvml: FakeNvml) -> None:
    fake_nvml.answer(Scenario(errors={"nvmlInitWithFlags": pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH}))
    with pytest.raises(ReadError, match=r"^nvmlInit: RM has detected an NVML/RM version mismatch"):
        NvmlSource()


def test_close_lets_go_of_the_driver(fake_nvml: FakeNvml) -> None:
    source = NvmlSource()
    source.close()
    assert fake_nvml.calls() == ["nvmlInitWithFlags", "nvmlShutdown"]
    with pytest.raises(ReadError, match="Uninitialized"):
        source.devices()
