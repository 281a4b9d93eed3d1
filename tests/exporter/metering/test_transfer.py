"""What runs read costs money by the GB: each byte once, however renewals repeat, come late, fail or resume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.metered import OFFER, Machine, budget
from taximeter_exporter.metering.run import Result, Run
from taximeter_exporter.metering.state import RunState
from taximeter_exporter.metering.totals import CostKey
from taximeter_exporter.metering.transfer import MOST_AT_ONCE, count_bytes
from taximeter_exporter.metering.usage import Category, Share
from taximeter_exporter.pricing.price import Rate, Unit

GB = 10**9
RATE = Rate(offer=OFFER, price=Decimal("0.09"), unit=Unit.GB, currency="USD")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "ledger.db", transfer=RATE, budgets=(budget(scope={"project": "vision"}),))
    machine.start()
    yield machine
    machine.kill()


def say(machine: Machine, run: RunState, count: int) -> None:
    machine.clock.advance(seconds=1)
    machine.meter.renew(run.run.name, run.run.lease, {"bytes": count})
    machine.meter.tick()


def moved(machine: Machine) -> int:
    """The bytes in the ledger; what is shown is what they cost."""
    rows = [row for row in machine.ledger.usage() if row.category is Category.TRANSFER]
    total = sum(row.quantity for row in rows)
    key = CostKey("transfer", "vision", Category.TRANSFER, Share.ACTIVE, "USD")
    assert machine.meter.state().cost.get(key, 0) == Fraction("0.09") * total / GB
    return total


def test_a_run_pays_for_what_it_says_to_have_read(machine: Machine) -> None:
    run = machine.register()
    say(machine, run, 3 * GB)
    say(machine, run, 3 * GB + 1)
    machine.clock.advance(seconds=1)
    ended = machine.meter.end("run", run.run.lease, Result.FINISHED, {"bytes": 5 * GB})
    assert moved(machine) == 5 * GB
    assert ended.cost == {"USD": 3 + Fraction("0.45")}
    assert ended.device_ns == 3 * GB  # three seconds, without the bytes
    assert ended.settled
    (of_the_project,) = machine.meter.state().budgets
    assert of_the_project.spent == 3 + Fraction("0.45")


def test_a_renewal_that_is_repeated_or_late_counts_nothing(machine: Machine) -> None:
    run = machine.register()
    for count in (100, 100, 300, 200, 0, 300, 301, 250):
        say(machine, run, count)
    assert moved(machine) == 301


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((1000, 1500), 1500), ((1200, 1500), 1500), ((0, 40, 30, 50), 1050), ((40, 30, 2000), 3000)],
    ids=["goes on", "goes on, some later", "from 0", "from 0, unsaid"],
)
def test_a_run_that_resumes_goes_on_counting_or_begins_again(
    machine: Machine, counts: tuple[int, ...], expected: int
) -> None:
    first = machine.register()
    say(machine, first, 1000)
    machine.end(first, Result.STOPPED)
    silent = machine.register(resume=True)
    machine.end(silent, Result.STOPPED)  # it said nothing of bytes
    second = machine.register(resume=True)
    for count in counts:
        say(machine, second, count)
    assert moved(machine) == expected


def test_a_restart_of_the_exporter_neither_loses_nor_doubles_bytes(machine: Machine) -> None:
    run = machine.register()
    say(machine, run, 1000)
    machine.meter.renew("run", run.run.lease, {"bytes": 1700})  # not booked when it dies
    machine.kill()
    machine.start()
    assert moved(machine) == 1000
    say(machine, run, 1800)
    assert moved(machine) == 1800


def test_what_could_not_be_written_is_booked_once_later(machine: Machine) -> None:
    run = machine.register()
    say(machine, run, 100)
    connection = machine.ledger._connection
    connection.execute("PRAGMA query_only = ON")
    for count in (200, 300):
        say(machine, run, count)
    assert moved(machine) == 100
    assert machine.meter.state().write_failures == 2
    machine.clock.advance(seconds=1)
    ended = machine.meter.end("run", run.run.lease, Result.FINISHED, {"bytes": 400})
    assert not ended.settled
    connection.execute("PRAGMA query_only = OFF")
    machine.pass_time(1)
    assert moved(machine) == 400
    again = machine.end(run)
    assert (again.settled, again.run.progress, moved(machine)) == (True, {"bytes": 400}, 400)


def test_without_a_price_nothing_is_kept_and_none_of_it_is_billed_later(machine: Machine) -> None:
    machine.kill()
    machine.transfer = None
    machine.start()
    run = machine.register()
    say(machine, run, 1000)
    assert {row.category for row in machine.ledger.usage()} == {Category.COMPUTE}
    machine.kill()
    machine.transfer = RATE
    machine.start()
    say(machine, run, 1001)
    assert moved(machine) == 1


def test_a_step_that_cannot_be_is_not_counted(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    run = machine.register()
    say(machine, run, 2**63 - 2)
    assert "says to have read" in caplog.text
    say(machine, run, 2**63 - 1)
    assert moved(machine) == 1


RUN = Run(name="a", project="p", lease="l", start_time_ns=0, boot_id="b", start_ns=0, renewed_ns=0, renewed_time_ns=0)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, MOST_AT_ONCE), min_size=1, max_size=6), max_size=6))
def test_under_each_lease_at_most_the_highest_report_is_counted(leases: list[list[int]]) -> None:
    run = RUN
    for reports in leases:
        run = replace(run, bytes_reported=0, bytes_before=run.bytes_before or run.bytes_reported)
        for reported in reports:
            before = run.bytes_unbooked
            run = count_bytes(run, {"bytes": reported})
            assert run.bytes_unbooked >= before
        assert run.bytes_reported == max(reports) or run.bytes_before
    assert run.bytes_unbooked <= sum(max(reports) for reports in leases)


@settings(deadline=None)
@given(st.lists(st.integers(0, MOST_AT_ONCE), min_size=1))
def test_one_lease_pays_its_highest_report_in_whatever_order(reports: list[int]) -> None:
    run = RUN
    for reported in [*reports, *reports]:
        run = count_bytes(run, {"bytes": reported, "step": 1})
    assert run.bytes_unbooked == max(reports)
    assert count_bytes(run, {"step": 2}) == run
