"""What all benchmarks have in common: their options, and how figures are shown."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Figures = TypeVar("Figures")


def show(
    doc: str | None,
    measure: Callable[[], Figures],
    in_words: Callable[[Figures], str],
    holds: Callable[[Figures], bool],
) -> int:
    """Measure, print the figures in words or as JSON, and return the exit status: 1 if they do not hold."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0] if doc else None)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    as_json = parser.parse_args().format == "json"
    figures = measure()
    text: Any = json.dumps(figures, indent=2) + "\n" if as_json else in_words(figures)
    sys.stdout.write(text)
    return 0 if holds(figures) else 1


def lines(rows: Iterable[tuple[str, str]]) -> str:
    """One figure a line: its name, and what it is."""
    return "".join(f"{name:<18}{value}\n" for name, value in rows)
