"""What serving counts, and what 1,000 predictions cost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry, disable_created_metrics
from taximeter.cost import Money
from taximeter.training.serve.metrics import ALL, ServingMetrics


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def cost(registry: CollectorRegistry, currency: str = "USD") -> float | None:
    labels = {"run": "r", "currency": currency}
    return registry.get_sample_value("taximeter_serving_cost_per_1000_predictions", labels)


def test_cost_by_the_last_minute(clock: Clock) -> None:
    metrics = ServingMetrics("r", lambda: {"USD": Decimal(36), "EUR": Decimal(18)}, clock)
    assert cost(metrics.registry) is None, "no predictions, no cost of a prediction"
    clock.now += 10
    metrics.predicted(50)
    # 36 USD an hour is a cent a second; 5 predictions a second
    assert cost(metrics.registry) == pytest.approx(0.01 / 5 * 1000)
    assert cost(metrics.registry, "EUR") == pytest.approx(0.005 / 5 * 1000)
    clock.now += 50
    metrics.predicted(10)
    assert cost(metrics.registry) == pytest.approx(0.01 * 1000), "60 in a minute"
    clock.now += 30
    assert cost(metrics.registry) == pytest.approx(0.01 * 60 / 10 * 1000), "the first 50 are longer ago"
    clock.now += 31
    assert cost(metrics.registry) is None, "none within a minute"


def test_without_a_price_there_is_no_cost(clock: Clock) -> None:
    price: Money = {}
    metrics = ServingMetrics("r", lambda: price, clock)
    clock.now += 1
    metrics.predicted(5)
    assert metrics.per_second() == 5
    assert "taximeter_serving_cost_per_1000_predictions" not in {family.name for family in metrics.registry.collect()}


def test_requests_by_their_status(clock: Clock) -> None:
    metrics = ServingMetrics("r", dict, clock)
    for code in (200, 200, 415):
        metrics.answered(code, 0.02)
    registry = metrics.registry
    assert registry.get_sample_value("taximeter_serving_requests_total", {"run": "r", "code": "200"}) == 2
    assert registry.get_sample_value("taximeter_serving_requests_total", {"run": "r", "code": "415"}) == 1
    assert registry.get_sample_value("taximeter_serving_request_seconds_count", {"run": "r"}) == 3
    assert registry.get_sample_value("taximeter_serving_request_seconds_sum", {"run": "r"}) == pytest.approx(0.06)


def test_the_table_is_what_is_published(clock: Clock) -> None:
    disable_created_metrics()  # type: ignore[no-untyped-call]
    metrics = ServingMetrics("r", lambda: {"USD": Decimal(1)}, clock)
    clock.now += 1
    metrics.predicted(1)
    metrics.answered(200, 0.1)
    published = {
        f"{family.name}_total" if family.type == "counter" else family.name: family
        for family in metrics.registry.collect()
    }
    assert published.keys() == {metric.series_name for metric in ALL}
    for metric in ALL:
        family = published[metric.series_name]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        assert {*metric.labels} == {name for sample in family.samples for name in sample.labels} - {"le"}
