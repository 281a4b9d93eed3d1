"""A value that comes from files, and follows them as they change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from taximeter_exporter.config.error import ConfigError

log = logging.getLogger(__name__)

_Value = TypeVar("_Value")


class Watched(Generic[_Value]):
    """Safe to call from any thread."""

    def __init__(self, read: Callable[[], _Value], files: Callable[[_Value], Sequence[Path]]) -> None:
        """`files` says of a value which files it is made of. Raises `ConfigError`."""
        self._read = read
        self._files = files
        self._lock = threading.Lock()
        self._value = read()
        self._seen = _state(files(self._value))

    def current(self) -> _Value:
        """As the files say now; what cannot be read leaves the last that could, and is logged once."""
        with self._lock:
            seen = _state(self._files(self._value))
            if seen != self._seen:
                self._seen = seen
                try:
                    self._value = self._read()
                except ConfigError as error:
                    log.error("%s; what it said before stays in force", error)
                else:
                    self._seen = _state(self._files(self._value))
            return self._value


def _state(files: Sequence[Path]) -> list[tuple[int, int, int] | None]:
    return [_stamp(path) for path in files]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
