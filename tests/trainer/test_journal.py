"""What a run has done is on the disk, whole, whatever comes in between."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.programs import wait_for
from taximeter import journal as module
from taximeter.done import Done
from taximeter.journal import Journal, read_journal


def done(steps: int) -> Done:
    return Done(steps=steps, samples=8 * steps, phases_ns={"forward_backward": steps * 10**9})


class Doing:
    """A run whose steps are counted by hand."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self) -> Done:
        return done(self.steps)


@pytest.fixture
def doing() -> Doing:
    return Doing()


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """The system itself takes no byte more into any file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write(journal: Journal, doing: Doing, steps: int) -> None:
    doing.steps = steps
    journal._write()


def test_it_holds_the_last_that_was_done(tmp_path: Path, doing: Doing) -> None:
    path = tmp_path / "runs" / "r" / "journal.jsonl"
    doing.steps = 1
    journal = Journal(path, doing, every_seconds=0.01)
    journal.start()
    wait_for(path.exists, "was not written")
    assert read_journal(path) == done(1)
    doing.steps = 2
    wait_for(lambda: read_journal(path) == done(2), "was not written again")
    doing.steps = 3
    journal.close()
    assert read_journal(path) == done(3)
    assert [file.name for file in path.parent.iterdir()] == ["journal.jsonl"]


def test_what_an_earlier_run_left_is_replaced(tmp_path: Path, doing: Doing) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text("something else")
    Journal(path, doing, every_seconds=3600).close()
    assert read_journal(path) == done(0)
    assert "something else" not in path.read_text()


def test_a_line_cut_short_leaves_the_one_before(tmp_path: Path, doing: Doing) -> None:
    """At whatever byte."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, doing, every_seconds=3600)
    write(journal, doing, 1)
    whole = len(path.read_bytes())
    write(journal, doing, 2)
    journal._hang_up()
    text = path.read_bytes()
    for length in range(whole, len(text)):
        path.write_bytes(text[:length])
        assert read_journal(path) == done(1)


def test_a_full_disk_costs_no_more_than_what_there_was_no_room_for(
    tmp_path: Path, doing: Doing, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, doing, every_seconds=3600)
    write(journal, doing, 1)
    with no_room_beyond(path.stat().st_size + 10):
        write(journal, doing, 2)
        assert read_journal(path) == done(1)
    with no_room_beyond(10):
        write(journal, doing, 3)
    assert read_journal(path) == done(1)
    write(journal, doing, 4)
    assert read_journal(path) == done(4)
    write(journal, doing, 5)
    assert read_journal(path) == done(5)
    journal._hang_up()
    assert [message.split(" (")[0] for message in caplog.messages] == [f"{path} cannot be written"]


def test_it_does_not_grow_without_end(tmp_path: Path, doing: Doing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_BYTES", 1000)
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, doing, every_seconds=3600)
    sizes = []
    for steps in range(100):
        write(journal, doing, steps)
        assert read_journal(path) == done(steps)
        sizes.append(path.stat().st_size)
    journal._hang_up()
    assert max(sizes) < 1000 + 2 * sizes[0] < sum(sizes)
    assert sizes[0] < sizes[1] < sizes[2], "was begun anew each time"


@pytest.mark.parametrize("text", ["", "{", "{}", "null", "\n"])
def test_one_that_cannot_be_read_is_said(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(text)
    assert read_journal(path) is None
    assert f"{path} is left out" in caplog.text


def test_one_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "journal.jsonl", Doing(), every_seconds=3600)
    journal.close()
    journal.close()
    assert len(caplog.messages) == 1
    assert "cannot be written" in caplog.text


def test_where_there_was_none_there_is_nothing_to_say(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_journal(tmp_path / "journal.jsonl") is None
    assert caplog.messages == []
