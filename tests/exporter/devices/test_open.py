"""Which source a machine gets."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path

import pynvml
import pytest
from fakes.manual_clock import ManualClock
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeGpu, Scenario, gpus
from support.programs import wait_for
from taximeter_exporter.devices.host import HostSource
from taximeter_exporter.devices.nvml import NvmlSource
from taximeter_exporter.devices.open import DeviceChoice, NoDeviceError, open_source
from taximeter_exporter.devices.reading import ReadError, Source
from taximeter_exporter.devices.simulated import SimulatedSource


def refuse() -> str:
    raise AssertionError("the host's uuid is asked for though the host is not the device")


def open_here(wanted: DeviceChoice = DeviceChoice.AUTO, *, simulate: bool = False) -> Source:
    return open_source(wanted, simulate=simulate, host_uuid=refuse, clock=ManualClock()).source


def open_host(wanted: DeviceChoice = DeviceChoice.AUTO) -> Source:
    return open_source(wanted, simulate=False, host_uuid=lambda: "HOST-1", clock=ManualClock()).source


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_simulated_if_asked_for_and_the_driver_is_left_alone(
    fake_nvml: FakeNvml, told: pytest.LogCaptureFixture
) -> None:
    assert isinstance(open_here(simulate=True), SimulatedSource)
    assert fake_nvml.calls() == []
    assert told.messages == ["devices: simulated GPUs, as asked for; nothing that they show is real"]


@pytest.mark.parametrize("wanted", [DeviceChoice.AUTO, DeviceChoice.GPU])
def test_the_drivers_gpus(fake_nvml: FakeNvml, told: pytest.LogCaptureFixture, wanted: DeviceChoice) -> None:
    fake_nvml.answer(gpus(count=2, processes=1))
    source = open_here(wanted)
    assert isinstance(source, NvmlSource)
    assert told.messages == ["devices: 2 GPUs that the NVIDIA driver shows"]
    source.close()


def test_the_host_where_there_is_no_driver(fake_nvml: FakeNvml, told: pytest.LogCaptureFixture) -> None:
    fake_nvml.answer(Scenario(errors={"nvmlInitWithFlags": pynvml.NVML_ERROR_DRIVER_NOT_LOADED}))
    source = open_host()
    assert isinstance(source, HostSource)
    assert [device.uuid for device in source.devices()] == ["HOST-1"]
    assert told.messages == ["devices: the host itself (no NVIDIA driver: Driver Not Loaded)"]


def test_the_host_where_the_driver_has_no_gpu(fake_nvml: FakeNvml, told: pytest.LogCaptureFixture) -> None:
    fake_nvml.answer(Scenario(gpus=()))
    assert isinstance(open_host(), HostSource)
    assert fake_nvml.calls()[-1] == "nvmlShutdown"
    assert told.messages == ["devices: the host itself (no GPU that the NVIDIA driver shows)"]


def test_the_host_if_asked_for_and_the_driver_is_left_alone(
    fake_nvml: FakeNvml, told: pytest.LogCaptureFixture
) -> None:
    assert isinstance(open_host(DeviceChoice.HOST), HostSource)
    assert fake_nvml.calls() == []
    assert told.messages == ["devices: the host itself, as asked for"]


def test_gpus_asked_for_where_there_is_no_driver(fake_nvml: FakeNvml) -> None:
    fake_nvml.answer(Scenario(errors={"nvmlInitWithFlags": pynvml.NVML_ERROR_DRIVER_NOT_LOADED}))
    with pytest.raises(NoDeviceError, match="there is no NVIDIA driver: Driver Not Loaded; install the driver"):
        open_here(DeviceChoice.GPU)


def test_gpus_asked_for_where_the_driver_has_none(fake_nvml: FakeNvml) -> None:
    fake_nvml.answer(Scenario(gpus=()))
    with pytest.raises(NoDeviceError, match="there is no GPU that the NVIDIA driver shows"):
        open_here(DeviceChoice.GPU)
    assert fake_nvml.calls()[-1] == "nvmlShutdown"


def test_the_host_does_not_stand_in_for_gpus_that_fail(fake_nvml: FakeNvml) -> None:
    fake_nvml.answer(Scenario(gpus=(FakeGpu(lost=True),)))
    with pytest.raises(ReadError, match="no GPU can be identified: GPU 0: nvmlDeviceGetHandleByIndex: GPU is lost"):
        open_here()
    assert fake_nvml.calls()[-1] == "nvmlShutdown"


def test_the_host_does_not_stand_in_for_a_driver_that_does_not_start(fake_nvml: FakeNvml) -> None:
    fake_nvml.answer(Scenario(errors={"nvmlInitWithFlags": pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH}))
    with pytest.raises(ReadError, match="nvmlInit"):
        open_here()


@pytest.fixture
def kernel_gpus(tmp_path: Path) -> Path:
    """What the kernel shows of its driver's GPUs: one, so far."""
    folder = tmp_path / "gpus"
    (folder / "0000:1a:00.0").mkdir(parents=True)
    return folder


def test_nvml_is_started_anew_for_a_gpu_that_has_come(fake_nvml: FakeNvml, kernel_gpus: Path) -> None:
    one, two = gpus(count=1, processes=0), gpus(count=2, processes=0)
    fake_nvml.answer(replace(one, counted_once=True))
    source = NvmlSource(kernel_gpus=kernel_gpus)
    assert len(source.devices()) == 1
    fake_nvml.answer(replace(two, counted_once=True))
    # NVML does not look again by itself
    assert len(source.devices()) == 1
    (kernel_gpus / "0000:1b:00.0").mkdir()
    first, second = source.devices()
    assert source.read(second).utilization_ratio == source.read(first).utilization_ratio == 0.83
    source.devices()
    # not again and again
    assert fake_nvml.calls().count("nvmlInitWithFlags") == 2
    source.close()


def test_nvml_is_not_started_anew_for_a_gpu_that_has_come_while_a_call_hangs(
    fake_nvml: FakeNvml, kernel_gpus: Path
) -> None:
    two = gpus(count=2, processes=0)
    fake_nvml.answer(two)
    source = NvmlSource(kernel_gpus=kernel_gpus)
    first, second = source.devices()
    fake_nvml.answer(replace(two, gpus=(two.gpus[0], replace(two.gpus[1], hang=True))))
    begun = len(fake_nvml.calls())
    reading = threading.Thread(target=source.read, args=(second,))
    reading.start()
    wait_for(lambda: len(fake_nvml.calls()) > begun, "the call does not begin")
    (kernel_gpus / "0000:1b:00.0").mkdir()
    begun = len(fake_nvml.calls())
    listing = threading.Thread(target=source.devices)
    listing.start()
    wait_for(lambda: "nvmlDeviceGetCount_v2" in fake_nvml.calls()[begun:], "they are not listed")
    assert source.read(first).utilization_ratio == 0.83
    fake_nvml.answer(two)
    reading.join()
    listing.join()
    assert "nvmlShutdown" not in fake_nvml.calls()
    source.devices()
    assert fake_nvml.calls().count("nvmlInitWithFlags") == 2
    source.close()
