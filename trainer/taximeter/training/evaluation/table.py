"""An evaluation for a person."""

from __future__ import annotations

from collections.abc import Sequence

from taximeter.training.evaluation.report import ClassReport, Report, readable
from taximeter.training.evaluation.scores import Scores

_WIDTH = 22
_NAME_WIDTH = 32


def short_table(report: Report) -> str:
    """What holds for all classes together."""
    rows = [("accuracy", _percent(report.accuracy))]
    if report.top5_accuracy is not None:
        rows.append(("top-5 accuracy", _percent(report.top5_accuracy)))
    if report.macro is None:
        rows.append(("by class", "not with so many classes"))
    else:
        macro = report.macro
        rows += [
            ("precision", f"{_percent(macro.precision)} mean over the classes"),
            ("recall", _percent(macro.recall)),
            ("F1", _percent(macro.f1)),
        ]
    rows.append(("loss", f"{report.loss:.4f}"))
    about = report.subject
    of = " (synthetic: this is noise)" if about.synthetic else ""
    head = f"Evaluation of {about.run}, {about.model} after epoch {about.epoch}: {report.images:,} images, "
    return "\n".join([f"{head}{about.dataset}{of}", *(f"  {name:<{_WIDTH}}{value}" for name, value in rows)])


def whole_table(report: Report) -> str:
    """The same, and a line for each class."""
    if report.classes is None:
        return short_table(report)
    return f"{short_table(report)}\n\n{_by_class(report.classes)}"


def _by_class(classes: Sequence[ClassReport]) -> str:
    width = min(_NAME_WIDTH, max(len("class"), *(len(each.name) for each in classes)))
    head = f"  {'class':<{width}} {'images':>8} {'precision':>10} {'recall':>8} {'F1':>8}  mostly taken for"
    return "\n".join([head, *(_line(each, width) for each in classes)])


def _line(it: ClassReport, width: int) -> str:
    start = f"  {readable(it.name, width):<{width}} {it.images:>8,}"
    if it.scores is None:
        return f"{start} no image of it, and none taken for it"
    line = f"{start} {_measures(it.scores)}"
    if it.mostly_taken_for is None:
        return line
    other, images = it.mostly_taken_for
    return f"{line}  {readable(other, _NAME_WIDTH)} ({images:,})"


def _measures(its: Scores) -> str:
    return f"{_percent(its.precision):>10} {_percent(its.recall):>8} {_percent(its.f1):>8}"


def _percent(share: float) -> str:
    return f"{share:.2%}"
