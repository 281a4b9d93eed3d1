"""Where what was downloaded or computed is kept: beside nothing of the user's."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/taximeter`, by default `~/.cache/taximeter`; it may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "taximeter"
