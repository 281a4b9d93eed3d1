"""The study as a table, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from taximeter.bill import show
from taximeter.training.tune.outcome import Objective, Outcome, best, spent

_HEAD = ("trial", "result", "epochs", "accuracy", "cost", "cost to target")


def to_json(
    outcomes: Sequence[Outcome],
    *,
    study: str,
    objective: Objective,
    target_accuracy: float | None,
    currency: str,
    budget: Decimal | None,
    overhead: Decimal,
) -> dict[str, Any]:
    """As JSON values; money as strings in `currency`."""
    found = best(outcomes, objective)
    return {
        "study": study,
        "objective": objective,
        "target_accuracy": target_accuracy,
        "currency": currency,
        "budget": None if budget is None else f"{budget:f}",
        "spent": f"{spent(outcomes) + overhead:f}",
        "overhead": f"{overhead:f}",
        "best": None if found is None else found.number,
        "trials": [outcome.to_json() for outcome in outcomes],
    }


def to_table(outcomes: Sequence[Outcome], *, study: str, objective: Objective, currency: str, overhead: Decimal) -> str:
    """For a person; the best trial is marked."""
    names = list(dict.fromkeys(name for outcome in outcomes for name in outcome.settings))
    found = best(outcomes, objective)
    rows = [[*_HEAD, *names], *(_row(outcome, names, currency, marked=outcome is found) for outcome in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    known = any(outcome.cost is not None for outcome in outcomes)
    total = f"{_money(spent(outcomes) + overhead, currency)}, {_money(overhead, currency)} of it to get ready"
    summary = [f"{len(outcomes)} trials, total {total if known else 'not known'}", _said(found, objective, currency)]
    return "\n".join([f"Study {study}", *lines, "", *(f"  {line}" for line in summary)])


def _row(outcome: Outcome, names: Sequence[str], currency: str, *, marked: bool) -> list[str]:
    return [
        f"{'* ' if marked else ''}{outcome.number}",
        outcome.end,
        str(outcome.epochs),
        "" if outcome.accuracy is None else f"{outcome.accuracy:.2%}",
        _money(outcome.cost, currency),
        _money(outcome.cost_to_target, currency),
        *(_setting(outcome.settings.get(name)) for name in names),
    ]


def _money(amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else show({currency: amount})


def _setting(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _said(found: Outcome | None, objective: Objective, currency: str) -> str:
    if found is None:
        return "no trial reached the target" if objective == "cost" else "no trial was evaluated"
    chosen = ", ".join(f"{name} {_setting(value)}" for name, value in found.settings.items())
    if objective == "cost" and found.cost_to_target is not None:
        return f"cheapest to the target: trial {found.number}, {_money(found.cost_to_target, currency)}: {chosen}"
    return f"best: trial {found.number}, {found.accuracy or 0:.2%}: {chosen}"
