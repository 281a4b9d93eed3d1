"""What is typed: one command a file, each with `add` (its options) and a function that runs it."""

from taximeter_exporter.cli.main import main

__all__ = ["main"]
