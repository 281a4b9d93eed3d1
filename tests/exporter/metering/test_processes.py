"""Looking processes up: in the real /proc, and in one made up for what a test cannot have."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.proc import FakeProc
from taximeter_exporter.clock import NS_PER_SECOND, SystemClock
from taximeter_exporter.metering.identity import Identity
from taximeter_exporter.metering.processes import ProcessFacts, ProcessReader

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")

NOBODY = {"anonymous": 0, "gone": 0, "unreadable": 0, "refused": 0}


@contextmanager
def running(**environ: str) -> Iterator[int]:
    """A real process that waits, and says when it is there."""
    with subprocess.Popen(
        [sys.executable, "-c", "print('there', flush=True); input()"],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"there\n"
        yield child.pid
        child.communicate(b"\n")


def test_a_real_process_is_known_by_its_environment_and_by_when_it_was_started() -> None:
    clock = SystemClock()
    before_ns = clock.elapsed_ns()
    with running(TAXIMETER_RUN="r", TAXIMETER_PROJECT="p") as pid:
        reader = ProcessReader()
        facts = reader.look_up([pid])[pid]
        assert facts.identity == Identity(run="r", project="p")
        assert facts.pids[0] == pid
        assert before_ns - NS_PER_SECOND // 50 <= facts.started_ns <= clock.elapsed_ns()
        assert reader.unknown() == NOBODY
    # the driver's last sample may still have it
    assert reader.look_up([pid])[pid] == facts
    assert reader.unknown() == NOBODY


def test_a_process_that_is_not_there_is_counted_once() -> None:
    with running() as pid:
        pass
    reader = ProcessReader()
    for _ in range(3):
        assert reader.look_up([pid]) == {pid: ProcessFacts(pids=(pid,))}
    assert reader.unknown() == NOBODY | {"gone": 1}


def test_a_process_that_names_nothing_is_counted_once_and_again_when_it_comes_back() -> None:
    with running() as pid:
        reader = ProcessReader()
        for pids in ([pid], [pid], [], [pid]):
            reader.look_up(pids)
        assert reader.unknown() == NOBODY | {"anonymous": 2}


def test_a_real_process_of_another_user_cannot_be_read() -> None:
    reader = ProcessReader()
    user = os.geteuid()
    if user == 0:  # root may read every environment
        os.seteuid(65534)
    try:
        assert reader.look_up([1])[1].identity is None
    finally:
        os.seteuid(user)
    assert reader.unknown() == NOBODY | {"unreadable": 1}


def test_a_bad_name_is_refused_counted_and_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    proc = FakeProc(tmp_path)
    for pid in (11, 12):
        proc.add(pid, environ={"TAXIMETER_RUN": "a\nb"})
    reader = ProcessReader(tmp_path)
    for _ in range(2):
        assert all(facts.identity is None for facts in reader.look_up([11, 12]).values())
    assert reader.unknown() == NOBODY | {"refused": 2}
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("process 11 is not attributed: TAXIMETER_RUN gives the run name 'a\\nb'")


def test_a_pid_that_is_another_process_now_is_read_again(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.add(11, environ={"TAXIMETER_RUN": "first"}, start_ticks=100)
    reader = ProcessReader(tmp_path)
    assert reader.look_up([11])[11].identity == Identity(run="first")
    proc.add(11, environ={"TAXIMETER_RUN": "second"}, start_ticks=200)
    facts = reader.look_up([11])[11]
    assert facts.identity == Identity(run="second")
    assert facts.started_ns == 200 * NS_PER_SECOND // os.sysconf("SC_CLK_TCK")


def test_a_process_whose_folder_was_made_anew_is_still_the_same(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.add(11, start_ticks=100)
    reader = ProcessReader(tmp_path)
    reader.look_up([11])
    proc.add(11, start_ticks=100)
    for _ in range(2):
        reader.look_up([11])
    assert reader.unknown() == NOBODY | {"anonymous": 1}


def test_a_process_in_a_container_seen_from_the_host_has_a_pid_of_its_own_as_well(tmp_path: Path) -> None:
    FakeProc(tmp_path).add(501, environ={"TAXIMETER_RUN": "r"}, pids=(501, 7))
    assert ProcessReader(tmp_path).look_up([501])[501].pids == (501, 7)


def test_a_pid_of_the_exporters_own_namespace_is_found_in_the_hosts_proc(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.add(900, pids=(900, 1), namespace="pid:[2]")
    proc.is_self(900)
    proc.add(901, pids=(901, 7), namespace="pid:[2]", environ={"TAXIMETER_RUN": "mine"})
    proc.add(902, pids=(902, 8), namespace="pid:[3]", environ={"TAXIMETER_RUN": "another container's"})
    reader = ProcessReader(tmp_path)
    facts = reader.look_up([7, 8])
    assert facts[7].identity == Identity(run="mine")
    assert facts[8].identity is None
    assert reader.unknown() == NOBODY | {"gone": 1}


def test_from_inside_a_namespace_a_pid_of_the_host_stays_unknown(tmp_path: Path) -> None:
    proc = FakeProc(tmp_path)
    proc.add(1, pids=(1,), namespace="pid:[2]")
    proc.is_self(1)
    # its PID further in is by chance that which the driver says of another
    proc.add(20, pids=(20, 4242), namespace="pid:[3]", environ={"TAXIMETER_RUN": "r"})
    reader = ProcessReader(tmp_path)
    assert reader.look_up([4242])[4242].identity is None
    assert reader.unknown() == NOBODY | {"gone": 1}


@pytest.mark.parametrize("stat", ["", "11 (a) R 1", "11 (a) R " + "x " * 40])
def test_a_process_file_that_is_not_understood_is_no_exception(tmp_path: Path, stat: str) -> None:
    FakeProc(tmp_path).add(11, environ={"TAXIMETER_RUN": "r"})
    (tmp_path / "11" / "stat").write_text(stat)
    reader = ProcessReader(tmp_path)
    assert reader.look_up([11])[11].identity is None
    assert reader.unknown() == NOBODY | {"gone": 1}


def test_nobody_is_not_looked_for() -> None:
    reader = ProcessReader()
    assert reader.look_up([0]) == {}
    assert reader.unknown() == NOBODY
