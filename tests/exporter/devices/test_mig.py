"""A GPU in MIG mode: its instances are devices, and their parts of it add up to the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pynvml
import pytest
from fakes.manual_clock import ManualClock
from fakes.nvml.h100 import RAW
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import GIB, FakeGpu, FakeInstance, FakeProcess, Scenario
from taximeter_exporter.devices.busy import busy
from taximeter_exporter.devices.mig import profile, slices
from taximeter_exporter.devices.nvml import NvmlSource
from taximeter_exporter.devices.reading import Process

MODEL = "NVIDIA H100 80GB HBM3"
ONE = FakeInstance(uuid="MIG-1", processes=(FakeProcess(pid=11),))
TWO = FakeInstance(uuid="MIG-2", name=f"{MODEL} MIG 2g.20gb", compute_slices=2)
THREE = FakeInstance(uuid="MIG-3", name=f"{MODEL} MIG 3g.40gb", compute_slices=3)
# as NVML has it: no utilization in MIG mode, and the GPU's processes are those of its instances
PARTED = FakeGpu(uuid="GPU-a", utilization_percent=None, mig=True, instances=(ONE, TWO, THREE))


@pytest.fixture
def source(fake_nvml: FakeNvml) -> Iterator[NvmlSource]:
    source = NvmlSource()
    yield source
    fake_nvml.answer(Scenario())
    source.close()


def parts(source: NvmlSource) -> dict[str, Fraction]:
    return {device.uuid: device.part for device in source.devices()}


def test_instances_are_devices_and_what_is_left_stays_with_the_gpu(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(uuid="GPU-whole"), PARTED)))
    whole, left, one, two, three = source.devices()
    assert whole.uuid == "GPU-whole"
    assert whole.part == 1
    assert not whole.remainder
    assert (left.uuid, left.index, left.part, left.remainder) == ("GPU-a", "1", Fraction(1, 7), True)
    assert [(d.uuid, d.index, d.mig_profile) for d in (one, two, three)] == [
        ("MIG-1", "1:0", "1g.10gb"),
        ("MIG-2", "1:1", "2g.20gb"),
        ("MIG-3", "1:2", "3g.40gb"),
    ]
    assert [d.part * 7 for d in (one, two, three)] == [1, 2, 3]
    assert {(d.parent, d.model, d.remainder) for d in (one, two, three)} == {("GPU-a", MODEL, False)}


def test_an_instance_is_read_by_itself(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    fake_nvml.answer(Scenario(gpus=(PARTED,)))
    left, one, two, _ = source.devices()
    reading = source.read(one)
    assert (reading.memory_used_bytes, reading.memory_total_bytes) == (2 * GIB, 10 * GIB)
    assert reading.processes == (Process(pid=11, memory_used_bytes=GIB),)
    assert (reading.utilization_ratio, reading.power_watts) == (None, None)
    assert (busy(reading), busy(source.read(two))) == (True, False)
    assert source.read(left).power_watts == 512.5


def test_a_sum_over_a_gpu_and_its_instances_counts_nothing_twice(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    # as NVML has it, the GPU itself gives the memory and the processes of all of it
    processes = (FakeProcess(pid=11), FakeProcess(pid=12))
    fake_nvml.answer(Scenario(gpus=(replace(PARTED, memory_used_bytes=6 * GIB, processes=processes),)))
    readings = [source.read(device) for device in source.devices()]
    assert sum(reading.memory_used_bytes or 0 for reading in readings) == 3 * 2 * GIB
    assert sum(reading.memory_total_bytes or 0 for reading in readings) == 3 * 10 * GIB
    assert sum(len(reading.processes or ()) for reading in readings) == 1
    # what only the whole GPU has is told once
    assert [reading.power_watts for reading in readings] == [512.5, None, None, None]
    assert [reading.energy_joules is None for reading in readings] == [False, True, True, True]
    assert [len(reading.clocks_hertz) for reading in readings] == [4, 0, 0, 0]


def test_what_nvml_allocated_for_an_instance_goes_with_it(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    for number in range(20):
        instance = replace(ONE, uuid=f"MIG-{number}")
        fake_nvml.answer(Scenario(gpus=(replace(PARTED, instances=(instance,)),)))
        for device in source.devices():
            source.read(device)
    calls = fake_nvml.calls()
    # the GPU's own, and that of the instance that is there now
    assert calls.count("nvmlGpmSampleAlloc") - calls.count("nvmlGpmSampleFree") == 2


def test_an_instance_has_its_own_activity(fake_nvml: FakeNvml) -> None:
    one = replace(ONE, gpu_instance=9, raw={"gpm.2": 25.0, "gpm.5": 12.5})
    two = replace(TWO, gpu_instance=11, raw={"gpm.2": 75.0})
    clock = ManualClock()
    source = NvmlSource(clock.elapsed_ns)
    fake_nvml.answer(Scenario(gpus=(replace(PARTED, instances=(one, two, THREE)),)))
    devices = source.devices()
    for device in devices:
        assert source.read(device).activity_ratios == {}
    clock.advance(seconds=5)
    assert [source.read(device).activity_ratios for device in devices] == [
        {},
        {"gpu_sm_activity_ratio": 0.25, "gpu_tensor_activity_ratio": 0.125},
        {"gpu_sm_activity_ratio": 0.75},
        {},
    ]
    # a GPU before Hopper has none, nor have its instances
    before = replace(PARTED, raw=RAW | {"gpm_supported": 0}, instances=(one,))
    fake_nvml.answer(Scenario(gpus=(before,)))
    older = NvmlSource(clock.elapsed_ns)
    (_, instance) = older.devices()
    for _ in range(2):
        clock.advance(seconds=5)
        assert older.read(instance).activity_ratios == {}
    source.close()
    older.close()
    calls = fake_nvml.calls()
    assert calls.count("nvmlGpmSampleAlloc") == calls.count("nvmlGpmSampleFree") == 8


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        (replace(PARTED, instances=()), {"GPU-a": 1}),
        (
            replace(PARTED, instances=tuple(replace(ONE, uuid=f"MIG-{place}") for place in range(7))),
            {"GPU-a": 0, **{f"MIG-{place}": Fraction(1, 7) for place in range(7)}},
        ),
        # an A30 has four slices
        (replace(PARTED, mig_slices=4, instances=(TWO,)), {"GPU-a": Fraction(1, 2), "MIG-2": Fraction(1, 2)}),
        # a driver that does not say how many there can be
        (replace(PARTED, mig_slices=None, instances=(TWO,)), {"GPU-a": Fraction(5, 7), "MIG-2": Fraction(2, 7)}),
        # one that does not say the slices: the name does
        (
            replace(PARTED, instances=(replace(THREE, compute_slices=None),)),
            {"GPU-a": Fraction(4, 7), "MIG-3": Fraction(3, 7)},
        ),
    ],
    ids=["none", "full", "A30", "no maximum", "no attributes"],
)
def test_parts_add_up_to_the_gpu(
    fake_nvml: FakeNvml, source: NvmlSource, gpu: FakeGpu, expected: dict[str, Fraction]
) -> None:
    fake_nvml.answer(Scenario(gpus=(gpu,)))
    assert parts(source) == expected
    assert sum(parts(source).values()) == 1


def test_an_instance_that_cannot_be_identified_is_left_out_and_its_part_stays_with_the_gpu(
    fake_nvml: FakeNvml, source: NvmlSource, caplog: pytest.LogCaptureFixture
) -> None:
    strange = FakeInstance(uuid="MIG-x", name="something else", compute_slices=None)
    fake_nvml.answer(Scenario(gpus=(replace(PARTED, instances=(strange, TWO)),)))
    assert parts(source) == {"GPU-a": Fraction(5, 7), "MIG-2": Fraction(2, 7)}
    assert "GPU 0: MIG instance 0 cannot be identified and is left out" in caplog.text


@pytest.mark.parametrize("mig", [None, False], ids=["not supported", "off"])
def test_a_gpu_that_is_not_in_mig_mode_is_whole(fake_nvml: FakeNvml, source: NvmlSource, mig: bool | None) -> None:
    fake_nvml.answer(Scenario(gpus=(replace(PARTED, mig=mig),)))
    (device,) = source.devices()
    assert (device.uuid, device.parent, device.remainder) == ("GPU-a", None, False)
    assert device.part == 1


def test_a_driver_without_mig_has_whole_gpus(fake_nvml: FakeNvml) -> None:
    fake_nvml.lack("nvmlDeviceGetMigMode")
    fake_nvml.answer(Scenario(gpus=(PARTED,)))
    source = NvmlSource()
    assert parts(source) == {"GPU-a": 1}
    source.close()


def test_a_gpu_in_trouble_while_its_instances_are_listed_is_left_out(fake_nvml: FakeNvml, source: NvmlSource) -> None:
    trouble = replace(PARTED, errors={"nvmlDeviceGetMaxMigDeviceCount": pynvml.NVML_ERROR_UNKNOWN})
    fake_nvml.answer(Scenario(gpus=(trouble, FakeGpu(uuid="GPU-b"))))
    assert parts(source) == {"GPU-b": 1}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1g.10gb", 1),
        ("1g.10gb+me", 1),
        ("7g.80gb", 7),
        ("1c.3g.40gb", 1),
        ("2c.3g.40gb", 2),
        ("", None),
        ("big", None),
    ],
)
def test_a_profile_says_its_compute_slices(name: str, expected: int | None) -> None:
    assert slices(profile(f"{MODEL} MIG {name}")) == expected
