"""Which pages are generated, and from what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from generate import alerts, exporter, trainer
from generate.metrics import page

_DOCS = Path(__file__).resolve().parents[1]

PAGES: Mapping[Path, Callable[[], str]] = {
    _DOCS / "alerts.md": alerts.page,
    _DOCS / "metrics.md": lambda: page((*exporter.TABLES, *trainer.TABLES)),
}
"""The text of each page, by its path."""
