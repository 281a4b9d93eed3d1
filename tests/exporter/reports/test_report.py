"""The report adds up to what was booked, however it is cut."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.metered import GPU0, GPU1, Machine, time_ns
from support.programs import CONFIG, program, write_config
from taximeter_exporter.metering.usage import Category, Share
from taximeter_exporter.pricing.catalog_file import Billing
from taximeter_exporter.reports.spending import By, spending
from taximeter_exporter.reports.tables import table, to_csv

UTC_ZONE = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
START, END = time_ns("2026-11-01T00:00:00"), time_ns("2026-12-01T00:00:00")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Two GPUs at 1 USD a second each: 10 s idle, a run of 5 s on one, then 13 hours into the next day."""
    machine = Machine(tmp_path / "ledger.db", devices=(GPU0, GPU1), in_use={"GPU-0": False, "GPU-1": False})
    machine.start()
    machine.pass_time(10)
    run = machine.register("a", devices=("GPU-0",))
    machine.clock.advance(seconds=5)
    machine.end(run)
    machine.clock.advance(seconds=13 * 3600 - 15)
    machine.meter.tick()
    yield machine
    machine.kill()


def test_energy_is_in_no_line(machine: Machine) -> None:
    run = machine.register("b", devices=("GPU-1",))
    for second in range(3):
        machine.joules = {"GPU-0": 100 * second, "GPU-1": 300 * second}
        machine.pass_time(1)
        machine.renew(run)
    machine.end(run)
    assert Category.ENERGY in {row.category for row in machine.ledger.usage()}
    for by in By:
        lines = spending(
            machine.ledger, by=by, start_ns=START, end_ns=END, timezone=UTC_ZONE, billing_of=lambda _: Billing()
        )
        assert sum(line.cost for line in lines) == 2 * (13 * 3600 + 3)
        assert {line.currency for line in lines} == {"USD"}
        assert all(line.billed == line.cost for line in lines) == (by is By.RUN)


def costs(machine: Machine, by: By, zone: ZoneInfo = UTC_ZONE) -> dict[str, Fraction]:
    lines = spending(machine.ledger, by=by, start_ns=START, end_ns=END, timezone=zone)
    return {line.key: line.cost for line in lines}


def test_every_cut_adds_up_to_the_same_sum(machine: Machine) -> None:
    total = 2 * 13 * 3600
    for by in By:
        assert sum(costs(machine, by).values()) == total


def test_by_whom(machine: Machine) -> None:
    assert costs(machine, By.RUN) == {"": 2 * 13 * 3600 - 5, "a": 5}
    assert costs(machine, By.PROJECT) == {"": 2 * 13 * 3600 - 5, "vision": 5}
    assert costs(machine, By.PROVIDER) == {"acme": 2 * 13 * 3600}
    assert costs(machine, By.DEVICE) == {"GPU-0": 13 * 3600, "GPU-1": 13 * 3600}


def test_days_are_those_of_the_time_zone(machine: Machine) -> None:
    """It began at 12:00 UTC, 13:00 in Berlin."""
    assert costs(machine, By.DAY) == {"2026-11-21": 2 * 12 * 3600, "2026-11-22": 2 * 3600}
    assert costs(machine, By.DAY, BERLIN) == {"2026-11-21": 2 * 11 * 3600, "2026-11-22": 2 * 2 * 3600}
    assert costs(machine, By.MONTH) == {"2026-11": 2 * 13 * 3600}


def test_shares_stand_apart(machine: Machine) -> None:
    (line, *_) = spending(machine.ledger, by=By.PROVIDER, start_ns=START, end_ns=END, timezone=UTC_ZONE)
    assert line.by_share == {Share.ACTIVE: 5, Share.IDLE: 2 * 13 * 3600 - 5}
    assert line.device_ns == 2 * 13 * 3600 * 10**9


def test_a_table_a_person_reads_and_a_csv_a_program_reads() -> None:
    rows = [["a", "1.50"], ["long, name", "12.25"]]
    assert table(["run", "cost"], rows) == "run          cost\na            1.50\nlong, name  12.25"
    assert list(csv.reader(io.StringIO(to_csv(["run", "cost"], rows)))) == [["run", "cost"], *rows]


def test_simulated_money_says_so_in_every_form(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db", devices=(replace(GPU0, uuid="SIM-0", simulated=True),))
    machine.start()
    machine.pass_time(3)
    machine.kill()
    month = ("--from", "2026-11-01", "--to", "2026-12-01")
    lines = report(tmp_path, *month).stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["simulated", "true"]
    (as_json,) = json.loads(report(tmp_path, *month, "--format", "json").stdout)
    (as_csv,) = csv.DictReader(io.StringIO(report(tmp_path, *month, "--format", "csv").stdout))
    assert as_json == as_csv
    assert as_json["simulated"] == "true"


BY_THE_HOUR = CONFIG.replace("box-8", "box").replace("per_hour", "billing: {increment_seconds: 3600}, per_hour")


def report(folder: Path, *options: str, config: str = CONFIG) -> subprocess.CompletedProcess[str]:
    command = [program("taximeter-exporter"), "report", "--config", str(write_config(folder, config)), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ, check=False)


def test_the_command_reads_a_ledger_that_is_being_written(machine: Machine, tmp_path: Path) -> None:
    month = ("--from", "2026-11-01", "--to", "2026-12-01")
    as_json = report(tmp_path, *month, "--by", "run", "--format", "json")
    assert as_json.returncode == 0, as_json.stderr
    lines = {line["run"]: line for line in json.loads(as_json.stdout)}
    assert (lines["a"]["cost"], lines["a"]["currency"], lines["a"]["active"]) == ("5.000000", "USD", "5.000000")
    assert {name: line["billed_cost"] for name, line in lines.items()} == {"": "93595.000000", "a": "5.000000"}
    by_the_hour = report(tmp_path, *month, "--by", "run", "--format", "json", config=BY_THE_HOUR)
    assert {line["run"]: line["billed_cost"] for line in json.loads(by_the_hour.stdout)}["a"] == "3600.000000"
    assert Decimal(lines["a"]["device_hours"]) == Decimal("0.0014")
    as_csv = report(tmp_path, *month, "--by", "day", "--timezone", "Europe/Berlin", "--format", "csv")
    assert [row["day"] for row in csv.DictReader(io.StringIO(as_csv.stdout))] == ["2026-11-21", "2026-11-22"]
    assert "vision" in report(tmp_path, *month).stdout
    assert "simulated" not in report(tmp_path, *month).stdout
    assert report(tmp_path, "--from", "2020-01-01", "--to", "2020-01-02").stdout == "Nothing was spent in this time.\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--timezone", "Mars"), "--timezone: 'Mars' is not an IANA name"),
        (("--from", "2026-11-02", "--to", "2026-11-02"), "--from: 2026-11-02 is not before 2026-11-02, the first day"),
        (("--ledger", "absent.db"), "absent.db: there is no ledger"),
        (("--by", "colour"), "--by: 'colour' is none of: day, month, run, project,"),
        (("--from", "yesterday"), "--from: 'yesterday' is not a day; write for instance 2026-11-01"),
        (("--to", "2026-13-01"), "--to: '2026-13-01' is not a day"),
    ],
)
def test_what_cannot_be_reported_says_so(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    done = report(tmp_path, *options)
    assert done.returncode == 2
    assert words in done.stderr


def test_an_older_ledger_is_not_changed_by_reading(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"")
    done = report(tmp_path)
    assert (done.returncode, (tmp_path / "ledger.db").read_bytes()) == (2, b"")
    assert "has schema 0" in done.stderr
