"""For each alert a case in which it fires: the first one of prometheus/tests/, so that there is one source of truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from fire.series import Series, parse_duration, parse_series

# As promtool reads it: a value such as 0x11 is text, not a number. In C it takes a tenth of the time.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class Expected:
    """An alert that fires then, as the test has it."""

    labels: Mapping[str, str]
    summary: str


@dataclass(frozen=True, slots=True)
class Case:
    """An alert, and a world in which it fires `at` so many seconds after the world began.

    Every series is made up and says so: it has `simulated="true"`, whether or not the test gave it that.
    """

    alert: str
    source: str
    at: float
    interval: float
    series: Sequence[Series]
    expected: Sequence[Expected]


def firing_cases(folder: Path) -> dict[str, dict[str, Case]]:
    """Of each alert, by its name, the first case in which it fires with each severity: promtool's tests in a folder."""
    cases: dict[str, dict[str, Case]] = {}
    for path in sorted(folder.glob("*.yml")):
        for case in _cases(path):
            for expected in case.expected:
                cases.setdefault(case.alert, {}).setdefault(expected.labels["severity"], case)
    return cases


def _cases(path: Path) -> Iterator[Case]:
    for test in yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)["tests"]:  # noqa: S506 (it makes text alone)
        interval = parse_duration(test["interval"])
        for case in test.get("alert_rule_test", []):
            if case["exp_alerts"]:
                yield Case(
                    alert=case["alertname"],
                    source=f"{path.name}, at {case['eval_time']}: {test['name']}",
                    at=parse_duration(case["eval_time"]),
                    interval=interval,
                    series=[_simulated(series, interval) for series in test.get("input_series", [])],
                    expected=[_expected(alert) for alert in case["exp_alerts"]],
                )


def _simulated(given: Mapping[str, Any], interval: float) -> Series:
    series = parse_series(given["series"], given["values"], interval)
    return replace(series, labels={**series.labels, "simulated": "true"})


def _expected(alert: Mapping[str, Any]) -> Expected:
    return Expected(alert["exp_labels"], alert["exp_annotations"]["summary"])
