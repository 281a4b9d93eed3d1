"""Which checkpoint a run goes on from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from taximeter.training.checkpoint.error import CheckpointError
from taximeter.training.checkpoint.file import peek, read
from taximeter.training.checkpoint.folder import CheckpointFolder, Found

CHECKPOINTS = "checkpoints"
"""Folder of a run's folder."""


def checkpoints_of(output: Path, run: str) -> CheckpointFolder:
    """Where a run's checkpoints are."""
    return CheckpointFolder(output / run / CHECKPOINTS)


def find(resume: str, *, output: Path, run: str | None, project: str) -> Found | None:
    """The checkpoint that `resume` (auto, or a path) means; `None` if auto finds none, and a new run begins.

    `auto` with a `run` is the newest checkpoint of that run that is whole; without, that of the run of the project
    which wrote one last. Raises `CheckpointError`.
    """
    if resume != "auto":
        return _certain(Path(resume), run)
    if run is not None:
        return checkpoints_of(output, run).newest_good()
    for folder in _by_age(output):
        if _project(folder) == project:
            return folder.newest_good()
    return None


def _certain(path: Path, run: str | None) -> Found:
    try:
        found = Found(path=path, header=read(path))
    except OSError as wrong:
        raise CheckpointError(
            f"--resume: {path}: {wrong.strerror or wrong}; auto, or the path of a checkpoint"
        ) from None
    if run not in (None, found.header.run):
        raise CheckpointError(
            f"--run: {run} cannot go on from {path}, a checkpoint of the run {found.header.run}; leave --run out"
        )
    return found


def _by_age(output: Path) -> Iterator[CheckpointFolder]:
    """The runs that have checkpoints; the one that wrote one last first."""
    folders = [CheckpointFolder(path) for path in output.glob(f"*/{CHECKPOINTS}")]
    newest = [(folder.checkpoints()[0].stat().st_mtime_ns, folder) for folder in folders if folder.checkpoints()]
    return (folder for _, folder in sorted(newest, key=lambda pair: pair[0], reverse=True))


def _project(folder: CheckpointFolder) -> str | None:
    for path in folder.checkpoints():
        try:
            return peek(path).project
        except CheckpointError:
            continue
    return None
