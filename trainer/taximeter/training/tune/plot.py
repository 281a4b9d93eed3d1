"""The study as a picture: accuracy against money, trial by trial and over the whole study."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from taximeter.training.tune.outcome import Objective, Outcome, best

# Okabe and Ito's colours, which can be told apart by the colour-blind; and a mark for each, for those who see none
_MARKS = {
    "finished": ("#0072B2", "o"),
    "pruned": ("#999999", "v"),
    "budget": ("#D55E00", "s"),
    "interrupted": ("#CC79A7", "D"),
}


def plot(
    outcomes: Sequence[Outcome],
    path: Path,
    *,
    study: str,
    objective: Objective,
    target_accuracy: float | None,
    currency: str,
    overhead: Decimal,
    simulated: bool,
) -> None:
    """Write the picture as PNG; trials without accuracy or cost are left out. Raises `OSError`."""
    shown = [outcome for outcome in outcomes if outcome.accuracy is not None and outcome.cost is not None]
    figure = Figure(figsize=(10, 4.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    figure.suptitle(f"{study}{' (simulated money)' if simulated else ''}", fontsize=11)
    _trials(left, shown, best(outcomes, objective), currency)
    _progress(right, shown, currency, overhead)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.yaxis.set_major_formatter(lambda ratio, _: f"{ratio:.0%}")
        if target_accuracy is not None:
            axes.axhline(target_accuracy, color="#555555", linestyle="--", linewidth=1)
            axes.annotate(
                "target", (0.01, target_accuracy), xycoords=("axes fraction", "data"), va="bottom", fontsize=8
            )
    figure.savefig(path, format="png")


def _trials(axes: Axes, shown: Sequence[Outcome], found: Outcome | None, currency: str) -> None:
    for end, (colour, mark) in _MARKS.items():
        of_this = [outcome for outcome in shown if outcome.end == end]
        if of_this:
            axes.scatter(*_points(of_this), color=colour, marker=mark, label=end, zorder=3)
    if found is not None and found in shown:
        axes.scatter(*_points([found]), s=180, facecolors="none", edgecolors="black", label="best", zorder=4)
        place = float(found.cost or 0), found.accuracy or 0.0
        axes.annotate(f"trial {found.number}", place, (10, -3), textcoords="offset points", fontsize=8)
    axes.set(title="each trial", xlabel=f"cost of the trial ({currency})", ylabel="best validation accuracy")
    if shown:
        axes.legend(fontsize=8, loc="lower right")


def _progress(axes: Axes, shown: Sequence[Outcome], currency: str, overhead: Decimal) -> None:
    costs = [outcome.cost or Decimal(0) for outcome in shown]
    money = [float(overhead + total) for total in accumulate(costs)]
    highest = list(accumulate((outcome.accuracy or 0.0 for outcome in shown), max))
    axes.step(money, highest, where="post", color="#0072B2", marker=".")
    axes.set_xlim(left=0)
    axes.set(title="the study", xlabel=f"spent so far ({currency})")


def _points(outcomes: Sequence[Outcome]) -> tuple[list[float], list[float]]:
    return [float(outcome.cost or 0) for outcome in outcomes], [outcome.accuracy or 0.0 for outcome in outcomes]
