"""A GPU that appears while the exporter runs: sampled, metered and paid for from then on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.nvml.in_process import FakeNvml
from support.metered import labels, price
from support.programs import CONFIG, wait_for
from support.rented import Rented, unused
from support.watched_gpus import watched
from taximeter_exporter.metering.ledger import LedgerError
from taximeter_exporter.metering.policy import SplitPolicy
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.pricing.quote import schedule_for

ONE, TWO, THREE = unused("GPU-1"), unused("GPU-2"), unused("GPU-3")


@pytest.fixture
def rented(tmp_path: Path, fake_nvml: FakeNvml) -> Iterator[Rented]:
    """One GPU, of two that are paid for."""
    rented = Rented(tmp_path, fake_nvml, ONE)
    yield rented
    rented.close()


def test_it_is_listed_sampled_and_priced(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    with watched(tmp_path, fake_nvml_libraries, ONE) as here:
        here.show(ONE, TWO)
        wait_for(lambda: here.up == {"GPU-1": 1, "GPU-2": 1}, "GPU-2 does not appear")
        wait_for(lambda: here.cost("GPU-2") > 0, "GPU-2 costs nothing")
        assert here.running.value("taximeter_price_per_hour", uuid="GPU-2") == 450
        assert here.cost("GPU-2") < here.cost("GPU-1")
        assert (
            here.running.call("POST", "/api/v1/runs", {"run": "r", "project": "p", "devices": ["GPU-2"]}).status == 201
        )


def test_more_gpus_than_are_paid_for_are_metered_without_a_price(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    config = CONFIG.replace("gpus: 8", "gpus: 1")
    with watched(tmp_path, fake_nvml_libraries, ONE, config=config) as here:
        here.show(ONE, TWO)
        wait_for(lambda: here.up == {"GPU-1": 1, "GPU-2": 1}, "GPU-2 does not appear")

        def unpriced() -> float:
            metrics = here.running.metrics()
            return metrics.get(("taximeter_unpriced_seconds_total", frozenset({("uuid", "GPU-2")})), 0)

        wait_for(lambda: unpriced() > 0, "the time of GPU-2 is not kept")
        assert here.running.value("taximeter_unpriced_seconds_total", uuid="GPU-1") == 0
        assert here.running.get("/api/v1/status").json()["cost_per_hour"] == {"USD": "3600.000000"}
        assert here.cost("GPU-2") == 0


def test_its_time_counts_from_when_it_was_seen(rented: Rented) -> None:
    rented.pass_time(4)
    rented.show(ONE, TWO)
    rented.pass_time(1)  # listed
    assert rented.up == {"GPU-1": True, "GPU-2": False}
    rented.pass_time(6)
    assert rented.up == {"GPU-1": True, "GPU-2": True}
    assert rented.seconds() == {("GPU-1", "idle"): 11, ("GPU-2", "idle"): 6}
    assert rented.spent() == 17


def test_a_lease_on_every_device_has_it_from_then_on_and_one_on_another_has_not(rented: Rented) -> None:
    run = rented.register()
    other = rented.meter.register("other", resume=False, **labels(devices=("GPU-1",)))
    rented.pass_time(4, renew=run)
    rented.show(ONE, TWO)
    for _ in range(4):
        rented.meter.renew("other", other.run.lease, {})
        rented.pass_time(1, renew=run)
    assert rented.meter.renew("run", run.run.lease, {}).devices == ("GPU-1", "GPU-2")
    assert rented.meter.renew("other", other.run.lease, {}).devices == ("GPU-1",)
    rented.meter.tick()
    state = {state.run.name: state.device_ns for state in rented.meter.state().runs}
    assert state == {"run": 4_000_000_000 + 3_000_000_000, "other": 4_000_000_000}


def test_each_is_paid_for_as_far_as_the_price_covers(rented: Rented, caplog: pytest.LogCaptureFixture) -> None:
    rented.show(ONE, TWO)
    rented.pass_time(2)
    caplog.set_level(logging.WARNING)
    rented.show(ONE, TWO, THREE)
    rented.pass_time(3)
    assert rented.spent() == 2 + 1 + 2 * 3
    assert rented.seconds()["GPU-3", "idle"] == 2
    assert caplog.messages == [
        "GPU-3 is one GPU more than the price of acme box in lab, on_demand covers, which are 2: its time is kept"
        " without a price; say in `prices[].gpus` how many GPUs the instance has, and have the configuration reloaded"
    ]
    # the machine never costs more than its price
    assert rented.meter.state().per_hour == {"USD": 7200}
    rented.meter.reconfigure(
        schedule=schedule_for((price("10800", gpus=3),), rented.sampler.devices),
        budgets=(),
        bill_gaps=True,
        policy=SplitPolicy.EQUAL,
        volumes=(),
        transfer=None,
    )
    rented.pass_time(4)
    assert rented.meter.state().per_hour == {"USD": 10800}
    assert rented.spent() == 2 + 1 + 2 * 3 + 3 * 4


def test_one_that_the_ledger_knows_was_rented_meanwhile(tmp_path: Path, fake_nvml: FakeNvml) -> None:
    before = Rented(tmp_path, fake_nvml, ONE, TWO)
    before.pass_time(5)
    before.close()
    after = Rented(tmp_path, fake_nvml, ONE, up_seconds=1000 + 5 + 10)
    after.pass_time(4)
    after.show(ONE, TWO)
    after.pass_time(3)
    assert after.seconds() == {
        ("GPU-1", "idle"): 5 + 7,
        ("GPU-1", "gap"): 10,
        ("GPU-2", "idle"): 5 + 2,
        ("GPU-2", "gap"): 10 + 5,
    }
    after.close()


def test_a_ledger_that_cannot_be_written_just_then_is_tried_again(
    rented: Rented, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise LedgerError("full")

    rented.pass_time(2)
    rented.show(ONE, TWO)
    with monkeypatch.context() as patch:
        patch.setattr(SqliteLedger, "book", refuse)
        rented.pass_time(3)
    rented.pass_time(2)
    assert rented.up == {"GPU-1": True, "GPU-2": True}
    assert rented.seconds() == {("GPU-1", "idle"): 7, ("GPU-2", "idle"): 1}


def test_one_of_which_nobody_knows_anything_at_the_start(tmp_path: Path, fake_nvml: FakeNvml) -> None:
    rented = Rented(tmp_path, fake_nvml, ONE, replace(TWO, lost=True))
    rented.pass_time(2)
    assert rented.up == {"GPU-1": True}
    rented.show(ONE, TWO)
    rented.pass_time(2)
    assert rented.up == {"GPU-1": True, "GPU-2": True}
    assert rented.seconds() == {("GPU-1", "idle"): 4, ("GPU-2", "idle"): 1}
    rented.close()
