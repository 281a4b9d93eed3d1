"""A GPU that is lost from the bus: it is down, still there and still paid for, and comes back when it does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeGpu
from support.programs import wait_for
from support.rented import Rented, unused
from support.watched_gpus import watched
from taximeter_exporter.clock import NS_PER_SECOND

ONE, TWO = unused("GPU-1"), unused("GPU-2")
LOST = {
    "every call says so": (ONE, replace(TWO, lost=True)),
    "the last is not counted": (ONE,),
}


@pytest.fixture
def rented(tmp_path: Path, fake_nvml: FakeNvml) -> Iterator[Rented]:
    rented = Rented(tmp_path, fake_nvml, ONE, TWO)
    yield rented
    rented.close()


@pytest.mark.parametrize("left", LOST.values(), ids=LOST.keys())
def test_it_is_down_and_costs_on_and_comes_back(
    tmp_path: Path, fake_nvml_libraries: Path, left: tuple[FakeGpu, ...]
) -> None:
    with watched(tmp_path, fake_nvml_libraries, ONE, TWO) as here:
        here.show(*left)
        wait_for(lambda: here.up == {"GPU-1": 1, "GPU-2": 0}, "GPU-2 is not down")
        assert here.running.value("taximeter_gpu_info", uuid="GPU-2") == 1
        assert here.running.value("taximeter_price_per_hour", uuid="GPU-2") == 450
        assert b"GPU-2 is not read: " in here.running.get("/readyz").body
        cost = here.cost("GPU-2")
        wait_for(lambda: here.cost("GPU-2") > cost, "GPU-2 costs nothing while it is lost")
        here.show(ONE, TWO)
        wait_for(lambda: here.running.get("/readyz").status == 200, "GPU-2 does not come back")
        wait_for(lambda: here.up == {"GPU-1": 1, "GPU-2": 1}, "GPU-2 does not come back")


@pytest.mark.parametrize("left", LOST.values(), ids=LOST.keys())
@pytest.mark.parametrize("leased", [False, True])
def test_its_time_goes_on_to_the_nanosecond(rented: Rented, left: tuple[FakeGpu, ...], leased: bool) -> None:
    run = rented.register() if leased else None
    rented.pass_time(5, ns=1, renew=run)
    rented.show(*left)
    rented.pass_time(7, ns=1, renew=run)
    assert rented.up == {"GPU-1": True, "GPU-2": False}
    rented.show(ONE, TWO)
    rented.pass_time(3, ns=1, renew=run)
    # it is listed, and read again a second later: by its old handle it would stay lost
    assert rented.up == {"GPU-1": True, "GPU-2": True}
    second = 1 + Fraction(1, NS_PER_SECOND)
    if leased:
        assert rented.seconds() == {("GPU-1", "active"): 15 * second, ("GPU-2", "active"): 15 * second}
    else:
        assert rented.seconds() == {
            ("GPU-1", "idle"): 15 * second,
            ("GPU-2", "idle"): 7 * second,
            ("GPU-2", "unattributed"): 8 * second,  # nobody can tell whether it was in use
        }
    assert rented.spent() == 2 * 15 * second


def test_another_takes_its_index_and_its_handle(rented: Rented) -> None:
    rented.pass_time(2)
    rented.show(replace(TWO, utilization_percent=42))
    rented.pass_time(2)
    assert rented.up == {"GPU-1": False, "GPU-2": True}
    first, second = rented.sampler.snapshot().samples
    assert first.error == "the driver does not show it"
    assert second.reading is not None
    assert (second.device.index, second.reading.utilization_ratio) == ("0", 0.42)
    rented.show(replace(TWO, utilization_percent=42), ONE)
    rented.pass_time(2)
    assert rented.up == {"GPU-1": True, "GPU-2": True}
    assert [device.index for device in rented.sampler.devices] == ["1", "0"]
    assert rented.spent() == 2 * 6


def test_all_of_them_may_be_lost(rented: Rented, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rented.pass_time(2)
    rented.show(replace(ONE, lost=True), replace(TWO, lost=True))
    rented.pass_time(30)
    assert rented.up == {"GPU-1": False, "GPU-2": False}
    rented.show(ONE, TWO)
    rented.pass_time(2)
    assert rented.up == {"GPU-1": True, "GPU-2": True}
    assert rented.spent() == 2 * 34
    # said when it begins and when it ends, and not at each listing
    assert sum("GPU 1 cannot be identified" in message[:40] for message in caplog.messages) == 1
    assert sum("GPU-2 is read again" in message for message in caplog.messages) == 1


def test_one_that_is_lost_when_it_starts_again_costs_on(tmp_path: Path, fake_nvml: FakeNvml) -> None:
    before = Rented(tmp_path, fake_nvml, ONE, TWO)
    before.pass_time(5)
    before.close()
    after = Rented(tmp_path, fake_nvml, ONE, replace(TWO, lost=True), up_seconds=1000 + 5 + 10)
    after.pass_time(4)
    assert after.up == {"GPU-1": True, "GPU-2": False}
    assert after.spent() == 2 * (5 + 10 + 4)
    after.close()
