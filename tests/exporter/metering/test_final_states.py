"""A run that ended is shown as it is at every moment, though it is not reckoned anew at every moment."""

from __future__ import annotations

from pathlib import Path

from support.metered import GPU0, Machine
from taximeter_exporter.metering.state import RunState


def shown(machine: Machine) -> RunState:
    (state,) = machine.meter.state().runs
    return state


def test_what_comes_after_the_end_is_shown_then_nothing_changes_until_it_goes_on(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db", in_use={GPU0.uuid: True}, joules={GPU0.uuid: 1000.0})
    machine.start()
    lease = machine.register("run")
    machine.pass_time(5)
    machine.joules[GPU0.uuid] += 50
    machine.pass_time(5)
    taken = machine.joules.pop(GPU0.uuid)  # the counter is not read for a while, in which the run ends
    machine.pass_time(5)
    lease = machine.renew(lease)
    machine.end(lease)
    for second in range(300):
        if second == 50:
            machine.joules[GPU0.uuid] = taken + 60
        machine.pass_time(1)
        assert shown(machine) == machine.meter.run("run")
    assert shown(machine).settled
    joules = (shown(machine).millijoules or 0) / 1000
    assert joules > 50
    before = shown(machine)
    machine.pass_time(1)
    assert shown(machine) is before

    machine.register("run", resume=True)
    machine.pass_time(3)
    assert shown(machine).run.active
    assert shown(machine) == machine.meter.run("run")
