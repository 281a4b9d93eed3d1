"""Images that cannot be decoded: each is named once, and too many end the run."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from taximeter.training.config.error import ConfigError
from taximeter.training.data.source import Source

TOLERATED_SHARE = 0.01
TOLERATED = 10
"""Images of a split that may be broken, or that share of them where it is more."""

_log = logging.getLogger("taximeter")


class Broken:
    """Counts the broken images of a split."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tolerated = max(TOLERATED, int(len(source) * TOLERATED_SHARE))
        self._seen: set[int] = set()

    def __len__(self) -> int:
        return len(self._seen)

    def note(self, broken: Iterable[tuple[int, str]]) -> None:
        """Images and why they cannot be decoded. Raises `ConfigError` once they are too many."""
        for index, reason in broken:
            if index in self._seen:
                continue
            self._seen.add(index)
            _log.warning("%s is left out: %s", self._source.name(index), reason)
            if len(self._seen) > self._tolerated or len(self._seen) == len(self._source):
                raise ConfigError(
                    "data_dir",
                    f"{len(self._seen)} of {len(self._source)} images cannot be decoded, the last one "
                    f"{self._source.name(index)}: {reason}; remove them, or put them right",
                )
