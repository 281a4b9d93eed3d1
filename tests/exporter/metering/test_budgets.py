"""Budgets: what was spent, and what will be."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.metered import GPU0, GPU1, Machine, budget, price, time_ns
from taximeter_exporter.metering.budgets import Budget, BudgetState
from taximeter_exporter.metering.exchange import ExchangeRate, ExchangeTable
from taximeter_exporter.metering.ledger import LedgerError
from taximeter_exporter.metering.periods import Period
from taximeter_exporter.metering.usage import Usage


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "ledger.db", devices=(GPU0, GPU1))
    yield machine
    machine.kill()


def start(machine: Machine, *budgets: Budget) -> None:
    machine.budgets = budgets
    machine.start()


def states(machine: Machine) -> dict[str, BudgetState]:
    return {state.budget.name: state for state in machine.meter.state().budgets}


def test_a_budget_counts_its_scope_and_one_without_scope_everything(machine: Machine) -> None:
    start(machine, budget(), budget(name="vision", scope={"project": "vision"}), budget(name="b", scope={"run": "b"}))
    machine.pass_time(10)
    a = machine.register("a", project="vision", devices=("GPU-0",))
    b = machine.register("b", project="text", devices=("GPU-1",))
    machine.clock.advance(seconds=5)
    machine.end(a)
    machine.clock.advance(seconds=1)
    machine.end(b)
    spent = {name: state.spent for name, state in states(machine).items()}
    assert spent == {"all": 2 * 16, "vision": 5, "b": 6}


def test_the_forecast_is_what_is_spent_and_the_present_rate_for_the_time_left(machine: Machine) -> None:
    start(machine, budget(period=Period.HOUR), budget(name="vision", period=Period.HOUR, scope={"project": "vision"}))
    machine.register("a", project="vision", devices=("GPU-0",))
    machine.register("b", project="text", devices=("GPU-0",))
    machine.clock.advance(seconds=600)
    machine.meter.tick()
    # Leases that were not renewed end: nothing of the project runs any more.
    assert states(machine)["vision"].forecast == 0
    assert states(machine)["all"].forecast == 2 * 3600
    machine.register("c", project="vision", devices=("GPU-1",))
    assert states(machine)["vision"].forecast == 3000
    machine.register("d", project="text", devices=("GPU-1",))
    assert states(machine)["vision"].forecast == 1500


def test_the_forecast_goes_by_the_recent_past_once_there_is_one(machine: Machine) -> None:
    """Ten hours of which a run had five, at 1 USD a second for its one device; then nothing runs."""
    start(machine, budget(name="vision", scope={"project": "vision"}))
    run = machine.register(devices=("GPU-0",))
    machine.clock.advance(seconds=5 * 3600)
    machine.end(run)
    machine.clock.advance(seconds=5 * 3600)
    machine.meter.tick()
    spent, recent_per_hour = 5 * 3600, Fraction(5 * 3600, 10)
    left = 9 * 24 + 2  # hours: it is the 21st, 22:00
    assert states(machine)["vision"].forecast == spent + recent_per_hour * (left - 3)
    machine.register("next", devices=("GPU-0",))
    assert states(machine)["vision"].forecast == spent + 3600 * 3 + recent_per_hour * (left - 3)


def test_the_recent_past_is_the_last_seven_days(machine: Machine) -> None:
    start(machine, budget(name="vision", scope={"project": "vision"}))
    machine.end(machine.register())
    old = machine.register("old", devices=("GPU-0",))
    machine.clock.advance(seconds=3600)
    machine.end(old)
    machine.clock.advance(seconds=8 * 24 * 3600)
    machine.meter.tick()
    assert states(machine)["vision"].forecast == states(machine)["vision"].spent == 3600


def test_a_scope_that_no_run_is_in_is_told_at_the_start(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    start(machine, budget(), budget(name="typo", scope={"project": "visoin"}))
    told = "budget typo: no run so far is within its scope, {'project': 'visoin'}"
    assert caplog.messages == [told]
    machine.register(project="visoin")
    machine.kill()
    machine.start()
    assert caplog.messages.count(told) == 1


def test_a_new_period_begins_at_zero_in_the_budgets_own_time_zone(machine: Machine) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start(machine, budget(name="utc", period=Period.DAY), budget(name="de", period=Period.DAY, timezone=berlin))
    run = machine.register()
    machine.clock.advance(seconds=11 * 3600)  # 23:00 UTC, midnight in Berlin
    machine.renew(run)
    machine.meter.tick()
    machine.clock.advance(seconds=10)
    machine.renew(run)
    machine.meter.tick()
    found = states(machine)
    assert found["utc"].spent == 2 * (11 * 3600 + 10)
    assert found["de"].spent == 2 * 10
    assert found["de"].start_ns == time_ns("2026-11-21T23:00:00")


def test_time_booked_after_a_period_has_ended_counts_in_the_period_in_which_it_passed(machine: Machine) -> None:
    start(machine, budget(period=Period.DAY))
    run = machine.register()
    machine.clock.advance(seconds=12 * 3600 - 2)
    machine.renew(run)
    machine.clock.advance(seconds=4)
    machine.meter.tick()  # past midnight, and booked up to two seconds before it
    assert states(machine)["all"].spent == 0
    machine.renew(run)
    machine.meter.tick()
    assert states(machine)["all"].spent == 2 * 2


def test_a_new_period_that_cannot_be_summed_up_is_tried_again_and_nothing_is_booked_twice(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(machine, budget(period=Period.DAY))
    machine.clock.advance(seconds=12 * 3600 - 1)
    machine.meter.tick()

    def broken(**_: object) -> list[Usage]:
        raise LedgerError("a disk that cannot be read")

    with monkeypatch.context() as disk:
        disk.setattr(machine.ledger, "usage", broken)
        machine.pass_time(3)
        assert machine.meter.state().write_failures == 0
    machine.pass_time(1)
    assert states(machine)["all"].spent == 2 * 3
    assert sum(machine.shares().values()) == 2 * (12 * 3600 + 3)


def test_a_restart_keeps_what_was_spent_in_this_period_and_leaves_out_the_last_one(machine: Machine) -> None:
    machine.clock.advance(seconds=12 * 3600 - 100)
    start(machine, budget(period=Period.DAY))
    machine.pass_time(200)
    machine.kill()
    machine.clock.advance(seconds=50)
    machine.start()
    assert states(machine)["all"].spent == 2 * (100 + 50)


def test_another_currency_is_never_added(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    start(machine, budget(), budget(name="euro", currency="EUR"))
    machine.pass_time(10)
    machine.kill()
    machine.prices = (price("7200", currency="EUR"),)
    machine.start()
    machine.pass_time(7)
    assert {name: state.spent for name, state in states(machine).items()} == {"all": 20, "euro": 14}
    assert {key.currency for key in machine.meter.state().cost} == {"USD", "EUR"}
    assert caplog.messages.count("budget all: spending in EUR is not counted: no exchange rate") == 1


def rate(text: str, day: str, currency: str = "USD", into: str = "EUR") -> ExchangeRate:
    return ExchangeRate(currency=currency, into=into, rate=Decimal(text), start_ns=time_ns(f"{day}T00:00:00"))


def test_another_currency_counts_at_the_rate_of_its_day_also_after_a_restart(machine: Machine) -> None:
    table = ExchangeTable([rate("0.5", "2026-01-01"), rate("0.25", "2026-11-22")])
    start(machine, budget(name="euro", currency="EUR", exchange=table))
    machine.clock.advance(seconds=12 * 3600 + 100)
    machine.meter.tick()
    due = 2 * 12 * 3600 * Fraction(1, 2) + 2 * 100 * Fraction(1, 4)
    assert states(machine)["euro"].spent == due
    machine.kill()
    machine.start()
    assert states(machine)["euro"].spent == due
    assert states(machine)["euro"].forecast == due + (8 * 24 * 3600 + 24 * 3600 - 100) * 2 * Fraction(1, 4)


def test_exchange_goes_both_ways_and_never_by_a_third_currency() -> None:
    table = ExchangeTable([rate("0.8", "2026-02-01"), rate("150", "2026-02-01", "EUR", "JPY")])
    at = time_ns("2026-02-01T00:00:00")
    assert table.rate("USD", "EUR", at) == Fraction(4, 5)
    assert table.rate("EUR", "USD", at) == Fraction(5, 4)
    assert table.rate("USD", "USD", 0) == 1
    assert table.rate("USD", "EUR", at - 1) is None
    assert table.rate("USD", "JPY", at) is None


def test_a_budget_of_runs_gives_each_run_the_limit_for_itself(machine: Machine) -> None:
    start(machine, budget(name="each", period=Period.RUN, scope={"project": "vision"}))
    a = machine.register("a", project="vision", devices=("GPU-0",))
    machine.register("b", project="vision", devices=("GPU-1",))
    c = machine.register("c", project="text")
    machine.clock.advance(seconds=10)
    machine.renew(c)
    machine.end(a)
    found = {state.run: state for state in machine.meter.state().budgets}
    assert {name: state.spent for name, state in found.items()} == {"a": 5, "b": 0}
    assert (found["a"].start_ns, found["a"].end_ns, found["a"].forecast) == (a.run.start_time_ns, None, None)
    machine.kill()
    machine.start()
    assert {state.run: state.spent for state in machine.meter.state().budgets} == {"a": 5, "b": 0}


def test_a_part_of_a_cent_is_not_lost(machine: Machine) -> None:
    machine.prices = (price("0.10", gpus=3),)
    start(machine, budget())
    for _ in range(1000):
        machine.clock.advance(ns=1)
        machine.meter.tick()
    assert states(machine)["all"].spent == Fraction(Decimal("0.10")) / 3 * 2 * 1000 / (3600 * 10**9)
