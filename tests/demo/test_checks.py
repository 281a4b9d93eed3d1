"""What the demo says of itself holds only if it does."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from demo.checks import (
    CheckFailed,
    booked_cost,
    ended_run,
    equal_to_the_cent,
    in_words,
    percentages,
    thresholds_arrived,
)
from support.exposition import serve_exposition
from support.metered import Machine


def usd(amount: str) -> dict[str, Decimal]:
    return {"USD": Decimal(amount)}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (usd("12.345678"), usd("12.345678"), True),
        (usd("12.345678"), usd("12.345677999999999"), True),
        (usd("12.345"), usd("12.3500"), False),
        (usd("12.34"), usd("12.35"), False),
        (usd("12.34"), {"EUR": Decimal("12.34")}, False),
        (usd("12.34"), {}, False),
        ({}, {}, False),
    ],
)
def test_equal_to_the_cent(one: dict[str, Decimal], other: dict[str, Decimal], equal: bool) -> None:
    assert equal_to_the_cent(one, other) is equal


def alert(**changes: Any) -> dict[str, Any]:
    labels = {"alertname": "TaximeterBudgetThreshold", "budget": "demo", "threshold": "0.5", **changes}
    return {"status": labels.pop("status", "firing"), "labels": labels}


def test_only_firing_alerts_of_the_budget_count() -> None:
    alerts = [
        alert(),
        alert(threshold="1"),
        alert(threshold="0.8", status="resolved"),
        alert(threshold="0.9", budget="other"),
        {"status": "firing", "labels": {"alertname": "TaximeterExporterDown"}},
    ]
    assert thresholds_arrived(alerts, "demo") == {Decimal("0.5"), Decimal("1")}


def test_words() -> None:
    assert in_words({"USD": Decimal("12.345"), "EUR": Decimal(3)}) == "12.34 USD and 3.00 EUR"
    assert in_words({}) == "nothing"
    assert percentages({Decimal("1.0"), Decimal("0.5")}) == "50%, 100%"


@pytest.mark.parametrize(("state", "result"), [("active", "null"), ("ended", '"failed"'), ("ended", '"expired"')])
def test_a_run_that_did_not_finish_fails_the_check(state: str, result: str) -> None:
    with serve_exposition() as exporter:
        exporter.text = f'{{"state": "{state}", "result": {result}, "cost": {{}}}}'
        with pytest.raises(CheckFailed, match=f"run r-1 is {state}"):
            ended_run(f"http://127.0.0.1:{exporter.port}", "r-1")
        exporter.text = '{"state": "ended", "result": "finished", "cost": {}}'
        assert ended_run(f"http://127.0.0.1:{exporter.port}", "r-1")["cost"] == {}


def test_the_cost_of_a_run_is_reckoned_from_the_ledgers_own_rows(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger.db")
    machine.start()
    run = machine.register()
    machine.clock.advance(seconds=7)
    machine.end(run)
    machine.register("another")
    machine.clock.advance(seconds=5)
    assert booked_cost(tmp_path / "ledger.db", "run") == {"USD": Decimal(7)}
    machine.kill()
    with pytest.raises(CheckFailed, match="cannot be read"):
        booked_cost(tmp_path / "absent.db", "run")
