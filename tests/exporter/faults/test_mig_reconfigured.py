"""MIG divides a GPU anew while the exporter runs: its parts are the whole GPU at every moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeGpu, FakeInstance
from support.programs import wait_for
from support.rented import Rented, unused
from support.watched_gpus import watched

WHOLE = unused("GPU-1")
OTHER = unused("GPU-2")


def divided(*slices: int, prefix: str = "MIG") -> FakeGpu:
    """GPU-1 in MIG mode with instances of so many slices, on which nothing runs."""
    instances = tuple(
        FakeInstance(
            uuid=f"{prefix}-{place}-{count}",
            name=f"NVIDIA H100 80GB HBM3 MIG {count}g.{10 * count}gb",
            compute_slices=count,
        )
        for place, count in enumerate(slices)
    )
    return replace(WHOLE, utilization_percent=None, mig=True, instances=instances)


@pytest.fixture
def rented(tmp_path: Path, fake_nvml: FakeNvml) -> Iterator[Rented]:
    rented = Rented(tmp_path, fake_nvml, divided(3, 4), OTHER)
    yield rented
    rented.close()


def test_instances_come_and_go(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    with watched(tmp_path, fake_nvml_libraries, divided(3, 4), OTHER) as here:
        assert set(here.up) == {"GPU-1", "MIG-0-3", "MIG-1-4", "GPU-2"}
        here.show(divided(3, 2), OTHER)
        parts = dict.fromkeys(("GPU-1", "MIG-0-3", "MIG-1-2", "GPU-2"), 1)
        wait_for(lambda: here.up == parts, "the instances are not followed")
        wait_for(lambda: here.cost("MIG-1-2") > 0, "the new instance costs nothing")
        assert here.running.value("taximeter_gpu_info", uuid="MIG-1-2", mig_profile="2g.20gb") == 1
        assert here.running.value("taximeter_price_per_hour", uuid="MIG-1-2") == pytest.approx(450 * 2 / 7)
        here.show(WHOLE, OTHER)
        wait_for(lambda: here.up == {"GPU-1": 1, "GPU-2": 1}, "the GPU is not whole again")
        price = ("taximeter_price_per_hour", {"uuid": "GPU-1"})
        wait_for(lambda: here.running.value(price[0], **price[1]) == 450, "the GPU does not cost as a whole")
        wait_for(lambda: here.running.get("/readyz").status == 200, "it is not ready")
        # what the instances have cost is still told
        assert here.cost("MIG-1-4") > 0


LAYOUTS = (divided(3, 4), divided(3, 2), WHOLE, divided(7), divided(), divided(1, 2, 3, prefix="NEW"), divided(3, 4))


@pytest.mark.parametrize("leased", [False, True])
def test_its_time_is_the_whole_gpus_to_the_nanosecond(rented: Rented, leased: bool) -> None:
    run = rented.register() if leased else None
    uuids = sorted({instance.uuid for layout in LAYOUTS for instance in layout.instances})
    for layout in LAYOUTS:
        rented.show(layout, OTHER)
        rented.pass_time(4, ns=7, renew=run)
        assert sum(state.device.part for state in rented.meter.state().devices) == 2
        assert rented.gpu_ns("GPU-1", *uuids) == rented.passed_ns
        assert rented.gpu_ns("GPU-2") == rented.passed_ns
    assert rented.spent() == 2 * Fraction(rented.passed_ns, 1_000_000_000)
    assert rented.meter.state().per_hour == {"USD": 7200}


def test_each_has_its_time_from_one_moment_to_another(rented: Rented) -> None:
    rented.pass_time(5)
    rented.show(divided(3, 2), OTHER)
    rented.pass_time(1)  # listed at its end
    rented.pass_time(6)
    expected = {
        ("GPU-2", "idle"): 12,
        # in MIG-0-3 nothing has changed
        ("MIG-0-3", "idle"): 12,
        # of what is gone nobody can tell what it did since it was last read
        ("MIG-1-4", "idle"): 5,
        ("MIG-1-4", "unattributed"): 1,
        ("MIG-1-2", "idle"): 6,
        ("GPU-1", "idle"): 6,
    }
    assert rented.seconds() == expected
    costs = {uuid: sum(s for (u, _), s in expected.items() if u == uuid) for uuid, _ in expected}
    assert costs["MIG-0-3"] * 3 + costs["MIG-1-4"] * 4 + costs["MIG-1-2"] * 2 + costs["GPU-1"] * 2 == 12 * 7
    assert rented.spent() == 2 * 12


def test_a_run_on_an_instance_that_is_gone_costs_nothing_more_and_keeps_its_lease(rented: Rented) -> None:
    run = rented.register("MIG-1-4")
    rented.pass_time(5, renew=run)
    rented.show(divided(3, 2), OTHER)
    rented.pass_time(5, renew=run)
    state = rented.meter.renew("run", run.run.lease, {})
    assert (state.run.active, state.devices, state.per_hour) == (True, (), {})
    assert state.cost == {"USD": 6 * Fraction(4, 7)}
    # what has become of it is not the run's
    assert rented.seconds()[("MIG-1-2", "idle")] == 4
    # the same instance again is
    rented.show(divided(3, 4), OTHER)
    rented.pass_time(5, renew=run)
    state = rented.meter.renew("run", run.run.lease, {})
    assert state.devices == ("MIG-1-4",)
    assert state.cost == {"USD": (6 + 4) * Fraction(4, 7)}
    assert rented.gpu_ns("GPU-1", "MIG-0-3", "MIG-1-2", "MIG-1-4") == rented.passed_ns


def test_a_run_that_was_not_heard_of_since_is_waited_for(rented: Rented) -> None:
    run = rented.register("MIG-0-3")
    rented.pass_time(3, renew=run)
    rented.show(divided(3, 2), OTHER)
    rented.pass_time(6)
    # all parts wait for it together, as they were and as they are
    assert rented.gpu_ns("GPU-1", "MIG-0-3", "MIG-1-4", "MIG-1-2") == 3_000_000_000
    assert rented.gpu_ns("GPU-2") == rented.passed_ns
    ended = rented.meter.renew("run", run.run.lease, {})
    rented.meter.tick()
    assert rented.gpu_ns("GPU-1", "MIG-0-3", "MIG-1-4", "MIG-1-2") == rented.passed_ns
    state = rented.meter.run("run")
    assert state is not None
    assert state.cost == {"USD": 9 * Fraction(3, 7)}
    assert ended.run.active


def test_a_gpu_that_is_lost_costs_on_as_it_was_divided(rented: Rented) -> None:
    rented.pass_time(5)
    rented.show(replace(divided(3, 4), lost=True), OTHER)
    rented.pass_time(5)
    assert rented.up == {"GPU-1": False, "MIG-0-3": False, "MIG-1-4": False, "GPU-2": True}
    rented.show(divided(3, 4), OTHER)
    rented.pass_time(2)
    assert all(rented.up.values())
    assert rented.gpu_ns("GPU-1", "MIG-0-3", "MIG-1-4") == rented.passed_ns
    assert rented.spent() == 2 * 12
