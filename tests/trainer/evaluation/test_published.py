"""The measures as metrics, and what is said at the end of a training."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from fakes.ticks import Ticks
from prometheus_client.parser import text_string_to_metric_families
from taximeter import Meter
from taximeter.training.evaluation.conclusion import conclude
from taximeter.training.evaluation.result import Counts, Evaluation

from .made import a_report

REPORT = a_report(7)
EVALUATION = Evaluation(
    loss=REPORT.loss,
    accuracy=REPORT.accuracy,
    counts=Counts(images=REPORT.images, top5=REPORT.images - 1, confusion=REPORT.confusion),
)


@contextmanager
def metered(**options: Any) -> Iterator[Meter]:
    """Nobody scrapes it afterwards."""
    meter = Meter("vision", listen="127.0.0.1:0", **options)
    try:
        yield meter
    finally:
        meter.close(last_scrape_seconds=0)


def scores(meter: Meter) -> dict[tuple[str, str], float]:
    assert meter.metrics_url is not None
    with urlopen(meter.metrics_url) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        (sample.name.removeprefix("taximeter_training_"), sample.labels["split"]): sample.value
        for family in families
        for sample in family.samples
        if sample.name.endswith("_ratio") and "split" in sample.labels
    }


def test_scores_are_metrics_of_their_split(caplog: pytest.LogCaptureFixture) -> None:
    with metered(price=1) as meter:
        assert scores(meter) == {}
        meter.log_scores(top5_accuracy=0.9, f1=0.5)
        meter.log_scores(split="train", precision=0.25)
        meter.log_scores(recall=1.5)
        meter.log_scores(precision=float("nan"))
        meter.log_scores(split="test", f1=0.1)  # type: ignore[arg-type]
        assert scores(meter) == {
            ("top5_accuracy_ratio", "validation"): 0.9,
            ("f1_ratio", "validation"): 0.5,
            ("precision_ratio", "train"): 0.25,
        }
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "recall is not what it should be, and is left out: 1.5 is not from 0 to 1",
        "precision is not what it should be, and is left out: nan is not from 0 to 1",
        "there is no split 'test', its values are left out; splits: train, validation",
    ]


def test_a_training_ends_with_all_measures(tmp_path: Path) -> None:
    stream = io.StringIO()
    with metered(price=1) as meter:
        conclude(EVALUATION, REPORT.subject, folder=tmp_path, meter=meter, stream=stream)
        assert REPORT.macro is not None
        assert scores(meter) == {
            ("top5_accuracy_ratio", "validation"): 499 / 500,
            ("precision_ratio", "validation"): REPORT.macro.precision,
            ("recall_ratio", "validation"): REPORT.macro.recall,
            ("f1_ratio", "validation"): REPORT.macro.f1,
        }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["confusion.png", "evaluation.json"]
    assert f"  F1                    {REPORT.macro.f1:.2%}\n" in stream.getvalue()
    assert f"  {tmp_path / 'confusion.png'}\n" in stream.getvalue()


def test_a_budget_that_leaves_no_time_is_kept(tmp_path: Path) -> None:
    stream, ticks = io.StringIO(), Ticks()
    with metered(price=3600, budget=Decimal(9), clock=ticks) as meter:
        conclude(EVALUATION, REPORT.subject, folder=tmp_path, meter=meter, stream=stream)
    assert list(tmp_path.iterdir()) == []
    assert "taximeter evaluate --run made-up" in stream.getvalue()


def test_a_folder_that_cannot_be_written_undoes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    stream = io.StringIO()
    with metered(price=1) as meter:
        conclude(EVALUATION, REPORT.subject, folder=tmp_path / "file", meter=meter, stream=stream)
    assert "accuracy" in stream.getvalue()
    assert f"the evaluation cannot be written to {tmp_path / 'file'}" in caplog.text
