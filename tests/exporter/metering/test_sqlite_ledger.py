"""The ledger: durable, all or nothing, never twice, and never somebody else's file."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support.metered import GPU0, Machine, price
from taximeter_exporter.metering.ledger import Advance, Cursor, LedgerConflictError, LedgerError
from taximeter_exporter.metering.run import Run
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.metering.usage import Category, Share, Usage
from taximeter_exporter.pricing.quote import schedule_for

RATE = schedule_for([price()], [GPU0]).at(0)
FIRST = Advance(GPU0, None, Cursor("boot", 10))
SECOND = Advance(GPU0, Cursor("boot", 10), Cursor("boot", 20))


def usage(ns: int, *, run: str = "", quarter_ns: int = 0) -> Usage:
    return Usage(quarter_ns, "GPU-0", RATE, run, Category.COMPUTE, Share.ACTIVE if run else Share.IDLE, ns)


def run(name: str) -> Run:
    return Run(
        name=name, project="p", lease="l", start_time_ns=1, boot_id="boot", start_ns=1, renewed_ns=2, renewed_time_ns=3,
        devices=("GPU-0",), progress={"epoch": 1.5},
    )  # fmt: skip


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "l.db")
    ledger.put_run(run("a"))
    ledger.book([usage(4), usage(6, run="a")], [FIRST], [])
    ledger.book([usage(10, run="a")], [SECOND], [])
    host = ledger.host_uuid()
    ledger.close()
    again = SqliteLedger(tmp_path / "l.db")
    assert again.runs() == [run("a")]
    assert sorted((row.run, row.rate, row.ns) for row in again.usage()) == [("", RATE, 4), ("a", RATE, 16)]
    assert again.usage(run="a") == [usage(16, run="a")]
    assert again.cursors() == {"GPU-0": Cursor("boot", 20)}
    assert again.host_uuid() == host
    again.close()


def test_usage_is_summed_over_whole_quarter_hours(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "l.db")
    quarter = 900 * 10**9
    ledger.book([usage(ns, quarter_ns=place * quarter) for place, ns in enumerate((1, 2, 4, 8))], [FIRST], [])
    assert sum(row.ns for row in ledger.usage(start_ns=quarter, end_ns=3 * quarter)) == 6
    assert sum(row.ns for row in ledger.usage(start_ns=2 * quarter)) == 12
    ledger.close()


@pytest.mark.parametrize("stale", [FIRST, Advance(GPU0, Cursor("boot", 9), Cursor("boot", 20))], ids=["new", "moved"])
def test_a_write_that_does_not_begin_where_the_ledger_ends_is_refused_whole(tmp_path: Path, stale: Advance) -> None:
    ledger = SqliteLedger(tmp_path / "l.db")
    ledger.book([usage(10)], [FIRST], [])
    with pytest.raises(LedgerConflictError, match="another exporter"):
        ledger.book([usage(10)], [stale], [run("a")])
    assert [row.ns for row in ledger.usage()] == [10]
    assert ledger.runs() == []
    ledger.close()


def test_a_write_that_fails_halfway_leaves_nothing(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "l.db")
    with pytest.raises(LedgerError, match="CHECK"):
        ledger.book([usage(10), usage(0)], [FIRST], [run("a")])
    assert (ledger.usage(), ledger.cursors(), ledger.runs()) == ([], {}, [])
    ledger.close()


def test_a_second_exporter_is_kept_off(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "l.db")
    with pytest.raises(LedgerError, match=r"another exporter \(process \d+\)"):
        SqliteLedger(tmp_path / "l.db")
    ledger.close()
    SqliteLedger(tmp_path / "l.db").close()


def test_real_and_simulated_data_never_meet(tmp_path: Path) -> None:
    SqliteLedger(tmp_path / "l.db", simulated=True).close()
    with pytest.raises(LedgerError, match="holds simulated data"):
        SqliteLedger(tmp_path / "l.db")
    SqliteLedger(tmp_path / "l.db", simulated=True).close()


def test_a_ledger_from_the_future_is_left_alone(tmp_path: Path) -> None:
    SqliteLedger(tmp_path / "l.db").close()
    with sqlite3.connect(tmp_path / "l.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = (tmp_path / "l.db").read_bytes()
    with pytest.raises(LedgerError, match="schema 99"):
        SqliteLedger(tmp_path / "l.db")
    assert (tmp_path / "l.db").read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to look at\n" * 30, None])
def test_a_file_that_is_no_ledger_is_refused_and_kept(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "l.db"
    if content is None:  # one that was cut short
        machine = Machine(path)
        machine.start()
        machine.pass_time(3)
        machine.kill()
        content = path.read_bytes()[:5000]
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=r"not a ledger that can be used .*; restore a copy"):
        SqliteLedger(path)
    assert path.read_bytes() == content


def test_nobody_is_told_to_move_a_ledger_away_that_has_no_room(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))  # the system itself takes no byte more
    try:
        with pytest.raises(LedgerError, match=r"; see that .* the disk has room"):
            SqliteLedger(tmp_path / "l.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("path", ["absent/l.db", "."])
def test_a_path_that_cannot_be_opened_says_so(tmp_path: Path, path: str) -> None:
    with pytest.raises(LedgerError, match=r"cannot be opened|can be used"):
        SqliteLedger(tmp_path / path)


def test_a_killed_writer_leaves_whole_writes_only(tmp_path: Path) -> None:
    """The process dies by SIGKILL in the middle of writing as fast as it can."""
    code = (
        "import os, sys, threading, signal\n"
        "from pathlib import Path\n"
        "from support.metered import Machine\n"
        "machine = Machine(Path(sys.argv[1]))\n"
        "machine.start()\n"
        "machine.pass_time(1)\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()\n"
        "while True: machine.pass_time(1)\n"
    )
    env = {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "l.db")], env=env, check=False)
    assert done.returncode == -9
    ledger = SqliteLedger(tmp_path / "l.db")
    booked = ledger.cursors()["GPU-0"].booked_ns - 1000 * 10**9
    assert sum(row.ns for row in ledger.usage()) == booked > 0
    ledger.close()
