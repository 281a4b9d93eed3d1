"""`taximeter run` as a person runs it: any program in a process of its own, metered from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fakes.exporter import FakeExporter
from support.promptness import waited_seconds, waited_since
from taximeter.cli import main


@pytest.fixture
def exporter() -> Iterator[FakeExporter]:
    """An exporter with the machine's own clock: here real time passes."""
    fake = FakeExporter().start()
    yield fake
    fake.stop()


@contextmanager
def running(*options: str, program: str, **more: Any) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "taximeter", "run", *options, "--", sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more) as process:
        try:
            yield process
        finally:
            process.kill()


def run(*options: str, program: str = "", bill: Path | None = None) -> tuple[int, str, str]:
    written = () if bill is None else ("--format", "json", "--bill", str(bill))
    with running(*options, *written, program=program) as process:
        printed, said = process.communicate(timeout=240)
    return process.returncode, printed, said


def test_a_program_is_a_run_with_an_exporter(exporter: FakeExporter, tmp_path: Path) -> None:
    bill = tmp_path / "bill.json"
    program = """
import os, time
print({name: os.environ[f'TAXIMETER_{name}'] for name in ('RUN', 'PROJECT', 'TEAM', 'EXPORTER')})
time.sleep(0.2)
raise SystemExit(7)
"""
    options = ("--run", "r", "--project", "vision", "--team", "research", "--exporter", exporter.url)
    status, printed, said = run(*options, program=program, bill=bill)
    assert (status, said) == (7, "")
    named = {"RUN": "r", "PROJECT": "vision", "TEAM": "research", "EXPORTER": exporter.url}
    assert printed == f"{named}\n"
    shown = json.loads(bill.read_text())
    known = exporter.runs["r"]
    assert (known.result, known.labels["team"]) == ("failed", "research")
    assert (shown["result"], shown["source"]) == ("failed", "exporter")
    assert Decimal(shown["cost"]["USD"]) == Decimal(f"{known.device_seconds:.6f}") > Decimal("0.2")


def test_a_meter_in_the_program_belongs_to_the_same_run(exporter: FakeExporter) -> None:
    program = """
import taximeter
meter = taximeter.Meter(listen="127.0.0.1:0")
meter.wait_registered(60)
for _ in meter.steps([[1, 2], [3, 4]]): pass
print(meter.run, meter.end().source, bool(meter.cost()))
meter.close(last_scrape_seconds=0)
"""
    status, printed, said = run("--run", "r", "--exporter", exporter.url, program=program)
    assert (status, printed) == (0, "r estimate True\n")
    assert "refuses" not in said
    assert (exporter.count("/end"), exporter.count("")) == (1, len(exporter.calls))
    assert [body for path, body in exporter.calls if not path] == [{"run": "r", "project": "default"}]
    assert exporter.runs["r"].result == "finished"
    assert any(body.get("progress", {}).get("step") == 2 for _, body in exporter.calls)


def test_without_an_exporter_it_runs_and_has_no_bill_to_pay(exporter: FakeExporter) -> None:
    exporter.stop()
    status, printed, said = run("--exporter", exporter.url, program="print('done')")
    assert (status, printed) == (0, "done\n")
    assert "the cost is not known" in said


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signals_are_passed_on(signum: signal.Signals) -> None:
    program = f"""
import signal, sys
signal.signal({int(signum)}, lambda *_: sys.exit(5))
print("ready", flush=True)
while True: signal.pause()
"""
    with running("--price", "1", program=program, start_new_session=True, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signum)
        _, said = process.communicate(timeout=240)
    assert process.returncode == 5
    assert f"result                {'failed' if signum == signal.SIGUSR1 else 'stopped'}" in said


def test_a_program_that_a_signal_ends(tmp_path: Path) -> None:
    status, _, said = run("--price", "1", program="import os; os.kill(os.getpid(), 9)")
    assert status == 128 + signal.SIGKILL
    assert "result                failed" in said


def test_a_budget_ends_a_program_in_time(tmp_path: Path) -> None:
    bill = tmp_path / "bill.json"
    program = "import signal, sys; signal.signal(15, lambda *_: sys.exit(print('saved') or 0)); signal.pause()"
    status, printed, said = run("--price", "3600", "--budget", "122", "--grace", "120", program=program, bill=bill)
    assert (status, printed) == (3, "saved\n")
    assert "SIGTERM" in said
    shown = json.loads(bill.read_text())
    assert shown["result"] == "budget"
    assert Decimal("1.9") < Decimal(shown["cost"]["USD"]) < Decimal(122)


def test_a_budget_ends_a_program_that_does_not_want_to(tmp_path: Path) -> None:
    bill = tmp_path / "bill.json"
    program = "import signal; signal.signal(15, signal.SIG_IGN)\nwhile True: signal.pause()"
    waited = waited_seconds()
    status, _, _ = run("--price", "3600", "--budget", "1", "--grace", "0.3", program=program, bill=bill)
    assert status == 3
    cost = float(json.loads(bill.read_text())["cost"]["USD"])
    assert cost > 0.8
    assert cost <= 1.05 or cost - waited_since(waited) <= 1.05


def test_a_budget_that_nobody_has_a_price_for_is_said(exporter: FakeExporter) -> None:
    exporter.price_per_hour = {}
    status, _, said = run("--exporter", exporter.url, "--budget", "1", program="")
    assert status == 0
    assert "no price is known in USD" in said


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "no program is named"),
        (("--", "no-such-program"), "no-such-program: there is no such program"),
        (("--price", "x", "--", "true"), "--price: 'x' is not what an hour costs"),
        (("--run", "two words", "--", "true"), "--run: 'two words' is not a run's name"),
        (("--grace", "-1", "--", "true"), "--grace: -1 is not a number of seconds"),
        (("--price", "3600", "--budget", "1", "--", "true"), "--budget: it does not pay for the seconds of --grace"),
        (("--bill", "no/such/folder", "--", "true"), "--bill: there is no folder no/such"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    arguments: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"taximeter run: {complaint}")
    assert said.count("\n") == 1


def test_a_run_that_the_exporter_refuses_is_not_started(exporter: FakeExporter, tmp_path: Path) -> None:
    exporter.authorization = "Bearer token"
    status, printed, said = run("--exporter", exporter.url, program="print('started')")
    assert (status, printed) == (2, "")
    assert "the exporter refuses the run: say who you are" in said


def test_the_terminals_signals_are_not_sent_twice(exporter: FakeExporter) -> None:
    """As Ctrl-C: the terminal sends SIGINT to all of the group in its foreground."""
    program = """
import signal, time
came = []
signal.signal(signal.SIGINT, lambda *_: came.append(1))
print("ready", flush=True)
while not came:
    time.sleep(0.01)
time.sleep(0.3)
print(len(came), flush=True)
"""
    ours, theirs = os.openpty()
    try:
        # As a shell with job control does: a session whose terminal has this group in its foreground.
        take = (
            "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
        )
        command = [sys.executable, "-c", take, sys.executable, "-m", "taximeter", "run", "--price", "1", "--"]
        with subprocess.Popen(
            [*command, sys.executable, "-c", program],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            os.write(ours, b"\x03")
            printed, said = process.communicate(timeout=240)
        assert (process.returncode, printed) == (0, "1\n"), said
    finally:
        os.close(ours)
        os.close(theirs)
