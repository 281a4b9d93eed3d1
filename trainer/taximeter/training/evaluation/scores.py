"""Precision, recall and F1 from a confusion matrix, by torchmetrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torchmetrics.classification import MulticlassF1Score, MulticlassPrecision, MulticlassRecall


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """All from 0 to 1. What divides by nothing is 0, as scikit-learn has it too."""

    precision: float
    """Of the images that were taken for a class, the share that is of it."""
    recall: float
    """Of the images of a class, the share that was taken for it."""
    f1: float
    """The harmonic mean of both."""


class _FromConfusion:
    """`update` takes a confusion matrix: the images were counted before torchmetrics was there.

    To load torchmetrics takes a second, which a training pays once, at its end.
    """

    tp: Tensor
    fp: Tensor
    tn: Tensor
    fn: Tensor

    def update(self, confusion: Tensor) -> None:
        """`confusion` has a row for each true class and a column for each answer."""
        hits = confusion.diag()
        taken, there = confusion.sum(0), confusion.sum(1)
        self.tp = self.tp + hits
        self.fp = self.fp + taken - hits
        self.fn = self.fn + there - hits
        self.tn = self.tn + confusion.sum() - taken - there + hits


class _Precision(_FromConfusion, MulticlassPrecision):  # type: ignore[misc]  # `update` takes something else
    pass


class _Recall(_FromConfusion, MulticlassRecall):  # type: ignore[misc]
    pass


class _F1(_FromConfusion, MulticlassF1Score):  # type: ignore[misc]
    pass


def macro(confusion: Tensor) -> Scores:
    """The mean over the classes, each counting alike; but for those that no image is of, nor was taken for."""
    precision, recall, f1 = (float(score) for score in _computed(confusion, "macro"))
    return Scores(precision=precision, recall=recall, f1=f1)


def by_class(confusion: Tensor) -> tuple[Scores | None, ...]:
    """For each class; `None` if no image is of it, nor was taken for it."""
    known = ((confusion.sum(0) + confusion.sum(1)) > 0).tolist()
    scores = zip(*(score.tolist() for score in _computed(confusion, "none")), strict=True)
    return tuple(
        Scores(precision=precision, recall=recall, f1=f1) if is_known else None
        for is_known, (precision, recall, f1) in zip(known, scores, strict=True)
    )


def _computed(confusion: Tensor, average: Literal["macro", "none"]) -> list[Tensor]:
    results = []
    for kind in (_Precision, _Recall, _F1):
        metric = kind(num_classes=len(confusion), average=average, validate_args=False)
        metric.update(confusion.double())
        results.append(metric.compute())
    return results
