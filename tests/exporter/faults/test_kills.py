"""SIGKILL at random moments, 20 times, while a run trains: what is in the ledger is what has passed."""

from __future__ import annotations

import os
import random
import subprocess
import time
from http.client import HTTPException
from pathlib import Path
from typing import IO

from support.programs import CONFIG, RunningExporter, program, wait_for, write_config
from support.promptness import waited_seconds
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.metering.usage import Share

KILLS = 20
INTERVAL_NS = 100_000_000
"""As `sample_interval` in `CONFIG`."""
MARGIN_NS = KILLS * INTERVAL_NS
"""Beyond that comes what the kernel counts as waiting for a processor: nobody samples in that time."""


def boottime_ns() -> int:
    """The clock that the exporter bills by."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Life:
    """An exporter from its start to its kill; it need not have come as far as listening."""

    def __init__(self, config: Path, log: IO[str]) -> None:
        command = [program("taximeter-exporter"), "serve", "--config", str(config)]
        env = {**os.environ, "TAXIMETER_DEVICES": "host"}
        self.begun_ns = boottime_ns()
        self.process = subprocess.Popen(command, stderr=log, text=True, env=env)
        self._log, self._start = Path(log.name), log.tell()

    def listens(self) -> RunningExporter | None:
        """It, once it listens."""
        for line in self._log.read_text(encoding="utf-8")[self._start :].splitlines(keepends=True):
            if "listening on http://" in line and line.endswith("\n"):
                return RunningExporter(self.process, int(line.rsplit(":", 1)[1]))
        assert self.process.poll() is None, self._log.read_text(encoding="utf-8")
        return None

    def kill(self) -> int:
        """SIGKILL; returns the moment at which it is certainly gone."""
        self.process.kill()
        self.process.wait(timeout=120)
        return boottime_ns()


class Training:
    """A run that renews its lease whenever there is somebody to hear it, and resumes if nobody was for too long."""

    def __init__(self) -> None:
        self.lease = ""
        self.heard_ns = 0
        """When the last renewal that was answered had been sent."""

    def renew(self, exporter: RunningExporter) -> bool:
        """Whether it was heard."""
        sent_ns = boottime_ns()
        try:
            if not self.lease:
                answer = exporter.call("POST", "/api/v1/runs", {"run": "a", "project": "demo", "resume": True})
                assert answer.status in (201, 409, 503), answer.body  # a lease of which a kill kept the answer lives on
                self.lease = answer.json().get("lease", "")
            else:
                answer = exporter.call("POST", "/api/v1/runs/a/renew", {"lease": self.lease})
                assert answer.status in (200, 410, 503), answer.body
                self.lease = "" if answer.status == 410 else self.lease
        except (OSError, HTTPException):
            return False
        heard = answer.status in (200, 201)
        self.heard_ns = sent_ns if heard else self.heard_ns
        return heard


def booked(path: Path) -> tuple[int, int, int, int]:
    """Nanoseconds in the ledger: all, of gaps, of the run, and the moment up to which it is booked."""
    ledger = SqliteLedger(path, readonly=True)
    try:
        rows, (cursor,) = ledger.usage(), ledger.cursors().values()
    finally:
        ledger.close()
    gaps = sum(row.ns for row in rows if row.share is Share.GAP)
    return sum(row.ns for row in rows), gaps, sum(row.ns for row in rows if row.run), cursor.booked_ns


def test_20_kills_cost_at_most_a_sampling_interval_each_and_double_nothing(tmp_path: Path) -> None:
    """One device at 1 USD a second. The truth is CLOCK_BOOTTIME, from the first sample to the last kill."""
    config, path = write_config(tmp_path, CONFIG), tmp_path / "ledger.db"
    moments, training = random.Random(20), Training()  # noqa: S311 (the same moments each time)
    heard_for_ns = lived_ns = total_ns = gap_ns = run_ns = until_ns = killed_ns = 0
    first_ns: int | None = None
    earliest_ns, waited_before = boottime_ns(), waited_seconds()
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        for kill in range(KILLS):
            log.seek(0, os.SEEK_END)
            life = Life(config, log)
            try:
                if kill in (0, KILLS - 1):
                    wait_for(lambda life=life: _ready(life), "the exporter is not ready")
                if kill == 0:
                    latest_ns = boottime_ns()
                elif kill % 2:
                    wait_for(lambda life=life: life.listens() is not None, "the exporter does not listen")
                # From before it has opened the ledger, and long after it answers.
                dies_ns = boottime_ns() + round(moments.uniform(0, 1.2) * 1e9)
                began_ns = None
                while boottime_ns() < dies_ns:
                    running = life.listens()
                    if running is not None and training.renew(running) and began_ns is None:
                        began_ns = boottime_ns()
                    time.sleep(0.01)
            finally:
                killed_ns = life.kill()
            heard_for_ns += max(0, training.heard_ns - began_ns) if began_ns is not None else 0
            lived_ns += killed_ns - life.begun_ns
            before = (total_ns, gap_ns, run_ns, until_ns)
            total_ns, gap_ns, run_ns, until_ns = booked(path)
            # All that is in the ledger follows on each other from the first sample on, and nothing goes away.
            if first_ns is None:
                first_ns = until_ns - total_ns
                assert earliest_ns < first_ns < latest_ns
            assert until_ns - total_ns == first_ns
            assert until_ns <= killed_ns
            assert all(now >= then for now, then in zip((total_ns, gap_ns, run_ns, until_ns), before, strict=True))
    truth_ns = killed_ns - first_ns if first_ns is not None else 0
    margin_ns = MARGIN_NS + round((waited_seconds() - waited_before) * 1e9)
    assert 0 <= truth_ns - total_ns <= margin_ns
    # The run pays for no time in which nobody metered it, and for all in which it was heard.
    assert heard_for_ns - margin_ns <= run_ns <= lived_ns
    assert min(heard_for_ns, run_ns) > 0
    assert gap_ns > 0
    assert run_ns + gap_ns <= total_ns


def _ready(life: Life) -> bool:
    running = life.listens()
    try:
        return running is not None and running.get("/readyz").status == 200
    except (OSError, HTTPException):
        return False
