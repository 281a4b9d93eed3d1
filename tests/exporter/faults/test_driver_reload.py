"""The driver unloaded and loaded again under the exporter; and one that hangs when the exporter starts."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.manual_clock import ManualClock
from fakes.nvml.build import build, environment
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import Scenario
from support.programs import wait_for, write_config
from support.rented import Rented, unused
from support.watched_gpus import watched
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.nvml import NvmlSource
from taximeter_exporter.devices.open import DeviceChoice, open_source
from taximeter_exporter.devices.reading import ReadError

ONE, TWO = unused("GPU-1"), unused("GPU-2")
UNLOADED = 0


def test_the_devices_are_down_and_cost_on_and_come_back(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    with watched(tmp_path, fake_nvml_libraries, ONE, TWO) as here:
        here.show(driver_load=UNLOADED)
        wait_for(lambda: here.up == {"GPU-1": 0, "GPU-2": 0}, "the GPUs are not down")
        wait_for(lambda: b"Driver Not Loaded" in here.running.get("/readyz").body, "it does not say why")
        assert here.running.value("taximeter_gpu_info", uuid="GPU-2") == 1
        cost = here.cost("GPU-2")
        wait_for(lambda: here.cost("GPU-2") > cost, "GPU-2 costs nothing while the driver is unloaded")
        here.show(ONE, TWO, driver_load=2)
        wait_for(lambda: here.running.get("/readyz").status == 200, "the GPUs do not come back")
        wait_for(lambda: here.up == {"GPU-1": 1, "GPU-2": 1}, "the GPUs do not come back")


@pytest.mark.parametrize("leased", [False, True])
def test_their_time_goes_on_to_the_nanosecond(tmp_path: Path, fake_nvml: FakeNvml, leased: bool) -> None:
    rented = Rented(tmp_path, fake_nvml, ONE, TWO)
    run = rented.register("GPU-2") if leased else None
    rented.pass_time(5, ns=3, renew=run)
    rented.show(driver_load=UNLOADED)
    rented.pass_time(20, ns=3, renew=run)
    assert rented.up == {"GPU-1": False, "GPU-2": False}
    rented.show(ONE, TWO, driver_load=2)
    rented.pass_time(3, ns=3, renew=run)
    assert rented.up == {"GPU-1": True, "GPU-2": True}
    # down from the first second without the driver to the first with it, in which it is opened anew
    second, down = rented.passed_ns // 28, 21
    assert rented.passed_ns == 28 * second
    idle, unknown = ((28 - down) * second, down * second)
    ns = {key: seconds * NS_PER_SECOND for key, seconds in rented.seconds().items()}
    if leased:
        assert ns == {("GPU-1", "idle"): idle, ("GPU-1", "unattributed"): unknown, ("GPU-2", "active"): 28 * second}
    else:
        assert ns == {(gpu, "idle"): idle for gpu in ("GPU-1", "GPU-2")} | {
            (gpu, "unattributed"): unknown for gpu in ("GPU-1", "GPU-2")
        }
    assert rented.spent() * NS_PER_SECOND == 2 * 28 * second
    rented.close()
    calls = fake_nvml.calls()
    # it was given back as often as it was got
    assert calls.count("nvmlInitWithFlags") > 2
    assert calls[-1] == "nvmlShutdown"


def test_another_version_of_the_driver_is_shown(tmp_path: Path, fake_nvml: FakeNvml) -> None:
    rented = Rented(tmp_path, fake_nvml, ONE)
    fake_nvml.answer(Scenario(gpus=(ONE,), driver_version="580.65.06", driver_load=2))
    rented.pass_time(3)
    (sample,) = rented.sampler.snapshot().samples
    assert sample.device.driver_version == "580.65.06"
    assert sample.reading is not None
    assert rented.seconds() == {("GPU-1", "unattributed"): 1, ("GPU-1", "idle"): 2}
    rented.close()


def test_it_is_not_opened_anew_while_a_call_hangs_in_it(
    tmp_path: Path, fake_nvml: FakeNvml, caplog: pytest.LogCaptureFixture
) -> None:
    rented = Rented(tmp_path, fake_nvml, ONE, TWO)
    rented.pass_time(1)
    first, second = rented.sampler.devices
    rented.show(ONE, replace(TWO, hang=True))
    with rented.hung(second) as hanging:
        wait_for(lambda: fake_nvml.calls()[-1].startswith("nvmlDevice"), "the call does not begin")
        fake_nvml.answer(Scenario(gpus=(ONE, replace(TWO, hang=True)), errors={"nvmlDeviceGetCount_v2": 999}))
        rented.sampler.list_once()
        assert hanging.is_alive()
        assert "the devices cannot be listed: nvmlDeviceGetCount: Unknown Error" in caplog.text
        assert "nvmlShutdown" not in fake_nvml.calls()
        # and the other goes on
        rented.sampler.sample_once(first)
        assert rented.up["GPU-1"]
        rented.show(ONE, TWO)
    rented.sampler.list_once()
    rented.pass_time(1)
    assert rented.up == {"GPU-1": True, "GPU-2": True}
    rented.close()


IMPATIENT = """
import sys
from taximeter_exporter.devices.nvml import source
from taximeter_exporter.cli.main import main
source.PATIENCE_SECONDS = 0.3
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("call", ["nvmlInitWithFlags", "nvmlDeviceGetCount_v2"])
def test_a_driver_that_hangs_at_the_start_is_an_error_in_time(
    tmp_path: Path, fake_nvml_libraries: Path, call: str
) -> None:
    scenario = tmp_path / "scenario"
    Scenario(hangs=frozenset({call})).write(scenario)
    done = subprocess.run(
        [sys.executable, "-c", IMPATIENT, "serve", "--config", str(write_config(tmp_path))],
        env={**os.environ, **environment(build(fake_nvml_libraries), scenario)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert done.stderr.strip().endswith(
        "taximeter.yaml: devices: the NVIDIA driver has not answered within 0.3 s: a call to it hangs; see"
        " whether `nvidia-smi` answers, and load the driver anew or reboot"
    )


def test_a_driver_that_is_slow_at_the_start_is_waited_for(fake_nvml: FakeNvml) -> None:
    fake_nvml.answer(Scenario(gpus=(ONE,), hangs=frozenset({"nvmlDeviceGetCount_v2"})))

    def answer_once_asked() -> None:
        wait_for(lambda: "nvmlDeviceGetCount_v2" in fake_nvml.calls(), "it is not asked")
        fake_nvml.answer(Scenario(gpus=(ONE,)))

    thread = threading.Thread(target=answer_once_asked)
    thread.start()
    opened = open_source(DeviceChoice.GPU, simulate=False, host_uuid=str, clock=ManualClock())
    thread.join()
    assert [device.uuid for device in opened.devices] == ["GPU-1"]
    assert opened.changing
    opened.source.close()


def test_a_source_that_was_closed_is_not_opened_anew(fake_nvml: FakeNvml) -> None:
    source = NvmlSource()
    source.close()
    with pytest.raises(ReadError, match="NVML was shut down"):
        source.devices()
    assert fake_nvml.calls() == ["nvmlInitWithFlags", "nvmlShutdown"]
