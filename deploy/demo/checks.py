"""What has to hold after the demo's run, each read back from the part that a person would look at."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from demo.web import get_json

BUDGET_ALERT = "TaximeterBudgetThreshold"
_HALF_A_CENT = Decimal("0.005")
_NS_PER_HOUR = 3600 * 10**9
_RUN_ROWS = (
    "SELECT usage.quantity, rate.price, rate.devices, rate.currency FROM usage JOIN run ON run.id = usage.run"
    " JOIN rate ON rate.id = usage.rate WHERE run.name = ? AND usage.category = 'compute'"
)


class CheckFailed(Exception):
    """Something does not hold. Says what, with both values."""


def ended_run(exporter_url: str, run: str) -> Mapping[str, Any]:
    """The run as the exporter's API tells it. Raises `CheckFailed` unless it finished, `NoAnswer`."""
    answer: Mapping[str, Any] = get_json(f"{exporter_url}/api/v1/runs/{run}")
    if answer["state"] != "ended" or answer["result"] != "finished":
        raise CheckFailed(f"run {run} is {answer['state']} with result {answer['result']}, not finished")
    return answer


def told_cost(run: Mapping[str, Any]) -> dict[str, Decimal]:
    """What a run cost as the exporter's API tells it, by currency."""
    return {currency: Decimal(amount) for currency, amount in run["cost"].items()}


def booked_cost(ledger: Path, run: str) -> dict[str, Decimal]:
    """What a run cost by the rows of the ledger's own file, by currency; reckoned here and not by the exporter.

    Raises `CheckFailed` if the file cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute(_RUN_ROWS, (run,)).fetchall()
    except sqlite3.Error as error:
        raise CheckFailed(f"the ledger {ledger} cannot be read: {error}") from error
    cost: dict[str, Decimal] = {}
    for ns, per_hour, devices, currency in rows:
        cost[currency] = cost.get(currency, Decimal()) + Decimal(ns) * Decimal(per_hour) / devices / _NS_PER_HOUR
    return cost


def prometheus_cost(prometheus_url: str, run: str) -> dict[str, Decimal]:
    """What a run cost as Prometheus last scraped it, by currency. Raises `NoAnswer`."""
    answer = get_json(f"{prometheus_url}/api/v1/query", query=f'taximeter_run_cost_total{{run="{run}"}}')
    return {entry["metric"]["currency"]: Decimal(entry["value"][1]) for entry in answer["data"]["result"]}


def equal_to_the_cent(one: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> bool:
    """Whether two costs are the same money: less than half a cent apart in every currency, and not nothing at all."""
    return bool(one) and one.keys() == other.keys() and all(abs(one[at] - other[at]) < _HALF_A_CENT for at in one)


def in_words(cost: Mapping[str, Decimal]) -> str:
    """Money as a person reads it: `12.34 USD`."""
    return " and ".join(f"{amount:.2f} {currency}" for currency, amount in cost.items()) or "nothing"


def thresholds_arrived(alerts: Iterable[Mapping[str, Any]], budget: str) -> set[Decimal]:
    """The thresholds of a budget of which the receiver was told."""
    return {
        Decimal(alert["labels"]["threshold"])
        for alert in alerts
        if alert["status"] == "firing"
        and alert["labels"].get("alertname") == BUDGET_ALERT
        and alert["labels"].get("budget") == budget
    }


def percentages(thresholds: Iterable[Decimal]) -> str:
    """Thresholds as a person reads them: `50%, 80%`."""
    return ", ".join(f"{threshold * 100:.0f}%" for threshold in sorted(thresholds)) or "none"
