"""A record of what a run has done, kept beside it, so that a kill loses neither time nor money from sight."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from taximeter.done import Done, done_from_json

_WRITE_SECONDS = 1.0

_log = logging.getLogger("taximeter")


class Journal:
    """Writes a run's `Done` to a file about once a second, from a thread of its own, each time whole or not at all."""

    def __init__(self, path: Path, read: Callable[[], Done], *, every_seconds: float = _WRITE_SECONDS) -> None:
        self._path = path
        self._read = read
        self._every_seconds = every_seconds
        self._closing = threading.Event()
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

    def _keep(self) -> None:
        while not self._closing.wait(self._every_seconds):
            self._write()

    def _write(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_name(f"{self._path.name}.part")
            part.write_text(json.dumps(self._read().to_json()), encoding="utf-8")
            part.replace(self._path)
        except OSError as wrong:
            if not self._complained:
                _log.warning("%s cannot be written (%s): after a kill, lost work will not be known", self._path, wrong)
            self._complained = True


def read_journal(path: Path) -> Done | None:
    """What was recorded last; `None`, and a word of it, if there is nothing that can be read."""
    try:
        return done_from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as wrong:
        _log.warning("%s is left out (%s): what was lost before this start is not known", path, wrong)
        return None
