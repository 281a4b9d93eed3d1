"""Each alert fires by the machinery of `make fire`, in a real Prometheus, and says what its own test expects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from demo.binaries import Tools
from demo.configs import REPOSITORY
from demo.interrupts import Interrupts
from demo.ports import ANY, free_ports
from demo.processes import Processes
from fire.cases import Case, firing_cases
from fire.firing import Firing
from fire.rules import read_rules
from fire.series import parse_duration
from support.firing import Delivered

RULES = read_rules(REPOSITORY / "prometheus" / "rules")
CASES = firing_cases(REPOSITORY / "prometheus" / "tests")
FIRING = [(alert, severity) for alert, cases in CASES.items() for severity in cases]
AT_ONCE = 8
"""Each waits more than it computes."""

Alerts = list[dict[str, Any]]


def test_each_alert_has_a_case_in_which_it_fires() -> None:
    assert CASES.keys() == RULES.alerts.keys()


@pytest.mark.parametrize("name", RULES.alerts)
def test_an_alert_has_a_case_for_each_severity(name: str) -> None:
    # That of a threshold takes its severity from the threshold that was crossed.
    severities = {rule["labels"]["severity"] for rule in RULES.alerts[name] if "labels" in rule}
    assert severities <= CASES[name].keys()


@pytest.fixture(scope="module")
def fired(
    tools: Tools, delivered: Delivered, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[tuple[str, str], Future[Alerts]]]:
    """Every alert, each in a Prometheus of its own, while those of `delivered` wait for their messages."""

    def fire(case: Case, folder: Path) -> Alerts:
        with Processes() as processes:
            port = free_ports(ANY).prometheus
            return Firing(case, RULES, tools, folder, port, processes, Interrupts()).fire(None)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (alert, severity): pool.submit(partial(fire, CASES[alert][severity], tmp_path_factory.mktemp(alert)))
            for alert, severity in FIRING
        }


@pytest.mark.binaries
@pytest.mark.parametrize(("name", "severity"), FIRING)
def test_an_alert_fires_and_says_what_its_test_expects(
    name: str, severity: str, fired: Mapping[tuple[str, str], Future[Alerts]]
) -> None:
    alerts = fired[name, severity].result()
    for expected in CASES[name][severity].expected:
        summaries = [
            alert["annotations"]["summary"] for alert in alerts if expected.labels.items() <= alert["labels"].items()
        ]
        assert any(same(summary, expected.summary) for summary in summaries), (summaries, expected.summary)
    # The Watchdog speaks of no data.
    assert name == "Watchdog" or all("(simulated)" in alert["annotations"]["summary"] for alert in alerts)


def same(summary: str, expected: str) -> bool:
    """Whether two texts have the same words, and numbers but for what the clock has done since the case.

    That is a hundredth, and two seconds where seconds are told.
    """
    one, other = (in_seconds(text.replace(" (simulated)", "")) for text in (summary, expected))
    number = r"(\d+(?:\.\d+)?)(s\b)?"
    pairs = zip(re.findall(number, one), re.findall(number, other), strict=False)
    return re.sub(number, "", one) == re.sub(number, "", other) and all(
        float(a) == pytest.approx(float(b), rel=0.01, abs=2 if unit else 0) for (a, _), (b, unit) in pairs
    )


def in_seconds(text: str) -> str:
    """A text with `115s` where it had `1m 55s`."""
    return re.sub(r"(?:\d+[dhm] )*\d+s\b", lambda span: f"{parse_duration(span[0].replace(' ', ''))}s", text)


def test_what_an_alert_looks_back_on_is_recorded_in_order() -> None:
    def looked_back_on(alert: str) -> list[list[str]]:
        return RULES.looked_back_on(alert, {series.name for case in CASES[alert].values() for series in case.series})

    assert looked_back_on("TaximeterGpuHot") == []
    assert looked_back_on("TaximeterSpendUnusual") == [["project:taximeter_cost_per_hour:avg1h"]]
    assert RULES.looked_back_on("TaximeterSpendUnusual", set()) == [
        ["project:taximeter_cost_per_hour:rate1m"],
        ["project:taximeter_cost_per_hour:avg1h"],
    ]
