"""The bill's arithmetic, and that it never makes an amount up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from taximeter.bill import Bill, make_bill, show
from taximeter.cost import Quote
from taximeter.done import Done

QUOTE = Quote(cost={}, cost_per_hour={}, device_seconds=Decimal(60), devices=("GPU-0",), simulated=False, settled=True)


def done(**changes: Any) -> Done:
    given: dict[str, Any] = {
        "phases_ns": {"startup": 15_000_000_000, "forward_backward": 45_000_000_000},
        "passes": 4,
        "steps": 100,
        "samples": 6000,
        "best_accuracy": 0.96,
    }
    return Done(**(given | changes))


def bill(**changes: Any) -> Bill:
    given: dict[str, Any] = {
        "run": "r",
        "project": "vision",
        "result": "finished",
        "by_hand": False,
        "settled": True,
        "quote": QUOTE,
        "cost_per_hour": {"USD": Decimal(720)},
        "cost": {"USD": Decimal(12)},
        "done": done(),
        "flops_known": False,
        "peak_flops_per_second": None,
        "peak_memory": None,
        "target_accuracy": None,
        "remaining_seconds": None,
        "budget": {},
    }
    return make_bill(**(given | changes))


def test_what_each_thing_cost() -> None:
    made = bill()
    assert made.cost_per_epoch == {"USD": Decimal(3)}
    assert made.cost_per_1000_samples == {"USD": Decimal(2)}
    assert made.cost_per_accuracy_point == {"USD": Decimal("0.125")}
    assert [(part.phase, part.share, part.cost) for part in made.phases] == [
        ("startup", 0.25, {"USD": Decimal(3)}),
        ("forward_backward", 0.75, {"USD": Decimal(9)}),
    ]


def test_as_json() -> None:
    shown = bill().to_json()
    assert shown["cost"] == {"USD": "12.000000"}
    assert shown["cost_per_accuracy_point"] == {"USD": "0.125000"}
    assert (shown["source"], shown["note"], shown["seconds"], shown["device_seconds"]) == ("exporter", None, 60.0, 60.0)


def test_an_unknown_price_is_not_zero() -> None:
    made = bill(cost={}, cost_per_hour={}, quote=None, settled=False)
    assert made.to_json()["cost"] == {}
    assert made.to_json()["source"] == "unknown"
    table = made.to_table()
    assert "no exporter named a price" in table
    assert "0.00 " not in table


def test_an_unconfirmed_end_is_called_an_estimate() -> None:
    made = bill(settled=False)
    assert made.source == "estimate"
    assert "an estimate" in made.to_table()


def test_simulated_devices_are_named_as_such() -> None:
    simulated = Quote(
        cost={}, cost_per_hour={}, device_seconds=Decimal(1), devices=("SIM-0",), simulated=True, settled=True
    )
    made = bill(quote=simulated)
    assert made.to_json()["simulated"] is True
    assert "not real money" in made.to_table()


def test_what_was_not_reached_has_no_unit_cost() -> None:
    made = bill(done=Done())
    assert (made.cost_per_epoch, made.cost_per_1000_samples, made.cost_per_accuracy_point) == ({}, {}, {})


def test_money_for_a_person() -> None:
    assert show({"USD": Decimal("1234.5")}) == "1,234.50 USD"
    assert show({"EUR": Decimal("0.0123456789"), "USD": Decimal(0)}) == "0.012346 EUR + 0.000000 USD"
    assert show({}) == "not known"
