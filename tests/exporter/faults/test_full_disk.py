"""A disk that is full for a while: nothing is lost, nothing is doubled, and it is told."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.metered import Machine
from support.programs import RunningExporter, exporter, wait_for, write_config
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.reading import Snapshot
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.web.health import Health

FULL_SECONDS = 10
NO_DEVICES = Snapshot(samples=(), collect_success=True, last_success_time_ns=None, duration_ns=0)


def test_what_sqlite_has_no_room_for_is_booked_once_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite answers SQLITE_FULL; the clock stands still but for what the test lets pass."""
    machine = Machine(tmp_path / "ledger.db")
    meter = machine.start()
    health = Health(machine.clock, lambda: NO_DEVICES, meter.state, interval_ns=NS_PER_SECOND)
    run = machine.register()
    machine.pass_time(5)
    machine.renew(run)
    meter.tick()
    database = machine.ledger._connection
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    for failures in range(1, 4):
        machine.clock.advance(seconds=10 * 24 * 3600)  # its quarter hours do not fit any more
        machine.renew(run)
        meter.tick()
        assert meter.state().write_failures == failures
        assert machine.run_cost() == 5  # only what is in the ledger is shown
        assert health.ready().status == 503
        assert b"the ledger has not been written for" in health.ready().body
    assert "database or disk is full" in caplog.text
    database.execute("PRAGMA max_page_count = 1000000")
    machine.pass_time(1)
    assert health.ready().status == 200
    assert meter.state().write_failures == 3
    assert machine.end(run).cost == {"USD": 5 + 30 * 24 * 3600 + 1}
    machine.kill()
    machine.start()
    assert machine.shares() == {("vision", "active"): 5 + 30 * 24 * 3600 + 1}
    machine.kill()


@dataclass(frozen=True)
class Disk:
    """Where a ledger lies whose disk can be filled."""

    folder: Path
    bounded: bool
    """A file system of its own, of one MiB; else the process is kept from writing to files."""

    def fill(self, process: int) -> None:
        """From now on nothing more can be written."""
        if self.bounded:
            with (self.folder / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError) as full:
                while True:
                    filler.write(b"x" * 4096)
            assert full.value.errno == errno.ENOSPC
        else:
            _limit_files(process, 0)

    def make_room(self, process: int) -> None:
        """Undo it."""
        if self.bounded:
            (self.folder / "filler").unlink()
        else:
            _limit_files(process, resource.RLIM_INFINITY)


def _limit_files(process: int, size: int) -> None:
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))


@pytest.fixture(params=["full file system", "file size limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A small file system where one can be mounted, and a limit of the process, which every Linux has."""
    if sys.platform != "linux":
        pytest.skip("needs tmpfs or prlimit, which are Linux's")
    if request.param == "file size limit":
        yield Disk(tmp_path, bounded=False)
        return
    mount = ["mount", "-t", "tmpfs", "-o", f"size=1m,uid={os.getuid()}", "taximeter-test", str(tmp_path)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.strip()}")
    try:
        yield Disk(tmp_path, bounded=True)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_disk_that_is_full_for_10_seconds_costs_nothing_but_the_failures(disk: Disk) -> None:
    """A real exporter, asked over HTTP; a run renews its lease all the time, and pays for all of it."""
    config = write_config(disk.folder)
    started_ns = _now_ns()
    with exporter(config, environ={"TAXIMETER_DEVICES": "host"}) as running:
        pid = running.process.pid
        lease = running.call("POST", "/api/v1/runs", {"run": "a", "project": "demo"}).json()["lease"]
        wait_for(lambda: _renew(running, lease)["device_seconds"] > 0, "the run is not booked")
        began_ns = _now_ns()
        disk.fill(pid)
        wait_for(lambda: _renew(running, lease) and running.get("/readyz").status == 503, "it stays ready")
        assert "the ledger has not been written for" in running.get("/readyz").body.decode()
        stuck = running.value("taximeter_cost_total", share="active")
        refused = running.call("POST", "/api/v1/runs", {"run": "b", "project": "demo"})
        assert refused.status == 503, refused.body
        assert running.get("/healthz").status == 200
        while _now_ns() < began_ns + FULL_SECONDS * NS_PER_SECOND:
            _renew(running, lease)
            time.sleep(0.2)
        assert running.value("taximeter_cost_total", share="active") == stuck
        assert running.value("taximeter_ledger_write_failures_total") > 1
        disk.make_room(pid)
        wait_for(lambda: _renew(running, lease) and running.get("/readyz").status == 200, "it does not recover")
        failures = running.value("taximeter_ledger_write_failures_total")
        assert running.call("GET", "/api/v1/runs/b").status == 404
        ending_ns = _now_ns()
        ended = running.call("POST", "/api/v1/runs/a/end", {"lease": lease, "result": "finished"}).json()
        # 1 USD a second: the time of the full disk is the run's as well.
        assert ended["device_seconds"] > (ending_ns - began_ns) / NS_PER_SECOND
        assert float(ended["cost"]["USD"]) == pytest.approx(ended["device_seconds"], abs=1e-6)
        assert running.value("taximeter_ledger_write_failures_total") == failures
        running.process.terminate()
        assert running.process.wait(timeout=120) == 0
    ledger = SqliteLedger(disk.folder / "ledger.db")
    (cursor,), rows = ledger.cursors().values(), ledger.usage()
    (kept,) = ledger.runs()
    ledger.close()
    # All of it once: what is booked reaches from the first sample, before the run, to the end.
    assert kept.end_ns is not None
    assert sum(row.ns for row in rows if row.run) == kept.end_ns - kept.start_ns
    first_ns = cursor.booked_ns - sum(row.ns for row in rows)
    assert started_ns < first_ns < kept.start_ns
    assert (kept.name, kept.result) == ("a", "finished")


def _renew(running: RunningExporter, lease: str) -> dict[str, Any]:
    """The run, as it is answered to a renewal, which nothing may refuse."""
    answer = running.call("POST", "/api/v1/runs/a/renew", {"lease": lease})
    assert answer.status == 200, answer.body
    renewed: dict[str, Any] = answer.json()
    return renewed


def _now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
