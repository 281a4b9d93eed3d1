"""What the demo prints. Lines do not tear the progress bar that shares the terminal with them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

_ERASE_LINE = "\r\x1b[K"
STEPS = 5


def say(text: str = "") -> None:
    """Print lines at once."""
    start = _ERASE_LINE if text and sys.stdout.isatty() else ""
    print(start + text, flush=True)  # noqa: T201 (printing is what it is for)


def step(number: int, text: str) -> None:
    """Print what happens next."""
    say(f"[{number}/{STEPS}] {text}")


def alert_in_words(alert: Mapping[str, Any]) -> str:
    """One alert in a line."""
    head = "resolved" if alert["status"] == "resolved" else alert["severity"]
    return f"{alert['received_at'][11:19]} UTC  {head:8}  {alert['summary']}"


def table(rows: Sequence[tuple[str, str]], indent: int = 4) -> str:
    """Two columns."""
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"{'':{indent}}{left:{width}}  {right}" for left, right in rows)
