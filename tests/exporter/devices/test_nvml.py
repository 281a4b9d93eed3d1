"""NVML's answers become readings, through the real binding on a fake library."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pynvml
import pytest
from fakes.manual_clock import ManualClock
from fakes.nvml.h100 import RAW
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import GIB, FakeGpu, FakeProcess, FakeSample, Scenario, gpus
from support.h100 import ACTIVITY, WHOLE
from taximeter_exporter.devices.nvml import DriverAbsent, NvmlSource
from taximeter_exporter.devices.nvml.throttle import COUNTED
from taximeter_exporter.devices.reading import Device, DeviceKind, Process, ReadError, Reading
from taximeter_exporter.web.metrics import ALL

# the calls behind each quantity, the fallback of an older driver included, and what is different without them
VITAL: dict[tuple[str, ...], dict[str, Any]] = {
    ("nvmlDeviceGetUtilizationRates",): {"utilization_ratio": None, "memory_bandwidth_utilization_ratio": None},
    ("nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetMemoryInfo"): {
        "memory_used_bytes": None,
        "memory_free_bytes": None,
        "memory_reserved_bytes": None,
        "memory_total_bytes": None,
    },
    ("nvmlDeviceGetPowerUsage",): {"power_watts": None},
    ("nvmlDeviceGetTotalEnergyConsumption",): {"energy_joules": None},
    ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature"): {"temperature_celsius": None},
    ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"): {"processes": None},
    ("nvmlDeviceGetProcessUtilization",): {"processes": (Process(pid=4242, memory_used_bytes=GIB),)},
}
ENGINES = {"encoder": 0.01, "decoder": 0.12, "jpeg": 0.07, "ofa": 0.0}
BESIDES: dict[tuple[str, ...], dict[str, Any]] = {
    ("nvmlDeviceGetEncoderUtilization",): {
        "engine_utilization_ratios": {k: ENGINES[k] for k in ENGINES if k[0] != "e"}
    },
    ("nvmlDeviceGetDecoderUtilization",): {
        "engine_utilization_ratios": {k: ENGINES[k] for k in ENGINES if k[0] != "d"}
    },
    ("nvmlDeviceGetJpgUtilization",): {"engine_utilization_ratios": {k: ENGINES[k] for k in ENGINES if k[0] != "j"}},
    ("nvmlDeviceGetOfaUtilization",): {"engine_utilization_ratios": {k: ENGINES[k] for k in ENGINES if k[0] != "o"}},
    # the busy time goes on by the utilization of each reading
    ("nvmlDeviceGetSamples",): {"busy_ns": 4_150_000_000},
    ("nvmlDeviceGetEnforcedPowerLimit",): {"power_limit_watts": None},
    ("nvmlDeviceGetPowerManagementDefaultLimit",): {"power_default_limit_watts": None},
    ("nvmlDeviceGetPowerManagementLimitConstraints",): {"power_min_limit_watts": None, "power_max_limit_watts": None},
    ("nvmlDeviceGetTemperatureThreshold",): {"temperature_thresholds_celsius": {}},
    ("nvmlDeviceGetMarginTemperature",): {"temperature_margin_celsius": None},
    ("nvmlDeviceGetClockInfo",): {"clocks_hertz": {}},
    ("nvmlDeviceGetMaxClockInfo",): {"clocks_max_hertz": {}},
    ("nvmlDeviceGetPerformanceState",): {"performance_state": None},
    # what the driver counts itself stays
    ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"): {
        "throttle": {},
        "throttle_ns": {name: ns for name, ns in WHOLE.throttle_ns.items() if name in COUNTED},
    },
    # then any reason may be
    ("nvmlDeviceGetSupportedClocksEventReasons", "nvmlDeviceGetSupportedClocksThrottleReasons"): {},
    ("nvmlDeviceGetNumFans",): {"fan_speed_ratios": {}},
    ("nvmlDeviceGetFanSpeed_v2",): {"fan_speed_ratios": {}},
    ("nvmlDeviceGetBAR1MemoryInfo",): {
        "bar1_memory_used_bytes": None,
        "bar1_memory_free_bytes": None,
        "bar1_memory_total_bytes": None,
    },
    ("nvmlDeviceGetCurrPcieLinkGeneration",): {"pcie_generation": None},
    ("nvmlDeviceGetMaxPcieLinkGeneration",): {"pcie_max_generation": None},
    ("nvmlDeviceGetCurrPcieLinkWidth",): {"pcie_width": None},
    ("nvmlDeviceGetMaxPcieLinkWidth",): {"pcie_max_width": None},
    ("nvmlDeviceGetPcieReplayCounter",): {"pcie_replays": None},
    # the driver's counters of the bytes are there
    ("nvmlDeviceGetPcieThroughput",): {},
    ("nvmlDeviceGetNvLinkState",): {"nvlinks": None, "nvlinks_active": None},
    ("nvmlDeviceGetEccMode",): {"ecc_enabled": None},
    ("nvmlDeviceGetTotalEccErrors",): {"ecc_errors": {}, "ecc_lifetime_errors": {}},
    ("nvmlDeviceGetRemappedRows",): {
        "remapped_rows": {},
        "remapped_rows_pending": None,
        "row_remap_failed": None,
    },
    # then GPM measures the bytes (MiB a second, for five), and throttling counts by what readings show
    ("nvmlDeviceGetFieldValues",): {
        "power_instant_watts": None,
        "power_average_watts": None,
        "memory_temperature_celsius": None,
        "throttle_ns": dict.fromkeys(WHOLE.throttle, 0) | {"sw_power_cap": 5_000_000_000},
        "pcie_bytes": {"transmit": 500 * 2**20, "receive": 1000 * 2**20},
        "nvlink_bytes": {"transmit": 2000 * 2**20, "receive": 1500 * 2**20},
        "temperature_margin_limits_celsius": {},
        "nvlink_errors": {},
        "retired_pages": {},
        "retired_pages_pending": None,
    },
    ("nvmlGpmQueryDeviceSupport",): {"activity_ratios": {}},
    ("nvmlGpmSampleAlloc",): {"activity_ratios": {}},
    ("nvmlGpmSampleGet",): {"activity_ratios": {}},
    ("nvmlGpmMetricsGet",): {"activity_ratios": {}},
    ("nvmlDeviceGetSupportedEventTypes",): {"xid_errors": {}},
    ("nvmlEventSetCreate",): {"xid_errors": {}},
    ("nvmlDeviceRegisterEvents",): {"xid_errors": {}},
    ("nvmlEventSetWait_v2",): {"xid_errors": {}},
}
CALLS = VITAL | BESIDES
WITHOUT_A_DEVICE = ("nvmlGpmSampleAlloc", "nvmlEventSetCreate", "nvmlEventSetWait_v2")
LISTING = {
    *("nvmlInitWithFlags", "nvmlDeviceGetCount_v2", "nvmlSystemGetDriverVersion", "nvmlDeviceGetHandleByIndex_v2"),
    *("nvmlDeviceGetUUID", "nvmlDeviceGetName", "nvmlDeviceGetMigMode", "nvmlShutdown"),
}
FREEING = {"nvmlGpmSampleFree", "nvmlEventSetFree"}
SECOND = replace(WHOLE, activity_ratios=ACTIVITY, busy_ns=830_000_000, xid_errors={79: 1})
"""What the fake answers the second time, five seconds later and after an XID error."""
NEWS = {
    "utilization_samples": "1000000:83 2000000:83",
    "process_utilization": "4242:1000000:80 4242:2000000:80",
    "xids": "1:79",
}


def different(reading: Reading, changes: dict[str, Any]) -> Reading:
    """The reading with changes to it, or to what stands in it."""
    standing = {name: value for name, value in changes.items() if name not in Reading.__dataclass_fields__}
    changes = {name: value for name, value in changes.items() if name not in standing}
    return replace(reading, standing=replace(reading.standing, **standing), **changes)


def second_reading(fake_nvml: FakeNvml, scenario: Scenario) -> Reading:
    """That of a new source five seconds after its first, between which there was an XID error."""
    fake_nvml.answer(scenario)
    clock = ManualClock()
    source = NvmlSource(clock.elapsed_ns)
    (device,) = source.devices()
    source.read(device)
    clock.advance(seconds=5)
    (gpu,) = scenario.gpus
    news = {key: value for key, value in NEWS.items() if gpu.raw[key] == RAW[key]}
    fake_nvml.answer(replace(scenario, gpus=(replace(gpu, raw={**gpu.raw, **news}),)))
    reading = source.read(device)
    fake_nvml.answer(replace(scenario, errors={}))
    source.close()
    return reading


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


@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: calls[0])
def test_an_unsupported_call_costs_its_own_answer_only(fake_nvml: FakeNvml, calls: tuple[str, ...]) -> None:
    expected = different(SECOND, CALLS[calls])
    for code in (
        pynvml.NVML_ERROR_INVALID_ARGUMENT,
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_INSUFFICIENT_SIZE,
        pynvml.NVML_ERROR_NO_DATA,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DEPRECATED,
    ):
        errors = dict.fromkeys(calls, code)
        scenario = Scenario(errors=errors) if calls[0] in WITHOUT_A_DEVICE else Scenario(gpus=(FakeGpu(errors=errors),))
        assert second_reading(fake_nvml, scenario) == expected, pynvml.NVMLError(code)


@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: calls[0])
def test_a_function_that_the_library_lacks_costs_its_own_answer_only(
    fake_nvml: FakeNvml, calls: tuple[str, ...]
) -> None:
    fake_nvml.hide(*calls)
    assert second_reading(fake_nvml, Scenario()) == different(SECOND, CALLS[calls])


def test_every_call_that_a_reading_makes_is_tried_without(fake_nvml: FakeNvml) -> None:
    second_reading(fake_nvml, Scenario())
    without_pcie = FakeGpu(raw=RAW | {"field.197": None, "field.198": None, "gpm_supported": None})
    second_reading(fake_nvml, Scenario(gpus=(without_pcie,)))
    older = {call for calls in CALLS for call in calls[1:]}
    assert set(fake_nvml.calls()) - LISTING - FREEING == {call for calls in CALLS for call in calls} - older


def test_a_binding_that_lacks_a_function_is_as_a_driver_that_does(
    monkeypatch: pytest.MonkeyPatch, source: NvmlSource
) -> None:
    monkeypatch.delattr(pynvml, "nvmlDeviceGetTemperatureV")
    monkeypatch.delattr(pynvml, "nvmlDeviceGetPowerUsage")
    assert read_only(source) == replace(WHOLE, power_watts=None)


def test_an_old_driver_answers_by_the_older_functions(fake_nvml: FakeNvml) -> None:
    # in a library that was built so, not only hidden from the binding
    fake_nvml.lack(*(call for calls in CALLS for call in calls[:1] if len(calls) > 1))
    source = NvmlSource()
    # the older memory call counts the reserved GiB as used
    assert read_only(source) == replace(WHOLE, memory_used_bytes=61 * GIB, memory_reserved_bytes=None)
    source.close()


NO_MEMORY = {
    "memory_used_bytes": None,
    "memory_free_bytes": None,
    "memory_reserved_bytes": None,
    "memory_total_bytes": None,
}


@pytest.mark.parametrize(
    ("gpu", "missing", "refused"),
    [
        (FakeGpu(utilization_percent=101), {"utilization_ratio": None}, "gpu_utilization_ratio"),
        (FakeGpu(utilization_percent=0xFFFFFFFF), {"utilization_ratio": None}, "gpu_utilization_ratio"),
        (FakeGpu(power_milliwatts=0xFFFFFFFF), {"power_watts": None}, "gpu_power_watts"),
        (FakeGpu(power_limit_milliwatts=0xFFFFFFFF), {"power_limit_watts": None}, "gpu_power_limit_watts"),
        (FakeGpu(energy_millijoules=2**64 - 1), {"energy_joules": None}, "gpu_energy_joules"),
        (FakeGpu(temperature_celsius=0x7FFFFFFF), {"temperature_celsius": None}, "gpu_temperature_celsius"),
        (FakeGpu(temperature_celsius=255), {"temperature_celsius": None}, "gpu_temperature_celsius"),
        (FakeGpu(memory_used_bytes=81 * GIB), {"memory_used_bytes": None}, "gpu_memory_used_bytes"),
        (FakeGpu(memory_used_bytes=2**64 - 1), {"memory_used_bytes": None}, "gpu_memory_used_bytes"),
        (FakeGpu(memory_free_bytes=2**64 - 1), {"memory_free_bytes": None}, "gpu_memory_free_bytes"),
        (FakeGpu(memory_reserved_bytes=2**64 - 1), {"memory_reserved_bytes": None}, "gpu_memory_reserved_bytes"),
        (FakeGpu(memory_total_bytes=2**64 - 1), NO_MEMORY, "gpu_memory_total_bytes"),
        # no memory at all is none to tell of, and nothing impossible
        (FakeGpu(memory_total_bytes=0), NO_MEMORY, None),
        (
            FakeGpu(processes=(FakeProcess(pid=4242, memory_bytes=None),)),
            {"processes": (Process(pid=4242, memory_used_bytes=None, sm_percent=80),)},
            None,
        ),
        (
            FakeGpu(processes=(FakeProcess(pid=4242, memory_bytes=2**63),)),
            {"processes": (Process(pid=4242, memory_used_bytes=None, sm_percent=80),)},
            "process_memory_used_bytes",
        ),
        (FakeGpu(raw=RAW | {"pstate": 32}), {"performance_state": None}, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_impossible_value_is_no_reading_and_is_counted(
    fake_nvml: FakeNvml, source: NvmlSource, gpu: FakeGpu, missing: dict[str, Any], refused: str | None
) -> None:
    fake_nvml.answer(Scenario(gpus=(gpu,)))
    counted = {} if refused is None else {refused: 1}
    assert read_only(source) == replace(WHOLE, **missing, refused=counted)


MASKS = {"reasons", "supported_reasons", "event_types", "gpm_supported", "xids"}
"""Any number is one."""
BYTE_COUNTERS = ("field.197", "field.198", "field.138", "field.139")
RATES = {"gpm.20", "gpm.21", "gpm.60", "gpm.61"}
"""Of the counters that are made of them: these rest for a second."""
COST = {"bar1_total": 3, "fans": 2}
"""What is not to be understood without."""


def garbage(key: str) -> str:
    """The sentinel of the key's type: all ones; of a signed one the greatest."""
    value = RAW[key]
    kind, _, _ = str(value).partition(":")
    if key == "margin" or kind == "int":
        return f"{'int:' if kind == 'int' else ''}{0x7FFFFFFF}"
    if kind == "uint":
        return f"uint:{0xFFFFFFFF}"
    if key.startswith("gpm."):
        return "nan"
    if key in ("utilization_samples", "process_utilization"):
        return f"{str(value).rpartition(':')[0]}:{0xFFFFFFFF}"
    return str(2**64 - 1)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every single value of a reading, by where it is."""
    if is_dataclass(value):
        return {
            where: leaf
            for field in fields(value)
            for where, leaf in leaves(getattr(value, field.name), f"{path}.{field.name}").items()
        }
    if isinstance(value, Mapping):
        return {where: leaf for key, each in value.items() for where, leaf in leaves(each, f"{path}.{key}").items()}
    if isinstance(value, tuple):
        return {where: leaf for key, each in enumerate(value) for where, leaf in leaves(each, f"{path}.{key}").items()}
    return {path: value}


@pytest.mark.parametrize("key", sorted(RAW.keys() - MASKS))
def test_garbage_from_any_call_costs_its_own_answer_only(fake_nvml: FakeNvml, key: str) -> None:
    raw = RAW | {key: None for key in RAW if key.startswith(BYTE_COUNTERS)} if key in RATES else dict(RAW)
    if key.startswith("pcie_throughput"):
        raw |= {key: None for key in RAW if key.startswith(BYTE_COUNTERS)} | {"gpm_supported": None}
    healthy = leaves(second_reading(fake_nvml, Scenario(gpus=(FakeGpu(raw=raw),))))
    reading = second_reading(fake_nvml, Scenario(gpus=(FakeGpu(raw=raw | {key: garbage(key)}),)))
    rest = leaves(reading)
    refused = {where: rest.pop(where) for where in list(rest) if where.startswith(".refused.")}
    if key not in RATES:
        (name,) = (where.removeprefix(".refused.") for where in refused)
        assert name in {spec.name for spec in ALL}
    lost = {where for where in healthy if rest.get(where) != healthy[where]}
    if key == "utilization_samples":
        # the sample before it counts
        assert lost == {".busy_ns"}
        return
    assert {rest.get(where) for where in lost} == {None}
    assert len(lost) == COST.get(key, 1)


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
    fake_nvml.answer(Scenario(gpus=(replace(gpu, samples=None, raw=RAW | {"process_utilization": None}),)))
    assert sm_percents(source) == {1: None, 2: None, 3: None}


def test_where_nothing_runs_nothing_is_sampled(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(processes=()),)))
    assert read_only(source).processes == ()
    assert "nvmlDeviceGetProcessUtilization" not in fake_nvml.calls()


def test_a_process_whose_samples_are_all_garbage_has_no_use_that_is_known(
    fake_nvml: FakeNvml, source: NvmlSource
) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(samples=(FakeSample(pid=4242, timestamp_us=1, sm_percent=255),)),)))
    assert sm_percents(source) == {4242: None}


@pytest.mark.parametrize(("unsettled", "known"), [(1, True), (3, True), (50, False)])
def test_a_list_of_processes_that_grows_while_it_is_read(
    fake_nvml: FakeNvml, source: NvmlSource, unsettled: int, known: bool
) -> None:
    many = tuple(FakeProcess(pid=1 + number) for number in range(100))
    gpu = FakeGpu(processes=many, raw=RAW | {"processes_unsettled": unsettled})
    fake_nvml.answer(Scenario(gpus=(gpu,)))
    reading = read_only(source)
    assert len(reading.processes or ()) == (100 if known else 0)
    assert (reading.processes is not None) == known
    assert reading.utilization_ratio == 0.83
    # a list that has settled is read again
    fake_nvml.answer(Scenario(gpus=(replace(gpu, raw=RAW),)))
    assert len(read_only(source).processes or ()) == 100


def test_a_lost_gpu_cannot_be_read_and_the_others_can(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    healthy = gpus(count=3, processes=1)
    fake_nvml.answer(healthy)
    first, second, third = source.devices()
    fake_nvml.answer(replace(healthy, gpus=(healthy.gpus[0], replace(healthy.gpus[1], lost=True), healthy.gpus[2])))
    with pytest.raises(
        ReadError, match=r"^nvmlEventSetWait_v2: GPU is lost$|^nvmlDeviceGetSupportedEventTypes: GPU is lost$"
    ):
        source.read(second)
    assert source.read(first).utilization_ratio == source.read(third).utilization_ratio == 0.83
    fake_nvml.answer(healthy)
    assert source.read(second).utilization_ratio == 0.83


@pytest.mark.parametrize(
    "code", [pynvml.NVML_ERROR_UNKNOWN, pynvml.NVML_ERROR_TIMEOUT, pynvml.NVML_ERROR_RESET_REQUIRED]
)
@pytest.mark.parametrize("calls", VITAL, ids=lambda calls: calls[0])
def test_a_device_in_trouble_names_the_call(
    fake_nvml: FakeNvml, source: NvmlSource, calls: tuple[str, ...], code: int
) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(errors=dict.fromkeys(calls, code)),)))
    (device,) = source.devices()
    with pytest.raises(ReadError, match=f"^{calls[0].removesuffix('_v2')}: {pynvml.NVMLError(code)}$"):
        source.read(device)


@pytest.mark.parametrize("calls", BESIDES, ids=lambda calls: calls[0])
def test_trouble_with_what_is_good_to_know_besides_is_none_of_the_device(
    fake_nvml: FakeNvml, calls: tuple[str, ...]
) -> None:
    errors = dict.fromkeys(calls, pynvml.NVML_ERROR_UNKNOWN)
    scenario = Scenario(errors=errors) if calls[0] in WITHOUT_A_DEVICE else Scenario(gpus=(FakeGpu(errors=errors),))
    assert second_reading(fake_nvml, scenario) == different(SECOND, BESIDES[calls])


def test_a_code_that_the_binding_has_no_words_for_is_put_in_the_drivers(
    fake_nvml: FakeNvml, source: NvmlSource
) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(errors={"nvmlDeviceGetPowerUsage": 29}),)))
    with pytest.raises(ReadError, match=r"^nvmlDeviceGetPowerUsage: an error of the fake NVML library$"):
        read_only(source)


def test_a_gpu_that_answers_nothing_cannot_be_read(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    refused = {call: pynvml.NVML_ERROR_INVALID_ARGUMENT for calls in CALLS for call in calls}
    unable = dict.fromkeys(WITHOUT_A_DEVICE, pynvml.NVML_ERROR_NOT_SUPPORTED)
    fake_nvml.answer(Scenario(gpus=(FakeGpu(errors=refused),), errors=unable))
    for _ in range(2):
        with pytest.raises(ReadError, match=r"^no call was answered; nvmlDeviceGet\w+: Invalid Argument$"):
            read_only(source)


def test_a_gpu_that_was_never_listed_cannot_be_read(source: NvmlSource) -> None:
    stranger = Device(uuid="GPU-other", kind=DeviceKind.GPU, index="0", model="?")
    with pytest.raises(ReadError, match=r"^the driver does not show it$"):
        source.read(stranger)


def test_a_gpu_that_cannot_be_identified_is_told_of(
    fake_nvml: FakeNvml, source: NvmlSource, caplog: pytest.LogCaptureFixture
) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(uuid="GPU-a", lost=True), FakeGpu(uuid="GPU-b"))))
    assert [(device.uuid, device.index) for device in source.devices()] == [("GPU-b", "1")]
    assert "GPU 0 cannot be identified: nvmlDeviceGetHandleByIndex: GPU is lost" in caplog.text


def test_gpus_that_all_fail_are_not_no_gpus(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(uuid="GPU-a", lost=True), FakeGpu(errors={"nvmlDeviceGetUUID": 3}))))
    assert source.devices() == ()
    assert source.unidentified == {
        0: "nvmlDeviceGetHandleByIndex: GPU is lost",
        1: "nvmlDeviceGetUUID: Not Supported",
    }


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
    with pytest.raises(ReadError, match="NVML was shut down"):
        source.devices()
