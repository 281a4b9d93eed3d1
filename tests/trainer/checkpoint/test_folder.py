"""Which checkpoints of a run are kept, and which one is gone on from."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.checkpoints import CONTENTS, header
from taximeter.training.checkpoint.error import CheckpointError
from taximeter.training.checkpoint.file import encode, read
from taximeter.training.checkpoint.folder import CheckpointFolder


def save(folder: CheckpointFolder, step: int, *, best: bool = False, keep: int = 2) -> Path:
    return folder.save(encode(header(step=step), {"model": {}}), step=step, best=best, keep=keep)


def steps(folder: CheckpointFolder) -> list[int]:
    return [read(path).step for path in folder.checkpoints()]


def test_the_newest_the_best_and_the_last_are_kept(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "checkpoints")
    for step in range(1, 7):
        save(folder, step, best=step in (1, 2))
    assert steps(folder) == [6, 5, 2]
    assert str((folder.path / "best.pt").readlink()) == "000002-step-2.pt"
    assert str((folder.path / "last.pt").readlink()) == "000006-step-6.pt"
    assert {path.name for path in folder.path.iterdir()} == {
        "000002-step-2.pt",
        "000005-step-5.pt",
        "000006-step-6.pt",
        "best.pt",
        "last.pt",
    }


@settings(max_examples=25, deadline=None)  # each save waits for the disk
@given(saves=st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=8), keep=st.integers(1, 4))
def test_the_one_written_last_is_gone_on_from_whatever_its_step(
    tmp_path_factory: pytest.TempPathFactory, saves: list[tuple[int, bool]], keep: int
) -> None:
    folder = CheckpointFolder(tmp_path_factory.mktemp("run"))
    for step, best in saves:
        save(folder, step, best=best, keep=keep)
    found = folder.newest_good()
    assert found is not None
    assert found.header.step == saves[-1][0] == read(folder.path / "last.pt").step
    assert steps(folder)[:keep] == [step for step, _ in reversed(saves)][:keep]
    best_steps = [step for step, best in saves if best]
    if best_steps:
        assert read(folder.path / "best.pt").step == best_steps[-1]
    assert len(folder.checkpoints()) <= keep + 1


def test_a_damaged_one_is_passed_over_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = CheckpointFolder(tmp_path)
    for step in (1, 2):
        save(folder, step)
    newest = folder.checkpoints()[0]
    newest.write_bytes(newest.read_bytes()[:-100])
    with caplog.at_level(logging.WARNING, "taximeter"):
        found = folder.newest_good()
    assert found is not None
    assert found.header.step == 1
    assert caplog.messages == [f"{newest}: cut short or altered, or {FOREIGN}: the one before it is used"]


FOREIGN = "not a checkpoint of taximeter train (for weights alone there is --weights)"


def test_none_that_is_whole_is_an_error_and_none_at_all_is_none(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    assert folder.newest_good() is None
    save(folder, 1)
    for path in folder.checkpoints():
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="no checkpoint there is whole; delete the folder, or name another --run"):
        folder.newest_good()


def test_what_a_killed_writer_left_is_cleared(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    (tmp_path / ".000001-step-1.pt.part").write_bytes(b"half of it")
    (tmp_path / ".last.pt.part").symlink_to("000001-step-1.pt")
    assert folder.newest_good() is None
    save(folder, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"000001-step-1.pt", "last.pt"}


def test_a_full_disk_costs_no_checkpoint_that_was_there(tmp_path: Path) -> None:
    """By the limit of a process on the size of its files: to the writer the same, ENOSPC but for the name."""
    folder = CheckpointFolder(tmp_path)
    for step in (1, 2):
        save(folder, step, best=True)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from taximeter.training.checkpoint.folder import CheckpointFolder\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
        "try: CheckpointFolder(Path(sys.argv[1])).save(bytes(10_000), step=3, best=True, keep=1)\n"
        "except OSError as wrong: print(wrong.strerror)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "File too large\n"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_one_process_at_a_time(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "r" / "checkpoints")
    code = (
        "import sys\nfrom pathlib import Path\nfrom taximeter.training.checkpoint.folder import CheckpointFolder\n"
        "with CheckpointFolder(Path(sys.argv[1])).locked(): print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(folder.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        wrong = re.escape(f"{tmp_path}/r: another process is training this run now")
        with pytest.raises(CheckpointError, match=wrong), folder.locked():
            pytest.fail("locked twice")
        process.kill()
    with folder.locked():
        assert [path.name for path in folder.path.iterdir()] == [".lock"]
    assert list(folder.path.iterdir()) == []


def test_the_contents_reach_the_file(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    data = encode(header(), CONTENTS)
    assert folder.save(data, step=1, best=False, keep=2).read_bytes() == bytes(data)
