"""How much room there is for the ledger, and how much it takes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PARTS = ("", "-wal")
"""The database, and what SQLite has not yet moved into it (the write-ahead log)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerDisk:
    """At one moment."""

    free_bytes: int
    """That the exporter's user may still use of the file system."""
    size_bytes: int
    """Of the ledger's files."""


def ledger_disk(ledger: Path) -> LedgerDisk | None:
    """Asks the file system, and may hang as long as that does; `None` if it does not tell."""
    sizes = []
    try:
        system = os.statvfs(ledger)
        for part in _PARTS:
            path = ledger.with_name(ledger.name + part)
            sizes.append(path.stat().st_size if path.exists() else 0)
    except OSError:
        return None
    return LedgerDisk(free_bytes=system.f_bavail * system.f_frsize, size_bytes=sum(sizes))
