"""Budgets: what may be spent, what was, and what will have been."""

from __future__ import annotations

from taximeter_exporter.web.metrics.spec import MetricSpec

_BUDGET = ("budget", "period", "run")

LIMIT = MetricSpec(
    "budget_limit", "What may be spent in a period, in `currency`.", "configuration", (*_BUDGET, "currency")
)
SPENT = MetricSpec(
    "budget_spent", "What was spent in this period so far, in `currency`.", "ledger", (*_BUDGET, "currency")
)
FORECAST = MetricSpec(
    "budget_forecast",
    "What will have been spent by the end of this period, by the present rate and the recent past, in `currency`.",
    "ledger, meter",
    (*_BUDGET, "currency"),
)
THRESHOLD = MetricSpec(
    "budget_threshold_ratio",
    "The part of the limit from which to warn.",
    "configuration",
    (*_BUDGET, "currency", "severity", "threshold"),
)
START = MetricSpec("budget_period_start_timestamp_seconds", "When this period began.", "configuration", _BUDGET)
END = MetricSpec("budget_period_end_timestamp_seconds", "When this period ends.", "configuration", _BUDGET)

ALL = (LIMIT, SPENT, FORECAST, THRESHOLD, START, END)
