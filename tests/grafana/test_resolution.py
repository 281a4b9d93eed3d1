"""No panel asks more often than there is something new to see."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from grafana.files import DASHBOARDS, RULES
from grafana.queries import panels
from taximeter_exporter.metering.runs import RENEW_SECONDS

UNITS = {"s": 1, "m": 60, "h": 3600}
STEPS_IN_A_RATE = 4
"""How many steps of a query Grafana's $__rate_interval has at least."""

BOOKED_BY_LEASES = re.compile(r"(?:rate|deriv)\(taximeter_(?:run_\w+_total|training_cost)\b")


def seconds(duration: str) -> int:
    """Of a duration such as ``15s``."""
    return int(duration[:-1]) * UNITS[duration[-1]]


RECORDED_EVERY = {
    rule["record"]: seconds(group["interval"])
    for path in RULES
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
    if "record" in rule and "interval" in group
}


def test_rates_of_what_leases_book_look_back_on_several_renewals(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            if BOOKED_BY_LEASES.search(target["expr"]):
                assert "interval" in target, f"{panel['title']} {target['refId']}"
                window = STEPS_IN_A_RATE * seconds(target["interval"])
                assert window >= 10 * RENEW_SECONDS, f"{panel['title']} {target['refId']}"


def test_what_rules_record_is_looked_at_no_oftener_than_it_is_recorded(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            recorded = [every for name, every in RECORDED_EVERY.items() if name in target["expr"]]
            if recorded and target["range"]:
                assert seconds(target["interval"]) >= max(recorded), f"{panel['title']} {target['refId']}"


@pytest.mark.parametrize("title", ["Runs that ended, here and elsewhere", "These runs by each offer"])
def test_weeks_of_runs_and_offers_are_looked_through_only_as_rules_record_them(title: str) -> None:
    """As they are scraped a month of a hundred machines takes Prometheus minutes."""
    document = json.loads((DASHBOARDS / "providers.json").read_text(encoding="utf-8"))
    (panel,) = (panel for panel in panels(document) if panel["title"] == title)
    for target in panel["targets"]:
        for name in re.findall(r"([\w:]+)(?:\{[^}]*\})?\[", target["expr"]):
            assert ":" in name, f"{target['refId']}: {name}"


def test_the_course_of_prices_is_looked_at_a_hundred_times_at_most(dashboard: dict[str, Any]) -> None:
    """Each look joins all devices of the fleet with all offers for such as they."""
    for panel in panels(dashboard):
        if any(target["range"] and "taximeter_offer_" in target["expr"] for target in panel["targets"]):
            assert panel["maxDataPoints"] <= 100, panel["title"]
