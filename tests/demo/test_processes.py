"""Everything that was started ends, with its own children, and nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from demo.interrupts import Interrupts, TookTooLong
from demo.processes import EndedEarly, Process, Processes
from support.programs import wait_for

SLEEP = "import time; time.sleep(600)"
# Starts a child of its own, writes that child's number, and then does what is appended.
PARENT = """\
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
path = pathlib.Path(sys.argv[1])
path.with_suffix(".new").write_text(str(child.pid))
path.with_suffix(".new").rename(path)
"""
IGNORE_TERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def runs(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def python(*arguments: str) -> list[str | Path]:
    return [sys.executable, "-c", *arguments]


def number_in(path: Path) -> int:
    wait_for(path.exists, f"there is no {path}")
    return int(path.read_text())


def test_children_end_with_their_own_children_and_others_stay(tmp_path: Path) -> None:
    note = tmp_path / "grandchild"
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as bystander:
        try:
            with Processes() as processes:
                child = processes.start("parent", python(PARENT + "time.sleep(600)", str(note)))
                grandchild = number_in(note)
                assert runs(child.pid)
                assert runs(grandchild)
            wait_for(lambda: not runs(child.pid) and not runs(grandchild), "they go on")
            assert child.status() == -signal.SIGTERM
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_the_youngest_has_ended_before_the_next_is_asked(tmp_path: Path) -> None:
    note = tmp_path / "order"
    slow_end = """
import signal, sys, time
def end(*_):
    time.sleep(float(sys.argv[2]))
    with open(sys.argv[1], "a") as note:
        note.write(sys.argv[3])
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
open(sys.argv[1] + sys.argv[3], "w").close()
time.sleep(600)
"""
    with Processes() as processes:
        processes.start("exporter", python(slow_end, str(note), "0", "exporter"))
        processes.start("trainer", python(slow_end, str(note), "0.5", "trainer "))
        notes = [note.with_name(f"order{name}") for name in ("exporter", "trainer ")]
        wait_for(lambda: all(path.exists() for path in notes), "they do not begin")
    assert note.read_text() == "trainer exporter"


def test_a_child_that_ignores_the_request_is_killed_with_its_group(tmp_path: Path) -> None:
    note = tmp_path / "grandchild"
    with Processes() as processes:
        child = processes.start("stubborn", python(IGNORE_TERM + PARENT + "time.sleep(600)", str(note)))
        grandchild = number_in(note)
        child.stop(seconds=0.2)
        assert child.status() == -signal.SIGKILL
        wait_for(lambda: not runs(grandchild), "its own child goes on")


def test_what_a_child_leaves_behind_ends_when_its_own_end_is_seen(tmp_path: Path) -> None:
    note = tmp_path / "grandchild"
    with Processes() as processes:
        child = processes.start("parent", python(PARENT, str(note)))
        wait_for(lambda: child.status() == 0, "it goes on")
        wait_for(lambda: not runs(number_in(note)), "what it left behind goes on")


def test_a_child_that_ends_early_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    with Processes() as processes:
        child = processes.start("it", python("for n in range(40): print(n)\nraise SystemExit('no disk')"), log=log)
        wait_for(lambda: child.status() is not None, "it goes on")
        with pytest.raises(EndedEarly, match=r"^it ended with status 1$") as ended:
            processes.check(child)
    lines = ended.value.tail.splitlines()
    assert lines[0] == f"{log} ends with:"
    assert "    39" in lines
    assert "    no disk" in lines
    assert "    10" not in lines


def test_a_program_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with Processes() as processes:
        child = processes.start("it", [tmp_path / "nothing"], log=tmp_path / "it.log")
        wait_for(lambda: child.status() is not None, "it goes on")
        with pytest.raises(EndedEarly) as ended:
            child.check()
    assert f"{tmp_path / 'nothing'}: No such file or directory" in ended.value.tail


def test_an_exception_ends_the_children_too() -> None:
    with pytest.raises(RuntimeError), Processes() as processes:
        child = processes.start("it", python(SLEEP))
        raise RuntimeError
    assert child.status() == -signal.SIGTERM


def test_a_child_is_out_of_reach_of_the_terminal_s_interrupt() -> None:
    with Processes() as processes:
        child = processes.start("it", python(SLEEP))
        assert os.getpgid(child.pid) == child.pid
        assert os.getsid(child.pid) == child.pid


def test_a_run_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Process] = []
    with Processes() as processes:
        start = processes.start

        def remember(*arguments: Any, **options: Any) -> Process:
            started.append(start(*arguments, **options))
            return started[-1]

        monkeypatch.setattr(processes, "start", remember)
        with pytest.raises(TookTooLong, match=r"^sleeping took longer than 0.3 s$"):
            processes.run("sleeping", python(SLEEP), log=tmp_path / "log", interrupts=Interrupts(), seconds=0.3)
        assert [child.status() for child in started] == [-signal.SIGTERM]


def test_a_run_gives_its_status(tmp_path: Path) -> None:
    with Processes() as processes:
        command = python("raise SystemExit(7)")
        assert processes.run("it", command, log=tmp_path / "log", interrupts=Interrupts(), seconds=120) == 7


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child when its parent is killed outright")
def test_children_end_when_the_demo_is_killed_outright(tmp_path: Path) -> None:
    note = tmp_path / "child"
    code = f"""
import pathlib, time
from demo.processes import Processes
with Processes() as processes:
    child = processes.start("it", ["/bin/sleep", "600"])
    pathlib.Path({str(note)!r}).write_text(str(child.pid))
    time.sleep(600)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "deploy")}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as parent:
        wait_for(lambda: note.exists() and note.read_text() != "", "the child is not started")
        child = int(note.read_text())
        # Tied once it has become the program.
        wait_for(lambda: Path(f"/proc/{child}/comm").read_text().strip() == "sleep", "it does not become the program")
        parent.kill()
    wait_for(lambda: not runs(child), "it goes on")
