"""A record of what a run has done, kept beside it, so that a kill loses neither time nor money from sight."""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path

from taximeter.done import Done, done_from_json
from taximeter.quick_event import QuickEvent

_LONGEST_BYTES = 1 << 20

_log = logging.getLogger("taximeter")


class Journal:
    """Adds a line with a run's `Done` to a file every `every_seconds`, from a thread of its own.

    The last whole line counts. The file is kept open, since to open it anew takes a training ten times as long as to
    add to it; before it grows too long it is begun anew with the last line alone, which takes its place at once.
    """

    def __init__(self, path: Path, read: Callable[[], Done], *, every_seconds: float) -> None:
        self._path = path
        self._read = read
        self._every_seconds = every_seconds
        self._file: FileIO | None = None
        self._room = 0
        self._closing = QuickEvent()
        self._complained = False
        self._thread = threading.Thread(target=self._keep, name="taximeter-journal", daemon=True)

    def start(self) -> None:
        """Write in the background."""
        self._thread.start()

    def close(self) -> None:
        """Write a last time."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._write()
        self._hang_up()

    def _keep(self) -> None:
        while not self._closing.wait(self._every_seconds):
            self._write()

    def _write(self) -> None:
        # The line's end comes first: what is left of a line that there was no room for does not spoil the next.
        line = f"\n{json.dumps(self._read().to_json())}".encode()
        try:
            self._room -= len(line)
            if self._file is None or self._room < 0:
                self._begin_anew(line)
            elif self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as wrong:
            self._hang_up()
            if not self._complained:
                _log.warning("%s cannot be written (%s): after a kill, lost work will not be known", self._path, wrong)
            self._complained = True

    def _begin_anew(self, line: bytes) -> None:
        self._hang_up()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_name(f"{self._path.name}.part")
        part.write_bytes(line)
        self._file = FileIO(part, "a")
        part.replace(self._path)
        self._room = _LONGEST_BYTES

    def _hang_up(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read_journal(path: Path) -> Done | None:
    """What was recorded last; `None`, and a word of it, if there is nothing that can be read."""
    try:
        return _last_whole(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as wrong:
        _log.warning("%s is left out (%s): what was lost before this start is not known", path, wrong)
        return None


def _last_whole(text: bytes) -> Done:
    """A kill or a full disk cuts a line short: then the one before counts. Raises `ValueError` if there is none."""
    *before, last = text.splitlines() or [b""]
    try:
        return done_from_json(json.loads(last))
    except ValueError:
        for line in reversed(before):
            with suppress(ValueError):
                return done_from_json(json.loads(line))
        raise
