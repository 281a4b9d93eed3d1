"""What has to hold after the demo's run, each read back from the part that a person would look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from demo.web import get_json

BUDGET_ALERT = "TaximeterBudgetThreshold"
_HALF_A_CENT = Decimal("0.005")


class CheckFailed(Exception):
    """Something does not hold. Says what, with both values."""


def ended_run(exporter_url: str, run: str) -> Mapping[str, Any]:
    """The run as the exporter's API tells it. Raises `CheckFailed` unless it finished, `NoAnswer`."""
    answer: Mapping[str, Any] = get_json(f"{exporter_url}/api/v1/runs/{run}")
    if answer["state"] != "ended" or answer["result"] != "finished":
        raise CheckFailed(f"run {run} is {answer['state']} with result {answer['result']}, not finished")
    return answer


def ledger_cost(run: Mapping[str, Any]) -> dict[str, Decimal]:
    """What a run cost by the ledger, by currency."""
    return {currency: Decimal(amount) for currency, amount in run["cost"].items()}


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
