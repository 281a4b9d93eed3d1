"""Money on the dashboards' panels is the ledger's, asked of a real Prometheus after a real run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from demo.web import get_json
from grafana.queries import ALL, dashboard_queries
from integration.conftest import RUN, Chain
from support.programs import wait_for

pytestmark = pytest.mark.binaries
DASHBOARDS = Path(__file__).parents[2] / "grafana" / "dashboards"


def shown(chain: Chain, dashboard: str, panel: str, ref_id: str = "A", **labels: str) -> float | None:
    """What a panel's query gives for the series with these labels; `None` as long as there is none."""
    queries = dashboard_queries(DASHBOARDS / f"{dashboard}.json", variables=ALL)
    (expr,) = (query.expr for query in queries if (query.panel, query.ref_id) == (panel, ref_id))
    values = [
        float(series["value"][1]) for series in chain.query(expr) if labels.items() <= dict(series["metric"]).items()
    ]
    assert len(values) <= 1, f"{panel} has several series with {labels}"
    return values[0] if values else None


def to_the_cent(value: float | None, due: float) -> bool:
    return value is not None and abs(value - due) < 0.005


@pytest.mark.parametrize(
    ("dashboard", "panel"),
    [("training-run", "Runs compared"), ("cost-now", "Dearest runs")],
    ids=["compared", "dearest"],
)
def test_what_a_run_cost(real_chain: Chain, dashboard: str, panel: str) -> None:
    due = float(real_chain.run()["cost"]["USD"])
    assert due > 0
    wait_for(
        lambda: to_the_cent(shown(real_chain, dashboard, panel, run=RUN, currency="USD"), due),
        f"{panel} never had the {due} USD of the ledger",
    )


def test_what_a_budget_spent(real_chain: Chain) -> None:
    answer: Any = get_json(f"{real_chain.stack.exporter.url}/api/v1/budgets")
    (budget,) = (budget for budget in answer["budgets"] if budget["budget"] == "demo")
    wait_for(
        lambda: to_the_cent(shown(real_chain, "budgets", "Budgets", "B", budget="demo"), float(budget["spent"])),
        f"the budget's row never had the {budget['spent']} USD of the ledger",
    )


@pytest.mark.parametrize(("panel", "period"), [("Today", "day"), ("This month", "month")])
def test_what_a_period_cost(real_chain: Chain, panel: str, period: str) -> None:
    """The machine goes on costing money: the panel has what the ledger had a moment before, and never more."""

    def ledger() -> float:
        overview = get_json(f"{real_chain.stack.exporter.url}/api/v1/overview")
        (cost,) = (spent["cost"]["USD"] for spent in overview["spent"] if spent["period"] == period)
        return float(cost)

    before = ledger()
    wait_for(
        lambda: (shown(real_chain, "cost-now", panel, currency="USD") or 0) >= before,
        f"{panel} never had the {before} USD of the ledger",
    )
    on_the_panel = shown(real_chain, "cost-now", panel, currency="USD")
    assert on_the_panel is not None
    assert on_the_panel <= ledger() + 1e-6  # which tells six places
