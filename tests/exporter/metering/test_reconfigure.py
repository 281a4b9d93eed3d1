"""Another configuration while the meter runs: from its moment on, exactly, and nothing that was before is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fakes.manual_clock import ManualClock
from hypothesis import given, settings
from hypothesis import strategies as st
from support.metered import GPU0, GPU1, OFFER, Machine, budget, labels, price, process, time_ns
from taximeter_exporter.metering.ledger import LedgerError
from taximeter_exporter.metering.meter import Meter
from taximeter_exporter.metering.policy import SplitPolicy
from taximeter_exporter.metering.run import Result
from taximeter_exporter.metering.storage import Volume
from taximeter_exporter.pricing.hours import parse_hours
from taximeter_exporter.pricing.price import Price, Rate, Unit
from taximeter_exporter.pricing.quote import schedule_for

SECOND = 10**9


def reconfigure(machine: Machine, **changes: Any) -> None:
    """As the machine is configured, but for `changes`, which it then is."""
    for name, value in changes.items():
        setattr(machine, name, value)
    machine.meter.reconfigure(
        schedule=schedule_for(machine.prices, machine.devices),
        budgets=machine.budgets,
        bill_gaps=machine.bill_gaps,
        policy=machine.policy,
        volumes=machine.volumes,
        transfer=machine.transfer,
    )


def spent(meter: Meter) -> Fraction:
    return sum(meter.state().cost.values(), Fraction())


def volume(per_gb_month: str, name: str = "sets") -> Volume:
    """730 GB: an hour costs as much as a GB the month."""
    offer = replace(OFFER, instance_type=name)
    part = Fraction(730 * 3600)
    return Volume(name, Rate(offer=offer, price=Decimal(per_gb_month), unit=Unit.GB_MONTH, currency="USD", part=part))


def test_a_new_price_holds_from_its_moment_on_also_for_time_that_is_not_booked_yet(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db")
    meter = machine.start()
    run = meter.register("a", resume=False, **labels())
    machine.clock.advance(seconds=10)
    meter.renew("a", run.run.lease, {})
    machine.clock.advance(ns=9_000_000_001)
    meter.tick()
    assert spent(meter) == 10
    reconfigure(machine, prices=[price("21600")])
    assert spent(meter) == 10, "nobody has heard of the run since"
    assert meter.run("a").per_hour == {"USD": 10800}  # type: ignore[union-attr]
    machine.clock.advance(ns=999_999_999)
    ended = meter.end("a", run.run.lease, Result.FINISHED, {})
    assert ended.cost == {"USD": 19 + Fraction(1, SECOND) + 3 * Fraction(999_999_999, SECOND)}


def test_it_does_not_outlive_a_restart_and_the_ledger_has_both_prices(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db")
    meter = machine.start()
    machine.clock.advance(seconds=10)
    reconfigure(machine, prices=[price("14400")])
    machine.clock.advance(seconds=5)
    meter.tick()
    machine.ledger.close()
    assert spent(machine.start()) == 10 + 2 * 5
    machine.ledger.close()


def test_budgets_are_summed_up_from_the_ledger(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db", budgets=[budget(), budget(name="old")])
    meter = machine.start()
    lease = meter.register("a", resume=False, **labels()).run.lease
    machine.clock.advance(seconds=10)
    meter.end("a", lease, Result.FINISHED, {})
    machine.clock.advance(seconds=7)
    reconfigure(
        machine,
        prices=[price("36000")],
        budgets=[
            budget("50"),
            budget(name="vision", scope={"project": "vision"}),
            budget(name="other", scope={"project": "other"}),
        ],
    )
    assert {state.budget.name: state.spent for state in meter.state().budgets} == {"all": 17, "vision": 10, "other": 0}
    machine.clock.advance(seconds=2)
    meter.tick()
    assert [state.spent for state in meter.state().budgets] == [17 + 2 * 5, 10, 0]
    assert meter.state().budgets[0].budget.limit == 50


def test_the_day_moves_to_the_time_zone_of_the_budgets(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db")
    # midnight in Berlin was 23:00 in UTC
    machine.clock = ManualClock(elapsed_ns=1000 * SECOND, time_ns=time_ns("2026-11-20T22:59:58"))
    meter = machine.start()
    machine.pass_time(10)
    berlin = ZoneInfo("Europe/Berlin")
    reconfigure(machine, budgets=[budget(timezone=berlin)])
    machine.pass_time(1)
    day, month = meter.state().spent
    assert day.cost == {"USD": Fraction(9)}
    assert month.cost == {"USD": Fraction(11)}
    assert day.timezone == month.timezone == berlin


def test_volumes_and_transfer_change_at_the_same_moment(tmp_path: Path) -> None:
    per_byte = Rate(offer=OFFER, price=Decimal(10**9), unit=Unit.GB, currency="USD")
    machine = Machine(tmp_path / "ledger.db", prices=[price("0")], volumes=[volume("1", "a"), volume("2", "b")])
    meter = machine.start()
    lease = meter.register("a", resume=False, **labels()).run.lease
    meter.renew("a", lease, {"bytes": 1000})
    machine.clock.advance(seconds=10)
    reconfigure(machine, volumes=[volume("5", "b"), volume("7", "c")], transfer=per_byte)
    assert spent(meter) == 10 * (1 + 2)
    machine.clock.advance(seconds=3)
    meter.renew("a", lease, {"bytes": 1004})
    meter.tick()
    assert spent(meter) == 30 + 3 * (5 + 7) + 4
    reconfigure(machine, volumes=[volume("1", "a")], transfer=None)
    meter.renew("a", lease, {"bytes": 2000})
    machine.clock.advance(seconds=2)
    meter.tick()
    # What was not configured meanwhile has cost nothing meanwhile.
    assert spent(meter) == 70 + 2


def test_a_split_policy_speaks_for_the_time_after_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db")
    meter = machine.start()
    machine.running = {
        "GPU-0": [
            process("a", pid=1, memory_bytes=1),
            process("b", pid=2, memory_bytes=3),
        ]
    }
    meter.tick()
    before = meter.state()
    machine.clock.advance(seconds=2)
    reconfigure(machine, policy=SplitPolicy.MEMORY)
    machine.clock.advance(seconds=2)
    meter.tick()
    assert {run.run.name: run.device_ns for run in before.runs} == {"a": 0, "b": 0}
    after = {run.run.name: run.device_ns for run in meter.state().runs}
    assert after == {"a": SECOND + SECOND // 2, "b": SECOND + 3 * SECOND // 2}


def test_a_ledger_that_cannot_be_written_leaves_everything_as_it_was(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db", budgets=[budget()], volumes=[volume("1")])
    meter = machine.start()
    machine.clock.advance(seconds=10)
    machine.ledger._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(LedgerError, match="cannot be written now"):
        reconfigure(machine, prices=[price("72000")], budgets=[], volumes=[volume("9")])
    assert [state.budget.name for state in meter.state().budgets] == ["all"]
    machine.ledger._connection.execute("PRAGMA query_only = OFF")
    machine.clock.advance(seconds=10)
    meter.tick()
    assert spent(meter) == 20 * (1 + 1)


def test_the_night_goes_on_by_its_hours_after_another_price(tmp_path: Path) -> None:
    night = parse_hours("22:00-06:00", range(7), ZoneInfo("Europe/Berlin"))
    hour = 3600
    by_night = replace(price("3", gpus=1), hours=night)
    machine = Machine(tmp_path / "ledger.db", prices=[price("10", gpus=1)])
    machine.clock.set_time(by_seconds=(time_ns("2026-10-24T18:00:00") - machine.clock.time_ns()) // SECOND)
    meter = machine.start()
    machine.clock.advance(seconds=hour)
    reconfigure(machine, prices=[price("10", gpus=1), by_night])
    machine.clock.advance(seconds=3 * hour)
    reconfigure(machine, prices=[price("20", gpus=1), replace(by_night, per_hour=Decimal(4))])
    machine.clock.advance(seconds=20 * hour)
    meter.tick()
    # 20 h: dear; 22 h Berlin: night; at 00 h Berlin the second change; the night of nine hours ends at 05 h UTC.
    assert spent(meter) == 10 + 10 + 2 * 3 + 7 * 4 + 13 * 20


_CHANGES = st.lists(
    st.tuples(
        st.integers(1, 10**13),
        st.sampled_from(["tick", "reload", "twice"]),
        st.lists(st.integers(1, 1000), min_size=1, max_size=2),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(changes=_CHANGES)
def test_whatever_happens_time_costs_what_it_did_when_it_passed(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, str, list[int]]]
) -> None:
    machine = Machine(tmp_path_factory.mktemp("l") / "ledger.db", devices=[GPU0, GPU1], prices=[price("7200")])
    meter, per_hour, expected = machine.start(), Fraction(7200), Fraction()
    for ns, what, prices in changes:
        machine.clock.advance(ns=ns)
        expected += per_hour * ns / (3600 * SECOND)
        if what == "tick":
            meter.tick()
        for new in prices if what == "twice" else prices[:1] if what == "reload" else []:
            reconfigure(machine, prices=_from_any_day(new))
            per_hour = Fraction(new)
    meter.tick()
    assert spent(meter) == expected
    machine.ledger.close()


def _from_any_day(per_hour: int) -> Sequence[Price]:
    return [price(str(per_hour))]
