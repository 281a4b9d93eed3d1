"""Volumes cost money while the machine is up: exactly, through restarts, and only while they are configured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.metered import OFFER, Machine, budget
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.storage import Volume
from taximeter_exporter.metering.usage import Category, Share
from taximeter_exporter.pricing.price import Rate, Unit
from taximeter_exporter.reports.spending import By, spending


def volume(name: str, gb: str, per_gb_month: str, currency: str = "USD") -> Volume:
    rate = Rate(
        offer=OFFER, price=Decimal(per_gb_month), unit=Unit.GB_MONTH, currency=currency, part=Fraction(Decimal(gb))
    )
    return Volume(name, rate)


A_CENT_A_SECOND = volume("data", "365000", "0.072")
"""365 TB at 0.072 USD per GB and month of 730 h: 26,280 USD a month, 36 USD an hour."""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(
        tmp_path / "ledger.db", volumes=(A_CENT_A_SECOND,), budgets=(budget(), budget(scope={"run": "run"}))
    )
    machine.start()
    yield machine
    machine.kill()


def stored(machine: Machine) -> dict[tuple[str, str], Fraction]:
    """What storage has cost, by uuid and share."""
    cost = machine.meter.state().cost
    return {(key.uuid, str(key.share)): amount for key, amount in cost.items() if key.category is Category.STORAGE}


def test_a_volume_costs_its_size_at_its_price_to_the_nanosecond(machine: Machine) -> None:
    machine.pass_time(10)
    machine.clock.advance(ns=7)
    machine.meter.tick()
    seconds = 10 + Fraction(7, NS_PER_SECOND)
    assert stored(machine) == {("volume:data", "unattributed"): seconds / 100}
    assert machine.meter.state().per_hour == {"USD": 3600 + 36}


def test_a_month_of_730_hours_is_the_price_of_the_list(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db", volumes=(volume("a", "0.3", "0.0800001"), volume("b", "3", "1", "EUR")))
    machine.start()
    machine.clock.advance(seconds=730 * 3600)
    machine.meter.tick()
    assert stored(machine) == {
        ("volume:a", "unattributed"): Fraction("0.3") * Fraction("0.0800001"),
        ("volume:b", "unattributed"): 3,
    }
    machine.kill()


def test_a_run_does_not_pay_for_it_and_a_budget_on_everything_does(machine: Machine) -> None:
    run = machine.register()
    machine.clock.advance(seconds=10)
    ended = machine.end(run)
    assert ended.cost == {"USD": 10}
    assert ended.device_ns == 10 * NS_PER_SECOND
    everything, of_a_run = machine.meter.state().budgets
    assert everything.spent == 10 + Fraction(1, 10)
    assert of_a_run.spent == 10


@pytest.mark.parametrize(("bill", "expected"), [(True, {("volume:data", "gap"): 1}), (False, {})])
def test_while_the_exporter_is_down_the_gap_policy_holds(
    machine: Machine, bill: bool, expected: dict[tuple[str, str], Fraction]
) -> None:
    machine.pass_time(10)
    machine.kill()
    machine.bill_gaps = bill
    machine.clock.advance(seconds=100)
    machine.start()
    machine.pass_time(20)
    assert stored(machine) == expected | {("volume:data", "unattributed"): Fraction(30, 100)}
    (device,) = machine.meter.state().devices
    assert device.gap_ns == 100 * NS_PER_SECOND
    machine.kill()
    machine.start()  # from the ledger alone it is the same
    assert stored(machine) == expected | {("volume:data", "unattributed"): Fraction(30, 100)}


def test_a_volume_that_was_not_configured_meanwhile_costs_nothing_for_it(machine: Machine) -> None:
    machine.pass_time(10)
    machine.kill()
    machine.volumes = ()
    machine.start()
    machine.pass_time(50)
    machine.kill()
    machine.volumes = (A_CENT_A_SECOND,)
    machine.clock.advance(seconds=5)
    machine.start()
    assert stored(machine) == {
        ("volume:data", "unattributed"): Fraction(10, 100),
        ("volume:data", "gap"): Fraction(5, 100),
    }


def test_reports_have_it_apart_from_devices_and_without_device_time(machine: Machine) -> None:
    machine.pass_time(10)
    start, end = (int(datetime(2026, month, 1, tzinfo=UTC).timestamp()) * NS_PER_SECOND for month in (11, 12))
    lines = spending(machine.ledger, by=By.CATEGORY, start_ns=start, end_ns=end, timezone=ZoneInfo("UTC"))
    assert [(line.key, line.cost, line.device_ns) for line in lines] == [
        ("compute", 10, 10 * NS_PER_SECOND),
        ("storage", Fraction(1, 10), 0),
    ]
    assert lines[1].by_share == {Share.UNATTRIBUTED: Fraction(1, 10)}


def test_what_could_not_be_written_is_booked_once_later(machine: Machine) -> None:
    machine.pass_time(1)
    connection = machine.ledger._connection
    connection.execute("PRAGMA query_only = ON")
    machine.pass_time(5)
    assert machine.meter.state().write_failures == 5
    assert stored(machine) == {("volume:data", "unattributed"): Fraction(1, 100)}
    connection.execute("PRAGMA query_only = OFF")
    machine.pass_time(1)
    assert stored(machine) == {("volume:data", "unattributed"): Fraction(7, 100)}
