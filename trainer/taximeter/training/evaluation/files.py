"""Writes what is told of an evaluation into a folder."""

from __future__ import annotations

import json
from pathlib import Path

from taximeter.training.checkpoint.file import write
from taximeter.training.evaluation.report import CONFUSION, EVALUATION, Report


def write_files(folder: Path, report: Report) -> tuple[Path, ...]:
    """Write `evaluation.json` and, if there is a matrix, `confusion.png`. Returns what was written.

    Each is there whole or as it was before. Raises `OSError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / EVALUATION]
    write(written[0], f"{json.dumps(report.to_json())}\n".encode())
    if report.confusion is not None:
        from taximeter.training.evaluation.plot import confusion_png  # noqa: PLC0415 (takes a second to load)

        written.append(folder / CONFUSION)
        write(written[1], confusion_png(report))
    return tuple(written)
