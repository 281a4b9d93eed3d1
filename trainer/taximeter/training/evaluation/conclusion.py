"""The end of a training: how good its best weights are, in all measures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TextIO

from taximeter import Meter
from taximeter.training.evaluation.report import make_report
from taximeter.training.evaluation.result import Evaluation
from taximeter.training.evaluation.subject import Subject
from taximeter.training.evaluation.table import short_table

EXPECTED_SECONDS = 10.0
"""To reckon, draw and write it, on a slow machine: what a budget must leave for it."""

_log = logging.getLogger("taximeter")


def conclude(evaluation: Evaluation, subject: Subject, *, folder: Path | None, meter: Meter, stream: TextIO) -> None:
    """Show a person the measures that hold for all classes, publish them, and write all of them into the folder.

    Nothing is judged anew. Where the budget does not leave the time, that is said instead; and a folder that cannot be
    written does not undo the training.
    """
    with meter.phase("evaluation"):
        if not meter.affords(EXPECTED_SECONDS):
            stream.write(f"the budget leaves no time for all measures: taximeter evaluate --run {subject.run}\n")
            return
        report = make_report(subject, evaluation)
        meter.log_scores(
            top5_accuracy=report.top5_accuracy,
            **({} if report.macro is None else {name: getattr(report.macro, name) for name in _MACRO}),
        )
        stream.write(f"{short_table(report)}\n")
        if folder is None:
            return
        from taximeter.training.evaluation.files import write_files  # noqa: PLC0415

        try:
            stream.write("".join(f"  {path}\n" for path in write_files(folder, report)))
        except OSError as wrong:
            _log.warning("the evaluation cannot be written to %s: %s", folder, wrong.strerror or wrong)


_MACRO = ("precision", "recall", "f1")
