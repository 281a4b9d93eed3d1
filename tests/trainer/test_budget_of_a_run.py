"""A run's own budget holds to the nanosecond, whoever names the price."""

from __future__ import annotations

from decimal import Decimal

import pytest
from fakes.ticks import Ticks
from hypothesis import given
from hypothesis import strategies as st
from taximeter.budget import Budget
from taximeter.cost import NS_PER_HOUR, Quote, RunningCost

amounts = st.decimals("0.01", "100000", places=4)


def by_hand(ticks: Ticks, price: str, *, before: str = "0") -> RunningCost:
    cost = RunningCost(ticks)
    cost.begin({"USD": Decimal(price)}, at=ticks(), before={"USD": Decimal(before)})
    return cost


def quote(cost: dict[str, str], per_hour: dict[str, str]) -> Quote:
    return Quote(
        cost={currency: Decimal(amount) for currency, amount in cost.items()},
        cost_per_hour={currency: Decimal(amount) for currency, amount in per_hour.items()},
        device_seconds=Decimal(1),
        devices=(),
        simulated=False,
        settled=False,
    )


def test_spent_left_and_what_is_afforded(ticks: Ticks) -> None:
    budget = Budget(Decimal(20), "USD", by_hand(ticks, "3600"))
    ticks.advance(15)
    assert (budget.spent(), budget.left()) == (Decimal(15), Decimal(5))
    assert (budget.affords(0), budget.affords(5), budget.affords(5.000000001)) == (True, True, False)
    ticks.advance(5.5)
    assert budget.left() == Decimal("-0.5")
    assert budget.affords(0) is False


@given(limit=amounts, price=amounts, before=amounts, passed=st.integers(0, 10**15))
def test_a_budget_says_no_at_the_first_nanosecond_that_it_cannot_pay(
    limit: Decimal, price: Decimal, before: Decimal, passed: int
) -> None:
    ticks = Ticks()
    budget = Budget(limit, "USD", by_hand(ticks, str(price), before=str(before)))
    ticks.advance(passed / 1e9)
    began = Ticks()()
    exact = before + price * (ticks() - began) / NS_PER_HOUR
    assert budget.affords(0) is (exact <= limit)


def test_earlier_parts_of_the_run_count(ticks: Ticks) -> None:
    budget = Budget(Decimal(20), "USD", by_hand(ticks, "3600", before="19"))
    assert (budget.affords(1), budget.affords(1.1)) == (True, False)


def test_with_an_exporter_its_word_counts_and_then_its_price(ticks: Ticks) -> None:
    cost = RunningCost(ticks)
    budget = Budget(Decimal(20), "USD", cost)
    assert (budget.affords(0), budget.spent(), budget.left()) == (None, None, None)
    cost.update(quote({"USD": "10"}, {"USD": "3600"}), asked_at=ticks())
    ticks.advance(4)  # the exporter is away: its last price holds
    assert (budget.affords(6), budget.affords(6.5)) == (True, False)
    cost.update(quote({"USD": "18"}, {"USD": "7200"}), asked_at=ticks())
    assert (budget.affords(1), budget.affords(1.5)) == (True, False)


@pytest.mark.parametrize(("cost", "affords"), [("20", True), ("20.01", False)])
def test_where_nothing_costs_any_more_what_was_spent_decides(ticks: Ticks, cost: str, affords: bool) -> None:
    running = RunningCost(ticks)
    running.update(quote({"USD": cost}, {}), asked_at=ticks())
    assert Budget(Decimal(20), "USD", running).affords(1e9) is affords


def test_a_price_in_another_currency_says_nothing(ticks: Ticks) -> None:
    assert Budget(Decimal(20), "EUR", by_hand(ticks, "3600")).affords(1e9) is None


def test_it_says_until_when_the_money_lasts_and_says_so_anew_when_the_price_changes(ticks: Ticks) -> None:
    told: list[int | None] = []
    cost = RunningCost(ticks)
    Budget(Decimal(100), "USD", cost).watch(told.append)
    began = ticks()
    cost.update(quote({"USD": "10"}, {"USD": "3600"}), asked_at=began)
    cost.update(quote({"USD": "10"}, {"USD": "7200"}), asked_at=began)
    cost.update(quote({"EUR": "10"}, {"EUR": "7200"}), asked_at=began)
    cost.update(quote({"USD": "10"}, {}), asked_at=began)
    *known, forever = told
    assert known == [None, began + 90 * 10**9, began + 45 * 10**9, None]
    assert forever is not None
    assert forever > began + 10**18
