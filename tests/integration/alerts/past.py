"""What a Prometheus finds when it starts: the hour before, as far as alerts look back on it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from demo.binaries import Tools
from prometheus_client.parser import text_string_to_metric_families

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
    spent = _series("taximeter_budget_spent", {**budget, "budget": burning})
    pending = {**budget, "alertname": "TaximeterBudgetForecast", "budget": foreseen, "severity": "warning"}
    state = _series("ALERTS_FOR_STATE", pending)
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
    # In the order of time: promtool leaves out a sample that is older than the one before it in the same series.
    lines = [
        *(f"{spent} 0 {now - seconds}" for seconds in (3600, 300)),
        *(f"{state} {now - FORECAST_FOR_SECONDS} {moment}" for moment in (now - 5, now)),
        *(f"{_series(sample.name, {**labels, **sample.labels})} {sample.value!r} {now}" for sample in samples),
        *(f"{_series(name, {**labels, **its, 'instance': GONE})} {value!r} {now}" for name, its, value in gone),
    ]
    past = data.with_name("past.txt")
    past.write_text("\n".join([*lines, "# EOF", ""]), encoding="utf-8")
    command: list[str | Path] = [tools.promtool, "tsdb", "create-blocks-from", "openmetrics", past, data]
    subprocess.run(command, check=True, capture_output=True)


def _series(name: str, labels: dict[str, str]) -> str:
    inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()) if value)
    return f"{name}{{{inner}}}"
