"""The fake NVML library itself: what the binding and a spawned program see of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pynvml
import pytest
from fakes.nvml.build import build, environment
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeGpu, FakeInstance, FakeProcess, Scenario, gpus

SPAWNED = """
from taximeter_exporter.clock import SystemClock
from taximeter_exporter.devices.open import DeviceChoice, open_source

opened = open_source(DeviceChoice.GPU, simulate=False, host_uuid=lambda: "HOST-x", clock=SystemClock())
for device in opened.devices:
    print(device.uuid, len(opened.source.read(device).processes))
opened.source.close()
"""


def test_a_spawned_program_takes_it_for_the_machines_nvml(fake_nvml_libraries: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "scenario"
    gpus(count=8, processes=8).write(scenario)
    env = os.environ | environment(build(fake_nvml_libraries), scenario)
    done = subprocess.run([sys.executable, "-c", SPAWNED], env=env, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [f"GPU-00000000-0000-0000-0000-{index:012d} 8" for index in range(8)]


def test_mig_instances_answer_for_themselves(fake_nvml: FakeNvml) -> None:
    instances = (
        FakeInstance(uuid="MIG-a", gpu_instance=7, processes=(FakeProcess(pid=1),)),
        FakeInstance(uuid="MIG-b", gpu_instance=9),
    )
    fake_nvml.answer(Scenario(gpus=(FakeGpu(), FakeGpu(uuid="GPU-b", mig=True, instances=instances))))
    pynvml.nvmlInit()
    whole, parted = (pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(2))
    assert pynvml.nvmlDeviceGetMigMode(whole) == [0, 0]
    assert pynvml.nvmlDeviceGetMigMode(parted) == [1, 1]
    assert pynvml.nvmlDeviceGetMaxMigDeviceCount(parted) == 7
    first, second = (pynvml.nvmlDeviceGetMigDeviceHandleByIndex(parted, index) for index in range(2))
    with pytest.raises(pynvml.NVMLError_NotFound):
        pynvml.nvmlDeviceGetMigDeviceHandleByIndex(parted, 2)
    assert pynvml.nvmlDeviceGetUUID(first) == "MIG-a"
    assert pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByUUID("MIG-b")) == "MIG-b"
    assert pynvml.nvmlDeviceGetGpuInstanceId(second) == 9
    assert [info.pid for info in pynvml.nvmlDeviceGetComputeRunningProcesses(first)] == [1]
    assert pynvml.nvmlDeviceGetComputeRunningProcesses(second) == []
    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceGetUtilizationRates(first)
    parent = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(second)
    assert pynvml.nvmlDeviceGetUUID(parent) == "GPU-b"
    assert pynvml.nvmlDeviceIsMigDeviceHandle(second).value == 1
    assert pynvml.nvmlDeviceIsMigDeviceHandle(parent).value == 0
    pynvml.nvmlShutdown()


def test_a_gpu_that_left_is_lost_to_those_who_knew_it(fake_nvml: FakeNvml) -> None:
    fake_nvml.answer(gpus(count=2, processes=0))
    pynvml.nvmlInit()
    second = pynvml.nvmlDeviceGetHandleByIndex(1)
    fake_nvml.answer(gpus(count=1, processes=0))
    with pytest.raises(pynvml.NVMLError_GpuIsLost):
        pynvml.nvmlDeviceGetPowerUsage(second)
    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        pynvml.nvmlDeviceGetHandleByIndex(1)
    pynvml.nvmlShutdown()


def test_every_call_is_in_the_log(fake_nvml: FakeNvml) -> None:
    pynvml.nvmlInit()
    handle = pynvml.nvmlDeviceGetHandleByIndex(0)
    assert pynvml.nvmlDeviceGetPowerUsage(handle) == 512_500
    pynvml.nvmlShutdown()
    assert fake_nvml.calls() == [
        "nvmlInitWithFlags",
        "nvmlDeviceGetHandleByIndex_v2",
        "nvmlDeviceGetPowerUsage",
        "nvmlShutdown",
    ]
