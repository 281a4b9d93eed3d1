"""The demo as a person runs it: the real stack and a short real training run; and what it does when things go wrong."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from demo import tour
from demo.__main__ import main
from demo.binaries import Tools
from demo.configs import REPOSITORY
from support.programs import wait_for

SECONDS = 1800
"""Until a demo must have ended; half a minute does on two idle cores."""

pytestmark = pytest.mark.binaries
needs_trainer = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="taximeter[trainer] is not here")


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """A variable in the environment of everything that a test starts."""
    value = f"DEMO_TEST={uuid.uuid4()}"
    monkeypatch.setenv(*value.split("="))
    return value


def marked(mark: str) -> list[str]:
    """The command lines of the processes that have the mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int(folder.name) != os.getpid() and mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def nothing_goes_on(mark: str) -> None:
    """What was killed needs a moment of the processor to end; what was not goes on for long."""
    wait_for(lambda: marked(mark) == [], "something goes on")


@contextmanager
def demo(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """The demo as its own process, its output in `stdout`."""
    command: list[str | Path] = [sys.executable, "-u", "-m", "demo", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "deploy")}
    with subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=SECONDS)


@needs_trainer
def test_the_whole_chain_holds(tools: Tools, tmp_path: Path, mark: str) -> None:
    with demo("--exit", "--epochs", "2", "--simulate", "--folder", tmp_path / "demo") as process:
        output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    assert "SIMULATED" in output
    assert "Prometheus has the same to the cent" in output
    received = output.partition("[5/5] Alerts received\n")[2]
    # At a dollar a second lower thresholds may be overtaken before they are seen; then they are not told of.
    told = set(re.findall(r" UTC  (\w+) +Budget demo: .* USD spent", received))
    assert "critical" in told
    assert told <= {"info", "warning", "critical"}
    # whatever else the simulated GPUs give cause for says so as well
    assert all("(simulated)" in line for line in received.splitlines() if "UTC" in line)
    assert output.rstrip().endswith("All of it as it should be.")
    nothing_goes_on(mark)


@needs_trainer
def test_an_alert_that_does_not_arrive_is_a_failure_with_its_reason_last(
    tools: Tools, tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("demo.configs.LIMIT", Decimal(1_000_000))
    monkeypatch.setattr(tour, "ALERTS_SECONDS", 0.5)
    assert main(["--exit", "--epochs", "1", "--folder", str(tmp_path / "demo")]) == 1
    last = capsys.readouterr().out.rstrip().splitlines()[-1]
    assert last.startswith("demo: the alert at 100% of budget demo did not arrive within 0.5 s")
    nothing_goes_on(mark)


@pytest.mark.parametrize("stage", ["Fetching|Looking", "exporter ready", "Training: run"])
def test_ctrl_c_ends_everything_at_any_time(tools: Tools, tmp_path: Path, mark: str, stage: str) -> None:
    with demo("--folder", tmp_path / "demo") as process:
        assert process.stdout
        for line in process.stdout:
            if any(word in line for word in stage.split("|")):
                break
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert output.rstrip().endswith("Stopped: everything that was started here has ended.")
    nothing_goes_on(mark)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child when its parent is killed outright")
def test_being_killed_outright_leaves_nothing_behind(tools: Tools, tmp_path: Path, mark: str) -> None:
    with demo("--folder", tmp_path / "demo") as process:
        assert process.stdout
        for line in process.stdout:
            if "Prometheus ready" in line:
                break
        assert len(marked(mark)) >= 5  # itself and four parts
        process.kill()
        process.wait()
        nothing_goes_on(mark)


def test_an_exporter_that_does_not_start_is_told_with_its_own_words(
    tools: Tools, tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("demo.configs.PER_HOUR", Decimal(-1))
    assert main(["--exit", "--folder", str(tmp_path / "demo")]) == 1
    lines = capsys.readouterr().out.rstrip().splitlines()
    assert lines[-1] == "demo: exporter ended with status 2"
    assert "prices[0].per_hour" in lines[-2]
    nothing_goes_on(mark)


def test_a_secret_that_cannot_be_right_is_status_2_before_anything_starts(
    tools: Tools, tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "slack_url").write_text("hush")
    monkeypatch.setattr(tour, "SECRETS", tmp_path / "secrets")
    assert main(["--exit", "--folder", str(tmp_path / "demo")]) == 2
    last = capsys.readouterr().out.rstrip().splitlines()[-1]
    assert last.startswith(f"demo: configure.py: {tmp_path / 'secrets' / 'slack_url'}: should be an address")
    nothing_goes_on(mark)


def test_a_port_in_use_is_said_and_another_taken(tools: Tools, tmp_path: Path, mark: str) -> None:
    try:
        holder = socket.create_server(("127.0.0.1", 9090))
    except OSError:
        holder = None  # somebody has it already, which is what is wanted
    try:
        with demo("--folder", tmp_path / "demo") as process:
            assert process.stdout
            said = []
            for line in process.stdout:
                said.append(line)
                if "Prometheus ready" in line:
                    break
            os.kill(process.pid, signal.SIGINT)
            process.communicate(timeout=SECONDS)
    finally:
        if holder:
            holder.close()
    assert any(line.startswith("    port 9090 is in use: prometheus gets ") for line in said)
    nothing_goes_on(mark)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--epochs", "0"], "'0' is not a number of epochs: 1 or more"),
        (["--forever"], "unrecognized arguments: --forever"),
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_folder_with_other_things_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.tex").touch()
    assert main(["--folder", str(tmp_path)]) == 2
    assert "holds other things" in capsys.readouterr().out
