"""A checkpoint file is whole, or known not to be."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.checkpoints import CONTENTS, header, same
from taximeter.training.checkpoint.error import CheckpointError, Damaged
from taximeter.training.checkpoint.file import encode, load, peek, read, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "000001-step-7.pt"
    write(target, encode(header(step=7), CONTENTS))
    return target


def test_what_was_written_is_what_is_read(path: Path) -> None:
    assert read(path) == peek(path) == header(step=7)
    assert same(load(path), CONTENTS)
    assert list(path.parent.iterdir()) == [path]


def test_anyone_reads_it_with_torch_alone(path: Path) -> None:
    for mapped in (False, True):
        assert same(torch.load(path, weights_only=True, mmap=mapped), CONTENTS)


def test_the_header_is_read_without_torch(path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None\nfrom pathlib import Path\n"
    code += "from taximeter.training.checkpoint.file import read\nprint(read(Path(sys.argv[1])).step)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "7\n"


def test_cut_short_anywhere_it_is_known(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(Damaged, match=r"000001-step-7\.pt: cut short or altered"):
            read(path)


def test_altered_anywhere_it_is_known(path: Path) -> None:
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
        with pytest.raises(Damaged):
            read(path)


def test_another_format_is_named(path: Path) -> None:
    write(path, encode(header(format=9), CONTENTS))
    with pytest.raises(CheckpointError, match="has format 9, and this version of Taximeter reads format 1"):
        read(path)


def test_weights_alone_are_no_checkpoint(path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match=r"not a checkpoint of taximeter train \(for weights alone there"):
        read(path)
    with pytest.raises(CheckpointError, match="not a checkpoint of taximeter train"):
        peek(path)


def test_code_in_a_file_is_never_run(path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("touch run-by-the-file",)

    write(path, encode(header(), {"model": Evil()}))
    read(path)
    with pytest.raises(CheckpointError, match="torch cannot read it"):
        load(path)
    assert not Path("run-by-the-file").exists()


def test_a_disk_that_is_full_leaves_what_was_there(path: Path) -> None:
    before = path.read_bytes()
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom taximeter.training.checkpoint.file import write\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try: write(Path(sys.argv[1]), bytes(10_000))\nexcept OSError as wrong: print(wrong.errno)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"{errno.EFBIG}\n"
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_whenever_it_is_read_it_is_whole(path: Path) -> None:
    """A writer overwrites one file for ever, is looked at 20 times, and is killed."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom taximeter.training.checkpoint.file import write\n"
        "data = Path(sys.argv[1]).read_bytes()\nprint('on', flush=True)\n"
        "while True: write(Path(sys.argv[1]), data); print(end='.', flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        for _ in range(20):
            process.stdout.read(3)
            process.send_signal(signal.SIGSTOP)
            assert read(path).step == 7
            process.send_signal(signal.SIGCONT)
        process.kill()
    assert read(path).step == 7
