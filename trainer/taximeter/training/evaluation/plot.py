"""The confusion matrix as a picture."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from torch import Tensor

from taximeter.training.evaluation.report import Report, readable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI = 100
_ALL_COUNTS = 25
"""Up to so many classes each cell shows how many images it stands for."""
_ALL_NAMES = 120
"""Up to so many classes each has its name at its row and column; of more, some of them at equal distances."""
_SOME_NAMES = 50
_LISTED = 24
"""The most frequent confusions are listed beside a matrix whose cells are too small to be read."""
_NAME_LENGTH = 24
_TITLE_LENGTH = 60


def confusion_png(report: Report) -> bytes:
    """Rows are true classes, columns answers; a cell's colour is the share of its row. Needs `report.confusion`.

    Drawn without a screen and without matplotlib's global state, so that nothing of the training's is changed.
    """
    assert report.confusion is not None  # noqa: S101
    confusion, names = report.confusion, [readable(name, _NAME_LENGTH) for name in report.subject.classes]
    classes = len(names)
    inches = max(6.0, min(20.0, 2.5 + 0.18 * classes)) if classes > _ALL_COUNTS else max(6.0, 2.0 + 0.5 * classes)
    listed = classes > _ALL_COUNTS
    figure = Figure(figsize=(inches + 4.0 * listed, inches), dpi=_DPI, facecolor="white")
    figure.set_layout_engine("constrained", h_pad=0.2, w_pad=0.2)  # inches
    canvas = FigureCanvasAgg(figure)
    if listed:
        plot, text = figure.subplots(1, 2, width_ratios=(inches, 4.0))
        _list(text, confusion, names)
    else:
        plot = figure.subplots()
    _draw(plot, confusion, names)
    figure.suptitle(_title(report), parse_math=False)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of letters that the font lacks; a box stands for them
        canvas.print_png(file)  # type: ignore[no-untyped-call]
    return file.getvalue()


def _draw(plot: Axes, confusion: Tensor, names: list[str]) -> None:
    classes = len(names)
    shares = confusion.double() / confusion.sum(1, keepdim=True).clamp(min=1)
    # The root of the share: what is rarely mistaken would not be seen beside what is mostly right.
    plot.imshow(shares.numpy(), cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    every = 1 if classes <= _ALL_NAMES else -(-classes // _SOME_NAMES)
    ticks = range(0, classes, every)
    size = 9 if classes <= _ALL_COUNTS else 7
    plot.set_xticks(ticks, names[::every], rotation=90, fontsize=size, parse_math=False)
    plot.set_yticks(ticks, names[::every], fontsize=size, parse_math=False)
    plot.set_xlabel("taken for")
    plot.set_ylabel("is")
    if classes > _ALL_COUNTS:
        return
    for row, counts in enumerate(confusion.tolist()):
        for column, count in enumerate(counts):
            if count:
                colour = "white" if shares[row, column] > 0.4 else "black"
                plot.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize=8)


def _list(text: Axes, confusion: Tensor, names: list[str]) -> None:
    """The most frequent confusions in words."""
    wrong = confusion.clone().fill_diagonal_(0).view(-1)
    most = wrong.topk(min(_LISTED, len(wrong)))
    lines = [
        f"{count:>6}  {names[place // len(names)]} → {names[place % len(names)]}"
        for count, place in zip(most.values.tolist(), most.indices.tolist(), strict=True)
        if count
    ]
    text.set_axis_off()
    head = "Most frequent confusions\nimages  is → taken for\n" if lines else "No confusions"
    text.text(0, 1, "\n".join([head, *lines]), va="top", fontsize=9, transform=text.transAxes, parse_math=False)


def _title(report: Report) -> str:
    about = report.subject
    dataset = f"{about.dataset} (synthetic: noise)" if about.synthetic else readable(about.dataset, _TITLE_LENGTH)
    return f"{about.run}, epoch {about.epoch}\n{report.accuracy:.2%} of {report.images:,} images of {dataset}"
