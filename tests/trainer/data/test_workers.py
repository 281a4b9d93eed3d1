"""Processes that read images: the same batches as without them, and an end whenever the training ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support.programs import wait_for
from taximeter.training.data.load import Data
from taximeter.training.data.workers import sensible_workers
from trainer.data.conftest import classes, lay, noise

# Between two batches all processes of the group are told to end, as Ctrl-C or a machine's end does; the training goes
# on for a while, as if to its checkpoint. Then it is killed.
PROGRAM = """
import io, os, signal, sys
from multiprocessing.forkserver import _forkserver
from pathlib import Path
import torch
from taximeter.training.config.schema import TrainConfig
from taximeter.training.data.load import load

if __name__ == "__main__":
    config = TrainConfig.of(dataset="folder", data_dir=Path(sys.argv[1]), image_size=80, workers=1, batch_size=2)
    data = load(config, device=torch.device("cpu"), stream=io.StringIO())
    batches = iter(data.training)
    next(batches)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, signal.SIG_IGN)
        os.killpg(0, signum)
    print(1 + len(list(batches)), len(list(data.validation)), _forkserver._forkserver_pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_make_the_same_batches(opened: Callable[..., Data]) -> None:
    tree = classes("train/", 6) | {f"train/a/x{seed}.jpg": noise(seed) for seed in range(4)} | classes("val/", 3)
    tree |= {"train/b/3.png": b"broken", "val/a/1.png": b"broken"}
    several = {"augment": "auto", "image_size": 96, "rotate": 20.0, "randaugment": 5, "mixup": 0.3}
    one, other = (opened(tree, workers=workers, batch_size=4, **several) for workers in (0, 2))
    for _ in range(2):
        for batches, others in ((one.training, other.training), (one.validation, other.validation)):
            for batch, its in zip(list(batches), list(others), strict=True):
                assert all(torch.equal(first, second) for first, second in zip(batch, its, strict=True))
    assert one.training.bytes_read == other.training.bytes_read
    # an epoch that is given up, and another place to go on from
    unbroken = [images for images, _ in one.training]
    next(iter(other.training))
    other.training.load_state_dict({"epoch": 2, "position": 2, "batches": 4})
    rest = [images for images, _ in other.training]
    assert len(rest) == 2
    assert all(torch.equal(first, second) for first, second in zip(unbroken[2:], rest, strict=True))


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_workers_end_with_the_training_and_not_before(tmp_path: Path) -> None:
    folder = lay(tmp_path / "images", classes("train/", 4) | classes("val/", 2))
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), str(folder)]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environ, start_new_session=True, check=False, timeout=600
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    training, validation, server = map(int, done.stdout.split())
    assert (training, validation) == (4, 2)
    wait_for(lambda: not is_there(server), "the process that makes workers lives on")


def test_as_many_workers_as_are_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    for processors, ranks, expected in ((1, "1", (1, 1)), (8, "1", (4, 8)), (64, "1", (16, 16)), (64, "8", (4, 8))):
        monkeypatch.setattr("taximeter.training.data.workers.cpu_count", lambda count=processors: count)
        monkeypatch.setenv("LOCAL_WORLD_SIZE", ranks)
        assert (sensible_workers(cpu), sensible_workers(gpu)) == expected
