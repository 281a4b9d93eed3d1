"""Each alert fires by the machinery of `make fire`, in a real Prometheus, and says what its own test expects."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Fired:
    """The alerts as Prometheus has them."""

    alerts: Alerts
    after_seconds: float
    """From the moment in which the case lies to that in which they were seen, at most: the clock has gone on."""


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
) -> Iterator[Mapping[tuple[str, str], Future[Fired]]]:
    """Every alert, each in a Prometheus of its own, while those of `delivered` wait for their messages."""

    def fire(case: Case, folder: Path) -> Fired:
        began = time.time()
        with Processes() as processes:
            port = free_ports(ANY).prometheus
            alerts = Firing(case, RULES, tools, folder, port, processes, Interrupts()).fire(None)
            return Fired(alerts, time.time() - began)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (alert, severity): pool.submit(partial(fire, CASES[alert][severity], tmp_path_factory.mktemp(alert)))
            for alert, severity in FIRING
        }


@pytest.mark.binaries
@pytest.mark.parametrize(("name", "severity"), FIRING)
def test_an_alert_fires_and_says_what_its_test_expects(
    name: str, severity: str, fired: Mapping[tuple[str, str], Future[Fired]]
) -> None:
    it, case = fired[name, severity].result(), CASES[name][severity]
    for expected in case.expected:
        summaries = [
            alert["annotations"]["summary"] for alert in it.alerts if expected.labels.items() <= alert["labels"].items()
        ]
        same_words = partial(same, expected=expected.summary, after_seconds=it.after_seconds, age_seconds=case.at)
        assert any(map(same_words, summaries)), (summaries, expected.summary, it.after_seconds)
    # The Watchdog speaks of no data.
    assert name == "Watchdog" or all("(simulated)" in alert["annotations"]["summary"] for alert in it.alerts)


def same(summary: str, expected: str, *, after_seconds: float, age_seconds: float) -> bool:
    """Whether two texts have the same words, and numbers but for what the clock has done since the case.

    Where seconds are told, that is as many; else a hundredth, and as much as what has grown for hours grows in them.
    """
    one, other = (in_seconds(text.replace(" (simulated)", "")) for text in (summary, expected))
    grown = 0.01 + after_seconds / max(age_seconds, 3600)
    number = r"(\d+(?:\.\d+)?)(s\b)?"
    pairs = zip(re.findall(number, one), re.findall(number, other), strict=False)
    return re.sub(number, "", one) == re.sub(number, "", other) and all(
        float(a) == pytest.approx(float(b), rel=grown, abs=after_seconds if unit else 0) for (a, _), (b, unit) in pairs
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
