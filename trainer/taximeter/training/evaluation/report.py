"""What is told of an evaluation: the content of `evaluation.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from taximeter.training.evaluation import scores
from taximeter.training.evaluation.result import TOP, Evaluation
from taximeter.training.evaluation.scores import Scores
from taximeter.training.evaluation.subject import Subject

EVALUATION = "evaluation.json"
CONFUSION = "confusion.png"
"""In a run's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassReport:
    """One class."""

    name: str
    images: int
    """That are of it."""
    taken: int
    """Images that were taken for it, rightly or not."""
    scores: Scores | None
    """`None` if no image is of it, nor was taken for it."""
    mostly_taken_for: tuple[str, int] | None
    """The other class that most of its images were taken for, and how many; `None` if none was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All measures of an evaluation; ratios are from 0 to 1."""

    subject: Subject
    images: int
    loss: float
    """Cross-entropy, mean over the images, in nats."""
    accuracy: float
    top5_accuracy: float | None
    """`None` with five classes or fewer, of which it would say nothing."""
    macro: Scores | None
    """The mean over the classes, each counting alike. `None` here and below: too many classes for a matrix."""
    classes: tuple[ClassReport, ...] | None
    confusion: Tensor | None
    """Images by true class (row) and answer (column), classes×classes int64."""

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        about = asdict(self.subject)
        del about["classes"]
        return {
            **about,
            "images": self.images,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "top5_accuracy": self.top5_accuracy,
            "macro": _json(self.macro),
            "classes": None if self.classes is None else [_class_json(each) for each in self.classes],
            "confusion": None if self.confusion is None else self.confusion.tolist(),
        }


def make_report(subject: Subject, evaluation: Evaluation) -> Report:
    """Reckon all measures. Raises `ValueError` if only loss and accuracy of the evaluation were kept."""
    counts = evaluation.counts
    if counts is None:
        raise ValueError("what was taken for what was not counted")
    confusion = counts.confusion
    return Report(
        subject=subject,
        images=counts.images,
        loss=evaluation.loss,
        accuracy=evaluation.accuracy,
        top5_accuracy=counts.top5 / counts.images if len(subject.classes) > TOP else None,
        macro=None if confusion is None else scores.macro(confusion),
        classes=None if confusion is None else _classes(subject.classes, confusion),
        confusion=confusion,
    )


def _classes(names: tuple[str, ...], confusion: Tensor) -> tuple[ClassReport, ...]:
    wrong = confusion.clone().fill_diagonal_(0)
    most, where = (values.tolist() for values in wrong.max(1))
    images, taken = confusion.sum(1).tolist(), confusion.sum(0).tolist()
    return tuple(
        ClassReport(
            name=name,
            images=images[number],
            taken=taken[number],
            scores=its,
            mostly_taken_for=(names[where[number]], most[number]) if most[number] else None,
        )
        for number, (name, its) in enumerate(zip(names, scores.by_class(confusion), strict=True))
    )


def readable(name: str, length: int) -> str:
    """A name for a person: no longer than there is room for, and without what is no text in it."""
    text = "".join(letter if letter.isprintable() else "?" for letter in name)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _json(its: Scores | None) -> Mapping[str, float] | None:
    return None if its is None else asdict(its)


def _class_json(it: ClassReport) -> dict[str, Any]:
    other = it.mostly_taken_for
    return {
        "class": it.name,
        "images": it.images,
        "taken": it.taken,
        **(_json(it.scores) or dict.fromkeys(("precision", "recall", "f1"))),
        "mostly_taken_for": None if other is None else {"class": other[0], "images": other[1]},
    }
