"""Prices, and what the devices have cost."""

from __future__ import annotations

from taximeter_exporter.web.metrics.spec import MetricSpec

PRICE_PER_HOUR = MetricSpec(
    "price_per_hour",
    "What the device costs now, in `currency` per hour: its part of the instance's price.",
    "configuration, or the catalog of prices",
    ("uuid", "provider", "region", "instance_type", "pricing_model", "currency"),
)
PRICE_AGE_SECONDS = MetricSpec(
    "price_age_seconds",
    "How old the price of the device is; absent where it has no date.",
    "configuration, or the catalog of prices",
    ("uuid",),
)
PRICE_STALE = MetricSpec(
    "price_stale",
    "1 if the price of the device is older than `price_max_age` of the configuration allows, else 0.",
    "configuration, or the catalog of prices",
    ("uuid",),
)
PRICE_CONDITION = MetricSpec(
    "price_condition",
    "1 while something is wrong with the price of the device, and absent while it is not: stale (older than"
    " `price_max_age` of the configuration allows), missing (there is none for its time now, and so no cost).",
    "configuration, or the catalog of prices",
    ("uuid", "condition"),
)
COST = MetricSpec(
    "cost",
    "What the device has cost, in `currency`, by whom its time belonged to.",
    "ledger",
    ("uuid", "project", "category", "share", "currency"),
    counter=True,
)
MACHINE_COST = MetricSpec(
    "machine_cost",
    "What all devices have cost together, in `currency`, by whom their time belonged to.",
    "ledger",
    ("project", "share", "currency"),
    counter=True,
)
GAP_SECONDS = MetricSpec(
    "gap_seconds",
    "Device time in which the exporter was down while the host was up.",
    "ledger",
    ("uuid",),
    counter=True,
)
RECENT_GAP_SECONDS = MetricSpec(
    "recent_gap_seconds",
    "Device time in which the exporter was down while the host was up, and that it found within the last half hour;"
    " absent where there was none. All of it, by device: taximeter_gap_seconds_total.",
    "meter",
)
UNPRICED_SECONDS = MetricSpec(
    "unpriced_seconds", "Device time for which there is no price, and so no cost.", "ledger", ("uuid",), counter=True
)
LAST_DAY_COST = MetricSpec(
    "last_day_cost",
    "What the time of devices of this share (as of taximeter_cost_total) cost within the last 24 hours, in `currency`;"
    " there while it goes on: absent if there was none in the last five minutes.",
    "ledger",
    ("share", "currency"),
)
PERIOD_COST = MetricSpec(
    "period_cost",
    "What was spent in this period so far, day or month, in `currency`, by whom the time belonged to and how it was"
    " paid for; 0 of what has cost something before. `model` is that of the device, or the class of storage.",
    "ledger",
    ("period", "project", "category", "share", "provider", "model", "pricing_model", "currency"),
)
PERIOD_START = MetricSpec(
    "period_start_timestamp_seconds",
    "When this period began: day or month of the time zone that all budgets agree on, else of UTC.",
    "configuration",
    ("period", "timezone"),
)
PERIOD_END = MetricSpec("period_end_timestamp_seconds", "When this period ends.", "configuration", ("period",))

ALL = (
    PRICE_PER_HOUR,
    PRICE_AGE_SECONDS,
    PRICE_STALE,
    PRICE_CONDITION,
    COST,
    MACHINE_COST,
    LAST_DAY_COST,
    PERIOD_COST,
    PERIOD_START,
    PERIOD_END,
    GAP_SECONDS,
    RECENT_GAP_SECONDS,
    UNPRICED_SECONDS,
)
