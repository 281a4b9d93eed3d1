"""An evaluation as JSON, as tables, and as a picture."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib import pyplot
from PIL import Image
from taximeter.training.evaluation.files import write_files
from taximeter.training.evaluation.plot import confusion_png
from taximeter.training.evaluation.report import make_report
from taximeter.training.evaluation.result import Counts, Evaluation
from taximeter.training.evaluation.table import short_table, whole_table

from .made import a_report


def test_the_file_has_all_measures(tmp_path: Path) -> None:
    report = a_report(7)
    written = write_files(tmp_path / "run", report)
    assert [path.name for path in written] == ["evaluation.json", "confusion.png"]
    read = json.loads(written[0].read_text())
    assert (read["run"], read["model"], read["epoch"], read["images"]) == ("made-up", "resnet18", 7, 500)
    assert read["top5_accuracy"] == 499 / 500
    confusion = read["confusion"]
    assert sum(map(sum, confusion)) == 500
    third = read["classes"][3]
    assert third["class"] == "class 3"
    assert third["images"] == sum(confusion[3])
    assert third["taken"] == sum(row[3] for row in confusion)
    assert third["recall"] == pytest.approx(confusion[3][3] / sum(confusion[3]))
    assert third["precision"] == pytest.approx(confusion[3][3] / third["taken"])
    assert third["mostly_taken_for"] == {"class": "class 4", "images": confusion[3][4]}
    assert read["macro"]["recall"] == pytest.approx(sum(each["recall"] for each in read["classes"]) / 7)


def test_the_top_five_of_five_say_nothing() -> None:
    assert a_report(5).top5_accuracy is None
    assert "top-5" not in short_table(a_report(5))
    assert "  top-5 accuracy        99.80%" in short_table(a_report(6))


def test_tables_for_a_person() -> None:
    report = a_report(6, names=("cat", "dog", "fox", "hen", "owl", "a name that is longer than any column"))
    assert report.macro is not None and report.classes is not None
    lines = whole_table(report).splitlines()
    assert lines[0] == "Evaluation of made-up, resnet18 after epoch 7: 500 images, folder"
    assert f"  accuracy              {report.accuracy:.2%}" in lines
    assert f"  F1                    {report.macro.f1:.2%}" in lines
    assert lines[: len(short_table(report).splitlines())] == short_table(report).splitlines()
    (fox,) = (line.split() for line in lines if line.strip().startswith("fox"))
    its = report.classes[2]
    assert its.scores is not None and its.mostly_taken_for is not None
    assert fox[1:3] == [str(its.images), f"{its.scores.precision:.2%}"]
    assert fox[-2:] == ["hen", f"({its.mostly_taken_for[1]})"]
    assert len({line.index("%") for line in lines[-6:]}) == 1, "columns are in line"


def test_noise_is_said_to_be_noise() -> None:
    report = a_report(6, synthetic=True)
    assert "synthetic: this is noise" in short_table(report)
    assert report.to_json()["synthetic"] is True


def test_too_many_classes_for_a_matrix(tmp_path: Path) -> None:
    subject = a_report(6).subject
    counts = Counts(images=10, top5=9, confusion=None)
    report = make_report(subject, Evaluation(loss=1.0, accuracy=0.5, counts=counts))
    assert [path.name for path in write_files(tmp_path, report)] == ["evaluation.json"]
    read = json.loads((tmp_path / "evaluation.json").read_text())
    assert (read["accuracy"], read["macro"], read["classes"], read["confusion"]) == (0.5, None, None, None)
    assert "not with so many classes" in whole_table(report)


@pytest.mark.parametrize("classes", [2, 10, 100, 1000])
def test_the_picture_is_one(classes: int) -> None:
    report = a_report(classes, images=20 * classes)
    figures = pyplot.get_fignums()
    picture = Image.open(io.BytesIO(confusion_png(report))).convert("RGB")
    assert pyplot.get_fignums() == figures, "matplotlib's global state is left alone"
    colours = picture.getcolors(maxcolors=1 << 24)
    assert colours is not None
    background = max(colours)[1]
    assert isinstance(background, tuple) and min(background) > 240, "light"
    # every row has a cell on the diagonal at least a pixel high, dark by the share that is right
    assert picture.height >= 600
    assert classes <= picture.height * 0.9


def test_a_picture_shows_where_the_mistakes_are() -> None:
    report = a_report(10)
    assert report.confusion is not None
    right = replace(report, confusion=report.confusion.diag().diag())
    assert confusion_png(report) != confusion_png(right)
    assert confusion_png(report) == confusion_png(report)


def test_any_name_can_be_drawn() -> None:
    names = ("$x$ $", "猫", "a\udcffb", "new\nline", "x" * 300, "%s {0}")
    assert confusion_png(a_report(6, names=names)).startswith(b"\x89PNG")
    assert whole_table(a_report(6, names=names)).encode()
