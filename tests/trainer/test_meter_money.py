"""What the meter says of money: by hand, with a budget, over kills and resumes; on the bill and as metrics."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import taximeter
from fakes.exporter import FakeExporter
from fakes.ticks import Ticks
from support.programs import wait_for
from trainer.conftest import Build
from trainer.test_meter import key, scrape


def train(meter: taximeter.Meter, ticks: Ticks, steps: int) -> None:
    for _ in meter.steps([[1, 2]] * steps):
        ticks.advance(1)


def test_a_price_by_hand_asks_no_exporter(build: Build, exporter: FakeExporter, ticks: Ticks) -> None:
    meter = build(price=3600, currency="EUR")
    ticks.advance(2)
    train(meter, ticks, 10)
    assert meter.cost() == {"EUR": Decimal(12)}
    assert scrape(meter)[key("cost", currency="EUR")] == 12
    ticks.advance(1)
    bill = meter.end()
    ticks.advance(100)
    assert exporter.calls == []
    assert (bill.cost, bill.cost_per_hour, bill.source) == (
        {"EUR": Decimal(13)},
        {"EUR": Decimal(3600)},
        "price by hand",
    )
    assert "given by hand" in bill.to_table()
    assert bill.device_seconds is None
    assert scrape(meter)[key("cost", currency="EUR")] == 13
    assert meter.end() is bill


def test_a_price_by_hand_from_the_environment(build: Build, ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAXIMETER_PRICE", "0.1")
    monkeypatch.setenv("TAXIMETER_CURRENCY", "CHF")
    meter = build()
    ticks.advance(3600)
    assert meter.cost() == {"CHF": Decimal("0.1")}


def test_the_exporters_cost_is_not_published_twice(build: Build, ticks: Ticks) -> None:
    meter = build()
    train(meter, ticks, 1)
    assert meter.cost() == {"USD": Decimal(1)}
    assert key("cost", currency="USD") not in scrape(meter)


def test_a_budget_stops_a_loop_in_time(build: Build, ticks: Ticks) -> None:
    meter = build(price="3600", budget=20)
    assert scrape(meter)[key("budget_limit", currency="USD")] == 20
    steps = 0
    for _ in meter.steps([[1]] * 1000):
        ticks.advance(1.5)
        steps += 1
        if not meter.affords(1.5):
            break
    assert steps == 13
    assert meter.budget is not None
    assert (meter.budget.spent(), meter.budget.left()) == (Decimal("19.5"), Decimal("0.5"))
    bill = meter.end("budget")
    assert (bill.to_json()["budget"], bill.cost) == ({"USD": "20.000000"}, {"USD": Decimal("19.5")})


def test_a_budget_holds_while_the_exporter_is_away(
    build: Build, exporter: FakeExporter, ticks: Ticks, caplog: pytest.LogCaptureFixture
) -> None:
    meter = build(budget="20")
    exporter.stop()
    ticks.advance(15)
    assert (meter.affords(5), meter.affords(5.1)) == (True, False)
    assert [text for text in caplog.messages if "budget" in text] == []


def test_a_budget_without_a_price_is_said_once(
    build: Build, exporter: FakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    exporter.price_per_hour = {"EUR": Decimal(1)}
    meter = build(budget=20)
    assert meter.affords(1e9)
    assert meter.affords(1e9)
    assert caplog.messages == ["no price is known in USD: the budget cannot be kept until there is"]


def test_without_a_budget_everything_is_afforded(build: Build) -> None:
    meter = build(price=3600)
    assert meter.budget is None
    assert meter.affords(1e9)


def test_the_bill_counts_what_all_ranks_did_and_the_metrics_what_each_did(
    build: Build, exporter: FakeExporter, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "4")
    meter = build()
    meter.log_flops(per_sample=1e12, peak_per_second=8e12)
    train(meter, ticks, 10)
    kept = meter.state_dict()
    bill = meter.end()
    assert (bill.steps, bill.samples, kept["samples"]) == (10, 80, 80)
    assert (bill.flops_per_second, bill.flops_utilization) == (8e12, 0.25)
    assert bill.cost_per_1000_samples == {currency: amount * 1000 / 80 for currency, amount in bill.cost.items()} != {}
    assert exporter.runs["r"].progress["samples"] == 80
    shown = scrape(meter)
    assert (shown[key("samples_total")], shown[key("flops_total")]) == (20, 20e12)
    # Gone on with in fewer processes: what was done before stays what it was.
    monkeypatch.setenv("WORLD_SIZE", "2")
    again = build(run="again", price=1)
    again.load_state_dict(kept)
    train(again, ticks, 10)
    assert again.end().samples == 80 + 40


def test_other_ranks_have_no_budget(build: Build, ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    meter = build(price=3600, budget=1)
    ticks.advance(100)
    assert (meter.budget, meter.affords(0), meter.cost()) == (None, True, {})


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"price": -1}, "price: -1 is not what an hour costs"),
        ({"price": "dear"}, "price: 'dear' is not what an hour costs"),
        ({"price": float("nan")}, "price: nan is not what an hour costs"),
        ({"price": True}, "price: True is not what an hour costs"),
        ({"budget": 0}, "budget: 0 is not what a run may cost"),
        ({"price": 1, "currency": "dollar"}, "currency: 'dollar' is not a currency"),
    ],
)
def test_amounts_that_are_none_are_refused_at_the_start(build: Build, given: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}"):
        build(**given)


def test_a_plan_gives_a_forecast(build: Build, ticks: Ticks) -> None:
    meter = build(price=3600)
    ticks.advance(5)
    meter.plan(epochs=4)
    assert key("remaining_seconds") not in scrape(meter)
    train(meter, ticks, 10)
    shown = scrape(meter)
    assert (shown[key("remaining_seconds")], shown[key("cost_forecast", currency="USD")]) == (30, 45)
    bill = meter.end("stopped")
    assert (bill.remaining_seconds, bill.cost_to_finish) == (30, {"USD": Decimal(30)})
    assert "30.00 USD in 30.0 s more" in bill.to_table()


def test_with_an_exporter_the_forecast_stands_on_its_word(build: Build, ticks: Ticks) -> None:
    meter = build()
    meter.plan(steps=20)
    train(meter, ticks, 5)
    assert scrape(meter)[key("cost_forecast", currency="USD")] == 20


def test_time_and_cost_to_an_accuracy(build: Build, ticks: Ticks) -> None:
    meter = build(price=7200)
    meter.plan(target_accuracy=0.85)
    for accuracy in (0.15, 0.75, 0.5, 0.875):
        ticks.advance(10)
        meter.log(accuracy=accuracy, split="validation")
    shown = scrape(meter)
    assert (shown[key("time_to_accuracy_seconds", accuracy="0.1")], shown[key("epochs_total")]) == (10, 0)
    assert shown[key("cost_to_accuracy", accuracy="0.7", currency="USD")] == 40
    assert shown[key("time_to_accuracy_seconds", accuracy="0.85")] == 40
    assert key("time_to_accuracy_seconds", accuracy="0.9") not in shown
    bill = meter.end()
    assert bill.cost_to_target == {"USD": Decimal(80)}
    assert bill.to_json()["cost_to_target"] == {"USD": "80.000000"}
    assert "to 0.85 accuracy      80.00 USD in 40.0 s" in bill.to_table()


def test_goodput_is_what_bought_progress(build: Build, ticks: Ticks) -> None:
    meter = build(price=3600)
    ticks.advance(20)
    for _ in meter.steps([[1]] * 10):
        ticks.advance(6)
    with meter.phase("checkpoint"):
        ticks.advance(20)
    meter.lost(steps=2, seconds=12)
    assert scrape(meter)[key("goodput_ratio")] == 0.48
    bill = meter.end()
    assert (bill.goodput, bill.lost.steps, bill.lost.cost) == (0.48, 2, {"USD": Decimal(12)})
    assert "48.0% of the money bought progress that was kept" in bill.to_table()
    assert "lost, 2 steps               12.0 s   12.0%   12.00 USD" in bill.to_table()


def killed(meter: taximeter.Meter) -> None:
    """The journal is all that is left, as it was last written."""
    assert meter._journal is not None
    meter._journal._write()
    meter._journal._closing.set()
    meter._journal._hang_up()
    meter._journal = None


def test_a_killed_run_is_resumed_with_all_its_money(build: Build, ticks: Ticks, tmp_path: Path) -> None:
    journal = tmp_path / "meter.json"
    first = build(run="first", price=3600, journal=journal)
    ticks.advance(2)
    train(first, ticks, 10)
    checkpoint = json.loads(json.dumps(first.state_dict()))
    train(first, ticks, 3)
    killed(first)

    ticks.advance(1000)  # nobody runs
    second = build(run="second", price=3600, budget=40, journal=journal, resume=True)
    assert second.cost() == {"USD": Decimal(15)}
    ticks.advance(2)
    second.load_state_dict(checkpoint)
    assert second.cost() == {"USD": Decimal(17)}
    train(second, ticks, 10)
    assert (second.affords(13), second.affords(13.5)) == (True, False)
    shown = scrape(second)
    assert (shown[key("lost_steps_total")], shown[key("lost_seconds_total")]) == (3, 3)
    assert shown[key("steps_total")] == 10  # of this process
    assert shown[key("cost", currency="USD")] == 27
    bill = second.end()
    assert (bill.steps, bill.samples, bill.epochs, bill.seconds) == (23, 46, 2, 27)
    assert bill.cost == {"USD": Decimal(27)}
    assert (bill.lost.steps, bill.lost.cost, bill.goodput) == (3, {"USD": Decimal(3)}, 20 / 27)


def test_with_an_exporter_its_ledger_has_the_money_of_all_parts(
    build: Build, exporter: FakeExporter, ticks: Ticks, tmp_path: Path
) -> None:
    journal = tmp_path / "meter.json"
    first = build(journal=journal)
    train(first, ticks, 10)
    checkpoint = first.state_dict()
    train(first, ticks, 5)
    first.end("stopped")
    second = build(journal=journal, resume=True)
    second.load_state_dict(checkpoint)
    train(second, ticks, 10)
    assert exporter.runs["r"].progress.get("step", 20) <= 20  # where the model is, not what was done
    bill = second.end()
    assert (bill.cost, bill.source) == ({"USD": Decimal(25)}, "exporter")
    assert (bill.steps, bill.lost.steps, bill.lost.cost) == (25, 5, {"USD": Decimal(5)})
    assert exporter.runs["r"].progress["step"] == 20


@pytest.mark.parametrize("state", [None, {}, {"version": 1}, [], "state"])
def test_a_state_that_is_none_is_said_and_left_out(build: Build, state: Any, caplog: pytest.LogCaptureFixture) -> None:
    meter = build(price=1)
    meter.load_state_dict(state)
    assert "the meter's state is left out" in caplog.text
    assert meter.done.steps == 0


def test_what_was_counted_comes_out(build: Build, ticks: Ticks) -> None:
    meter = build(price=3600)
    meter.log_flops(per_sample=1e12, peak_per_second=8e12)
    meter.log_memory(3 * 2**30)
    train(meter, ticks, 4)
    meter.count_oom()
    shown = scrape(meter)
    assert shown[key("flops_total")] == 8e12
    assert shown[key("peak_flops_per_second")] == 8e12
    assert (shown[key("peak_memory_bytes")], shown[key("out_of_memory_total")]) == (3 * 2**30, 1)
    bill = meter.end()
    assert (bill.flops_per_second, bill.flops_utilization, bill.out_of_memory) == (2e12, 0.25, 1)
    table = bill.to_table()
    assert "operations            2 TFLOP/s, 25.0% of the peak" in table
    assert "peak memory           3.00 GiB" in table


def test_a_model_is_counted_and_one_that_cannot_be_is_said(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    meter = build(price=1)

    class Model:
        pass

    assert meter.measure_flops(Model(), [1, 2]) is None
    assert "could not be counted" in caplog.text


def test_nothing_that_is_said_wrongly_breaks_a_training(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    meter = build(price=3600, budget=20)
    for _ in range(2):
        wrong: tuple[Any, ...] = (-1, "many", None, float("nan"), float("inf"), [], True)
        for given in wrong:
            meter.read_bytes(given)
            meter.log_memory(given)
            meter.log_flops(per_sample=given)
            meter.lost(steps=given, seconds=given)
            meter.affords(given)
            meter.plan(epochs=given, target_accuracy=given)
            meter.log(loss=given, learning_rate=given, grad_norm=given, epoch=given, split=given)
            meter.log(accuracy=given, split="validation")
            with meter.phase(given):
                pass
            scrape(meter)
    assert meter.affords(1)
    assert len(caplog.messages) == len(set(caplog.messages))
    assert len(caplog.messages) < 20


def test_a_program_may_publish_more(build: Build) -> None:
    from prometheus_client import Gauge

    meter = build(price=1)
    Gauge("answers", "Of all questions.", ("run", "rank"), registry=meter.registry).labels("r", "0").set(42)
    assert scrape(meter)["answers", frozenset()] == 42


def test_a_dearer_price_is_heeded_at_the_next_step(build: Build, exporter: FakeExporter, ticks: Ticks) -> None:
    meter = build(budget=1000)
    assert meter.affords(10)  # 1 USD a second: far away
    exporter.price_per_hour = {"USD": Decimal(3600 * 200)}
    wait_for(lambda: meter.cost_per_hour == {"USD": Decimal(3600 * 200)}, "the price has not come")
    assert [meter.affords(seconds) for seconds in (4.9, 5.1, 61)] == [True, False, False]
