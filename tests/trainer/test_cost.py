"""The money that the trainer sees, in exact decimals."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from fakes.ticks import Ticks
from taximeter.cost import Quote, RunningCost


def quote(cost: str, per_hour: str) -> Quote:
    return Quote(
        cost={"USD": Decimal(cost)},
        cost_per_hour={"USD": Decimal(per_hour)} if per_hour else {},
        device_seconds=Decimal(1),
        devices=("GPU-0",),
        simulated=False,
        settled=True,
    )


def test_the_last_word_and_the_price_since(ticks: Ticks) -> None:
    cost = RunningCost(ticks)
    cost.update(quote("1.50", "7.20"), asked_at=ticks())
    ticks.advance(5)
    assert cost.seen() == {"USD": Decimal("1.51")}


def test_what_is_not_booked_yet_has_been_spent(ticks: Ticks) -> None:
    cost = RunningCost(ticks)
    cost.update(replace(quote("1.50", "7.20"), unbooked_ns=10_000_000_000), asked_at=ticks())
    assert cost.seen() == {"USD": Decimal("1.52")}


def test_without_a_word_nothing_is_known() -> None:
    assert RunningCost().seen() == {}


def test_the_final_answer_stays(ticks: Ticks) -> None:
    cost = RunningCost(ticks)
    cost.update(quote("1.50", "7.20"), asked_at=ticks())
    cost.settle(quote("2.25", ""))
    ticks.advance(900)
    assert cost.seen() == {"USD": Decimal("2.25")}
    assert cost.price == {"USD": Decimal("7.20")}


def test_an_estimate_ends_with_the_run(ticks: Ticks) -> None:
    cost = RunningCost(ticks)
    cost.update(quote("0", "3600"), asked_at=ticks())
    ticks.advance(10)
    cost.stop()
    ticks.advance(400)
    assert cost.seen() == {"USD": Decimal(10)}
