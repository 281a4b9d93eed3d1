"""What a run has of each device now: its own processes', and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.metered import GPU0, GPU1, Machine, labels, process
from taximeter_exporter.metering.footprint import Footprint
from taximeter_exporter.metering.observation import SeenProcess


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "ledger.db", devices=(GPU0, GPU1))
    machine.start()
    yield machine
    machine.ledger.close()


def shown(machine: Machine) -> set[Footprint]:
    return set(machine.meter.state().footprints)


def nobody(*, memory_bytes: int, sm_percent: int) -> SeenProcess:
    return process(None, pid=0, memory_bytes=memory_bytes, sm_percent=sm_percent)


def test_the_processes_of_a_run_add_up_on_each_device(machine: Machine) -> None:
    machine.running = {
        "GPU-0": [
            process("a", pid=1, memory_bytes=100, sm_percent=30),
            process("a", pid=2, memory_bytes=50, sm_percent=80),
            process("b", pid=3, memory_bytes=7, sm_percent=0),
            process(None, pid=4, memory_bytes=1000, sm_percent=1),
        ],
        "GPU-1": [process("a", pid=5, memory_bytes=1, sm_percent=2)],
    }
    machine.pass_time(1)
    assert shown(machine) == {
        Footprint(run="a", uuid="GPU-0", memory_bytes=150, sm_percent=100),
        Footprint(run="b", uuid="GPU-0", memory_bytes=7, sm_percent=0),
        Footprint(run="a", uuid="GPU-1", memory_bytes=1, sm_percent=2),
    }
    machine.running.clear()
    machine.pass_time(1)
    assert shown(machine) == set()


def test_a_run_with_a_lease_has_the_processes_that_it_named(machine: Machine) -> None:
    machine.meter.register("leased", resume=False, **labels(pids=(1,)))
    machine.running["GPU-0"] = [process(None, pid=1, memory_bytes=5), process(None, pid=2, memory_bytes=9)]
    machine.pass_time(1)
    assert shown(machine) == {Footprint(run="leased", uuid="GPU-0", memory_bytes=5, sm_percent=None)}


def test_what_one_process_does_not_tell_is_not_known_of_the_run(machine: Machine) -> None:
    machine.running["GPU-0"] = [process("a", pid=1, memory_bytes=5, sm_percent=6), process("a", pid=2, sm_percent=7)]
    machine.pass_time(1)
    assert shown(machine) == {Footprint(run="a", uuid="GPU-0", memory_bytes=None, sm_percent=13)}


def test_simulated_processes_are_those_of_the_run_that_is_alone(machine: Machine) -> None:
    first = machine.meter.register("first", resume=False, **labels())
    machine.running["GPU-0"] = [nobody(memory_bytes=5, sm_percent=40), nobody(memory_bytes=5, sm_percent=41)]
    machine.pass_time(1)
    assert shown(machine) == {Footprint(run="first", uuid="GPU-0", memory_bytes=10, sm_percent=81)}
    machine.meter.register("second", resume=False, **labels())
    machine.pass_time(1)
    assert shown(machine) == set()
    assert first.run.active


def test_nothing_runs_on_what_is_left_of_a_gpu_in_mig_mode(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db", devices=(replace(GPU0, remainder=True),))
    machine.start()
    machine.running["GPU-0"] = [process("a", pid=1, memory_bytes=5)]
    machine.pass_time(1)
    assert shown(machine) == set()
    machine.ledger.close()
