"""What a Prometheus finds when it starts: the hour before, as far as alerts look back on it."""

from __future__ import annotations

import re
from pathlib import Path

from demo.binaries import Tools
from prometheus_client.parser import text_string_to_metric_families
from support.blocks import Sample, write_blocks

FORECAST_FOR_SECONDS = 15 * 60
GONE = "gone:9877"
GONE_SPENT = 100.0


def make_past(tools: Tools, data: Path, exposition: str, target: str, *, now: int, burning: str, foreseen: str) -> None:
    """Write blocks into `data`: what the exporter said at `now`, and three things that it did not say.

    Of the budget `burning` nothing was spent an hour ago and five minutes ago; the forecast of `foreseen` has been over
    its limit for just the quarter of an hour after which its alert is due; and a machine that is gone has spent
    `GONE_SPENT` of `foreseen`.
    """
    labels = {"job": "taximeter-exporter", "instance": target}
    budget = {**labels, "period": "day", "currency": "USD", "simulated": "true"}
    spent = {**budget, "budget": burning}
    pending = {**budget, "alertname": "TaximeterBudgetForecast", "budget": foreseen, "severity": "warning"}
    samples = [
        sample
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name.startswith("taximeter_budget_")
    ]
    gone = [
        (sample.name, sample.labels, GONE_SPENT if sample.name == "taximeter_budget_spent" else sample.value)
        for sample in samples
        if sample.labels["budget"] == foreseen and re.fullmatch("taximeter_budget_(spent|period_.+)", sample.name)
    ]
    past: list[Sample] = [
        *(("taximeter_budget_spent", spent, 0, now - seconds) for seconds in (3600, 300)),
        *(("ALERTS_FOR_STATE", pending, now - FORECAST_FOR_SECONDS, moment) for moment in (now - 5, now)),
        *((sample.name, {**labels, **sample.labels}, sample.value, now) for sample in samples),
        *((name, {**labels, **its, "instance": GONE}, value, now) for name, its, value in gone),
    ]
    write_blocks(tools, data, past)
