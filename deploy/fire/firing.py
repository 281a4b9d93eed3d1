"""One alert, from an empty folder to the moment in which it fires in a real Prometheus."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from demo.binaries import Tools
from demo.interrupts import Interrupts, TookTooLong
from demo.processes import Processes

from fire.cases import Case, Expected
from fire.prometheus import RulesPrometheus
from fire.rules import Rules
from fire.world import COUNTER_STEP_SECONDS, going_on, open_metrics

BACKFILL_SECONDS = 300.0
FIRING_SECONDS = 60.0
"""It is evaluated each second, where there is time for it."""
BLOCKS = "--max-block-duration=162h"
VALUES = 8000
"""Of a recorded series at most, so that the values of one block come in one query: it may have 11,000."""
LOOKBACK_SECONDS = (15.0, 900.0)
"""A series that a test calls stale is seen for as long as its samples are apart, within these bounds."""


class NotFiring(Exception):
    """The alert did not fire, or not as its test says. Says what did."""


@dataclass(slots=True)
class Firing:
    """An alert that is made to fire. The files of its Prometheus, which is not started yet, are in `folder`."""

    case: Case
    rules: Rules
    tools: Tools
    folder: Path
    port: int
    processes: Processes
    interrupts: Interrupts
    _prometheus: RulesPrometheus = field(init=False)

    def __post_init__(self) -> None:
        self._prometheus = RulesPrometheus(self.folder, self.port, self.tools, self.processes, self.interrupts)

    def fire(self, alertmanager: str | None) -> list[dict[str, Any]]:
        """Let it fire, and tell the Alertmanager at a URL; gives the alerts as Prometheus has them.

        It fires only once everything that it speaks of has been recorded. Raises `NotFiring`, and what starting and
        waiting raise.
        """
        now = int(time.time())
        self._prometheus.configure(alertmanager)
        self._make_past(now)
        self._prometheus.write_rules({"simulated.yml": going_on(self.case, now), **self.rules.hurried()})
        self._prometheus.start(self._lookback)
        for _ in range(2):  # a rule may rest on what another group records
            self._prometheus.wait_for_evaluation()
        self._prometheus.write_rules(self.rules.hurried(self.case.alert))
        self._prometheus.reload()
        alerts: list[dict[str, Any]] = []

        def fires() -> bool:
            alerts[:] = self._prometheus.alerts()
            return not self._missing(alerts)

        try:
            self.interrupts.wait_until(fires, seconds=FIRING_SECONDS, what=self.case.alert, every=0.25)
        except TookTooLong as error:
            missing = dict(self._missing(alerts)[0].labels)
            raise NotFiring(f"{self.case.alert} does not fire for {missing}, but so: {alerts}") from error
        return alerts

    def end(self) -> None:
        """End its Prometheus. Alertmanager takes the alert for over a few seconds later, as each alert says itself."""
        self._prometheus.stop()

    def _missing(self, alerts: list[dict[str, Any]]) -> list[Expected]:
        return [
            expected
            for expected in self.case.expected
            if not any(expected.labels.items() <= alert["labels"].items() for alert in alerts)
        ]

    @property
    def _lookback(self) -> float:
        shortest, longest = LOOKBACK_SECONDS
        return min(max(self.case.interval, shortest), longest)

    @property
    def _step(self) -> float:
        """Between two values of a recorded series: as fine as counters are filled in, where the past is short."""
        return min(self.case.interval, max(COUNTER_STEP_SECONDS, math.ceil(self.case.at / VALUES)))

    def _make_past(self, now: int) -> None:
        if not self.case.series:
            return
        samples = self.folder / "past.txt"
        samples.write_text(open_metrics(self.case, now), encoding="utf-8")
        self._backfill("openmetrics", samples, self._prometheus.data)
        for names in self.rules.looked_back_on(self.case.alert, {series.name for series in self.case.series}):
            self._prometheus.start(self._lookback)
            self._record_past(names, now)
            self._prometheus.stop()

    def _record_past(self, names: list[str], now: int) -> None:
        rules = self.folder / "recorded.yml"
        group = {"name": "recorded", "rules": [self.rules.records[name] for name in names]}
        rules.write_text(yaml.safe_dump({"groups": [group]}), encoding="utf-8")
        self._backfill(
            "rules",
            f"--url={self._prometheus.url}",
            f"--start={now - self.case.at:.0f}",
            f"--end={now}",
            f"--eval-interval={self._step:.0f}s",
            f"--output-dir={self._prometheus.data}",
            rules,
        )

    def _backfill(self, source: str, *arguments: str | Path) -> None:
        log = self.folder / f"from-{source}.log"
        command = [self.tools.promtool, "tsdb", "create-blocks-from", BLOCKS, source, *arguments]
        status = self.processes.run("promtool", command, log=log, interrupts=self.interrupts, seconds=BACKFILL_SECONDS)
        if status != 0:
            raise NotFiring(f"promtool refuses the past of {self.case.alert}: {log.read_text(errors='replace')}")
