"""The checkpoints of one run: the newest few, the best and the last."""

from __future__ import annotations

import fcntl
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from taximeter.training.checkpoint.error import CheckpointError, Damaged
from taximeter.training.checkpoint.file import PART_SUFFIX, read, write
from taximeter.training.checkpoint.header import Header

BEST = "best.pt"
LAST = "last.pt"
_LOCK = ".lock"

_NAME = re.compile(r"(\d{6,})-step-(\d+)\.pt")

_log = logging.getLogger("taximeter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A checkpoint that is whole."""

    path: Path
    header: Header


class CheckpointFolder:
    """Files are called `000007-step-154.pt`, the first number by the order in which they were written.

    A run that went back to an older checkpoint so still has its newest one last. `best.pt` and `last.pt` are links.
    One process at a time may write; any may read meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def checkpoints(self) -> list[Path]:
        """The newest first."""
        found = ((_NAME.fullmatch(path.name), path) for path in self._files())
        return [path for _, path in sorted(((int(name[1]), path) for name, path in found if name), reverse=True)]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within, no other process may write here. The lock goes with the process, whatever ends it.

        Raises `CheckpointError` if another process has it, and `OSError` if the folder cannot be made.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / _LOCK
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CheckpointError(
                    f"{self.path.parent}: another process is training this run now; wait for it, or name another --run"
                ) from None
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    def save(self, data: memoryview | bytes, *, step: int, best: bool, keep: int) -> Path:
        """Write a checkpoint, and then delete all but the newest `keep`, the best and the last.

        Raises `OSError`; then everything that was there before is still there.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._clear_parts()
        newest = next(iter(self.checkpoints()), None)
        number = 1 if newest is None else _number(newest) + 1
        path = self.path / f"{number:06d}-step-{step}.pt"
        write(path, data)
        self._point(LAST, path)
        if best:
            self._point(BEST, path)
        _sync(self.path)
        self._rotate(keep)
        return path

    def newest_good(self) -> Found | None:
        """The newest checkpoint that is whole; warns of each newer one that is not. `None` if there is none at all.

        Raises `CheckpointError` if there are checkpoints and none of them is whole, or one is of another format.
        """
        paths = self.checkpoints()
        for position, path in enumerate(paths):
            try:
                header = read(path)
            except Damaged as damaged:
                rest = "the one before it is used" if position + 1 < len(paths) else "and there is none before it"
                _log.warning("%s: %s", damaged, rest)
            else:
                return Found(path=path, header=header)
        if paths:
            raise CheckpointError(
                f"{self.path}: no checkpoint there is whole; delete the folder, or name another --run, to begin anew"
            )
        return None

    def _files(self) -> Iterator[Path]:
        return self.path.iterdir() if self.path.is_dir() else iter(())

    def _clear_parts(self) -> None:
        """What a process left that was killed while it wrote."""
        for path in list(self._files()):
            if path.name.endswith(PART_SUFFIX):
                path.unlink(missing_ok=True)

    def _point(self, name: str, target: Path) -> None:
        link = self.path / f".{name}{PART_SUFFIX}"
        link.symlink_to(target.name)
        link.replace(self.path / name)

    def _rotate(self, keep: int) -> None:
        pointed = {(self.path / name).resolve().name for name in (BEST, LAST)}
        for path in self.checkpoints()[keep:]:
            if path.name not in pointed:
                path.unlink(missing_ok=True)


def _number(path: Path) -> int:
    return int(path.name.partition("-")[0])


def _sync(folder: Path) -> None:
    """A name is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
