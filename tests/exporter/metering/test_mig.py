"""The price of a GPU in MIG mode goes to its instances by their slices, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from support.metered import GPU0, GPU1, Machine, price, process
from taximeter_exporter.devices.mig import Instance, divide
from taximeter_exporter.devices.reading import Device
from taximeter_exporter.metering.meter import UnknownDeviceError


def parted(*slices: int) -> tuple[Device, ...]:
    """GPU-0 with instances MIG-0, MIG-1, … of so many slices."""
    instances = [
        Instance(uuid=f"MIG-{place}", place=place, profile=f"{count}g.10gb", slices=count)
        for place, count in enumerate(slices)
    ]
    return divide(GPU0, instances, slices=7)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A GPU at 7 USD a second, of which 1, 2 and 3 slices are instances."""
    machine = Machine(
        tmp_path / "ledger.db",
        devices=parted(1, 2, 3),
        prices=(price("25200", gpus=1),),
        in_use=dict.fromkeys(("GPU-0", "MIG-0", "MIG-1", "MIG-2"), False),
    )
    machine.start()
    yield machine
    machine.ledger.close()


def costs(machine: Machine) -> dict[tuple[str, str], Fraction]:
    total: dict[tuple[str, str], Fraction] = {}
    for key, amount in machine.meter.state().cost.items():
        place = (key.uuid, str(key.share))
        total[place] = total.get(place, Fraction()) + amount
    return total


def test_instances_cost_by_their_slices_and_the_rest_is_idle_on_the_gpu(machine: Machine) -> None:
    machine.pass_time(10)
    assert costs(machine) == {
        ("GPU-0", "idle"): 10,
        ("MIG-0", "idle"): 10,
        ("MIG-1", "idle"): 20,
        ("MIG-2", "idle"): 30,
    }
    assert machine.meter.state().per_hour == {"USD": 25200}


def test_a_run_on_every_device_has_the_instances_and_not_the_rest(machine: Machine) -> None:
    run = machine.register()
    assert run.devices == ("MIG-0", "MIG-1", "MIG-2")
    assert run.per_hour == {"USD": 6 * 3600}
    machine.clock.advance(seconds=10)
    assert machine.end(run).cost == {"USD": 60}
    assert costs(machine)["GPU-0", "idle"] == 10


def test_a_run_cannot_take_what_is_left_of_a_gpu(machine: Machine) -> None:
    with pytest.raises(UnknownDeviceError, match=r"no device 'GPU-0' here; there are: MIG-0, MIG-1, MIG-2"):
        machine.register(devices=("GPU-0",))


def test_a_run_is_seen_on_an_instance(machine: Machine) -> None:
    machine.running["MIG-1"] = [process()]
    machine.pass_time(6)
    assert machine.run_cost("seen") == 2 * 5


def test_a_gpu_that_is_given_to_instances_whole_has_no_time_of_its_own(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "l.db", devices=parted(3, 4), prices=(price("25200", gpus=1),))
    machine.start()
    machine.pass_time(10)
    assert costs(machine) == {("MIG-0", "unattributed"): 30, ("MIG-1", "unattributed"): 40}
    assert {row.uuid for row in machine.ledger.usage()} == {"MIG-0", "MIG-1"}
    machine.kill()


def test_instances_of_a_gpu_that_no_price_covers_lack_one_and_what_has_no_time_does_not(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "l.db", devices=(GPU1,), prices=(price("25200", gpus=1),))
    machine.start()
    machine.devices = (GPU1, *parted(3, 4))
    machine.meter.tick()
    lacking = {entry.device.uuid: entry.has_no_price for entry in machine.meter.state().devices}
    assert lacking == {"GPU-1": False, "GPU-0": False, "MIG-0": True, "MIG-1": True}
    machine.kill()


@pytest.mark.parametrize(
    "layouts",
    [
        ((), (3, 4)),
        ((3, 4), ()),
        ((1, 2, 3), (7,), (1, 2, 3)),
        ((7,), (1, 1), (3, 4)),
    ],
    ids=["on", "off", "there and back", "smaller"],
)
def test_a_gpu_that_is_divided_anew_while_the_exporter_is_down_costs_the_same(
    tmp_path: Path, layouts: tuple[tuple[int, ...], ...]
) -> None:
    machine = Machine(tmp_path / "l.db", prices=(price("25200", gpus=1),))
    for slices in layouts:
        machine.devices = parted(*slices) if slices else (GPU0,)
        machine.start()
        machine.pass_time(10)
        machine.kill()
        machine.clock.advance(seconds=5)
    assert sum(costs(machine).values()) == 7 * (10 * len(layouts) + 5 * (len(layouts) - 1))


@pytest.mark.parametrize("leased", ["MIG-0", "MIG-2"])
def test_the_instances_of_a_gpu_wait_for_a_lease_on_one_so_that_a_new_layout_loses_and_doubles_nothing(
    machine: Machine, leased: str
) -> None:
    lease = machine.register(devices=(leased,))
    machine.pass_time(3)
    machine.renew(lease)
    machine.pass_time(4)
    assert sum(costs(machine).values()) == 7 * 3
    machine.kill()
    machine.devices = parted(7)
    machine.start()
    machine.pass_time(16)  # then the lease has expired
    assert sum(costs(machine).values()) == 7 * (3 + 4 + 16)


def test_what_a_gpu_in_mig_mode_says_of_itself_is_of_its_instances(machine: Machine) -> None:
    machine.in_use["GPU-0"] = True
    machine.running = {"GPU-0": [process()], "MIG-0": [process()]}
    machine.pass_time(3)
    assert costs(machine)["GPU-0", "idle"] == 3
    assert machine.run_cost("seen") == 2


def test_a_gpu_that_goes_is_booked_up_to_then_before_it_comes_back(machine: Machine) -> None:
    there = machine.devices
    lease = machine.register(devices=("MIG-1",))
    machine.pass_time(3)
    machine.devices = ()
    machine.pass_time(1)
    machine.devices = there
    machine.pass_time(2)
    # the run was not heard of since its beginning: what it had up to when the GPU went is not known yet
    assert costs(machine) == {}
    machine.renew(lease)
    machine.pass_time(2)
    # 4 s until it was gone, and 4 s in which it was not metered, until those before were booked
    assert costs(machine)["MIG-1", "active"] == 2 * 4
    assert costs(machine)["MIG-1", "gap"] == 2 * 4
    assert sum(costs(machine).values()) == 7 * 8
