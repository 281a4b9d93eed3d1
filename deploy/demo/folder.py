"""The folder in which one demo keeps everything that it writes, anew each time."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = ".taximeter-demo"


class FolderRefused(Exception):
    """The folder is somebody else's, or in use. Says which and what to do."""


@contextmanager
def fresh_folder(folder: Path) -> Iterator[Path]:
    """The folder, emptied of what a demo before this one left, and held until the end. Raises `FolderRefused`.

    Only a folder that a demo made is emptied. What this demo writes stays there to be looked at.
    """
    mark = folder / MARK
    if folder.exists() and not mark.exists() and any(folder.iterdir()):
        raise FolderRefused(f"--folder {folder} holds other things; name a folder that is empty or not there yet")
    folder.mkdir(parents=True, exist_ok=True)
    with mark.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderRefused(f"a demo runs already in {folder}; end it, or name another --folder") from None
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != mark:
                entry.unlink()
        yield folder
