"""One stack, from the first dollar to the last message: what happens, and when. The tests look at what came of it.

Everything is as people have it: the intervals of prometheus.yml, the routes, Prometheus's own defaults. Several things
happen side by side, because each waits most of its time.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import yaml
from demo.binaries import Tools
from demo.configs import REPOSITORY, prometheus_config
from demo.interrupts import Interrupts
from demo.ports import ANY, HOST, Ports, free_ports
from demo.processes import Processes
from demo.stack import Service, Starter
from demo.web import get_json
from integration.alerts.beside import Beside, Said, kill
from integration.alerts.money import Budget, Money, spending
from integration.alerts.past import make_past
from support.mail import Mailbox, catch_mail
from support.promptness import waited_seconds

FORESEEN = Budget("foreseen", 10_000, (1.0,))
"""Spent at 3600 USD an hour it lasts for hours, but not to the end of the day."""
UNHEARD = Budget("unheard", 2, (1.0,))
"""Crosses its limit while Alertmanager is down."""
STEPS = Budget("steps", 1000, (0.3, 0.8, 1.0))
"""Crosses its thresholds one after the other: its limit is lowered after it was spent on."""
STEPS_USED = {"info": 0.555, "warning": 0.905, "critical": 1.255}
"""How much of it is used at each step."""
JUMP = Budget("jump", 0.02, (0.5, 0.8, 1.0))
"""Crosses all its thresholds between two scrapes."""
BURNING = Budget("burning", 20, (1.0,))
"""A burn of 14.4 of a day's limit is six tenths of it within an hour."""

LONGEST_SECONDS = 600.0
"""Nothing takes longer, however busy the machine is."""


@dataclass(frozen=True)
class Told:
    """An alert as the receiver got it."""

    status: str
    alert: str
    severity: str
    budget: str
    summary: str
    started: float
    received: float
    """To the second; taken for its end, so that no delay looks shorter than it was."""


@dataclass
class Story:
    """The stack, and what was noted while it happened."""

    tools: Tools
    folder: Path
    ports: Ports
    money: Money
    mailbox: Mailbox
    processes: Processes
    due: float = 0
    """When the forecast had been over the limit for long enough."""
    alertmanager_back: float = 0
    failed_sends: float = 0
    lowered: dict[str, tuple[float, float]] = field(default_factory=dict)
    """When the limit of `steps` was lowered, and to what, by the severity of what it crosses by that."""
    waited_seconds: float = 0
    """For how long in all this time anybody on this machine waited for a processor."""
    suppressed: dict[str, bool] = field(default_factory=dict)
    """Of the budget that jumped, by severity: whether Alertmanager said that another alert keeps it from being told."""
    said_before: Said = field(default_factory=Said)
    said_after: Said = field(default_factory=Said)
    """What a Prometheus said before and after it was killed."""

    def query(self, expression: str) -> list[Any]:
        """Of the Prometheus that tells alerts."""
        return list(get_json(f"{self.prometheus}/api/v1/query", query=expression)["data"]["result"])

    @property
    def prometheus(self) -> str:
        """Its URL."""
        return f"http://{HOST}:{self.ports.prometheus}"

    @property
    def alertmanager(self) -> str:
        """Its URL."""
        return f"http://{HOST}:{self.ports.alertmanager}"

    def told(self, **wanted: str) -> list[Told]:
        """What the receiver got, oldest first, as far as it has these values."""
        alerts = [
            Told(
                status=alert["status"],
                alert=alert["labels"]["alertname"],
                severity=alert["severity"],
                budget=alert["labels"].get("budget", ""),
                summary=alert["summary"],
                started=datetime.fromisoformat(alert["starts_at"]).timestamp(),
                received=datetime.fromisoformat(alert["received_at"]).timestamp() + 1,
            )
            for alert in get_json(f"http://{HOST}:{self.ports.receiver}/")
        ]
        return [alert for alert in alerts if all(getattr(alert, name) == value for name, value in wanted.items())]

    def happen(self) -> None:
        """All of it."""
        starter = Starter(self.folder, self.ports, self.processes, Interrupts())
        starter.receiver()
        self.money.spend("foreseen")
        self._configure()
        self._make_past()
        alertmanager = starter.alertmanager(self.tools.alertmanager, self.folder / "alertmanager.yml")
        beside = Beside(self.tools, self.folder, self.ports, self.processes)
        starter.prometheus(self.tools.prometheus, self.folder / "prometheus.yml")
        self._wait_until_told("the forecast's alert", alert="TaximeterBudgetForecast")

        self._lose_alertmanager(alertmanager, starter)

        self.money.spend("steps", "jump", "burning")
        self._wait_until_told("the fast burn's alert", alert="TaximeterBudgetBurnFast")
        self._wait_until_told("the last threshold of jump", budget="jump", severity="critical")
        self.suppressed = self._suppressed("jump")
        self._take_steps()

        self.money.limit(steps=1_000_000, jump=1_000_000)
        for budget in ("jump", "steps"):
            self._wait_until_told(f"the end of {budget}", budget=budget, severity="critical", status="resolved")

        self.said_before, self.said_after = beside.restart()
        self._wait_until_told("what was not heard", budget="unheard")
        self._wait_for("its mail", lambda: any("unheard" in mail["Subject"] for mail in self.mailbox.messages))

    def _take_steps(self) -> None:
        self.money.stop("steps")
        for severity, used in STEPS_USED.items():
            self.lowered[severity] = time.time(), round(self.money.spent["steps"] / used, 2)
            self.money.limit(steps=self.lowered[severity][1])
            self._wait_until_told(f"the {severity} of steps", budget="steps", severity=severity)

    def _configure(self) -> None:
        """As docker-compose does, but for addresses."""
        out = self.folder / "alertmanager.yml"
        told = ("--receiver", f"http://{HOST}:{self.ports.receiver}/", "--catcher", f"{HOST}:{self.mailbox.port}")
        command: list[str | Path] = [sys.executable, REPOSITORY / "alertmanager" / "configure.py", "--out", out, *told]
        subprocess.run(command, check=True)
        config = prometheus_config(REPOSITORY / "prometheus" / "prometheus.yml", self.ports)
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def _make_past(self) -> None:
        def foreseen() -> str:
            text = self.money.exporter.get("/metrics").body.decode()
            return text if 'taximeter_budget_forecast{budget="foreseen"' in text else ""

        self._wait_for("a forecast", lambda: bool(foreseen()))
        self.due = int(time.time())
        make_past(
            self.tools,
            self.folder / "prometheus",
            foreseen(),
            f"{HOST}:{self.ports.exporter}",
            now=int(self.due),
            burning="burning",
            foreseen="foreseen",
        )

    def _lose_alertmanager(self, alertmanager: Service, starter: Starter) -> None:
        """It is killed, an alert begins to fire that Prometheus cannot tell it, and it starts again."""
        kill(alertmanager)
        self.money.spend("unheard")
        firing = 'ALERTS{budget="unheard",alertstate="firing"}'
        self._wait_for("an alert that cannot be sent", lambda: bool(self.query(firing)) and self._failed_sends() > 0)
        self.failed_sends = self._failed_sends()
        starter.alertmanager(self.tools.alertmanager, self.folder / "alertmanager.yml")
        self.alertmanager_back = time.time()

    def _failed_sends(self) -> float:
        with urlopen(f"{self.prometheus}/metrics", timeout=60) as answer:
            text = answer.read().decode()
        return sum(map(float, re.findall(r"^prometheus_notifications_errors_total\{.*\} (\S+)$", text, re.MULTILINE)))

    def _suppressed(self, budget: str) -> dict[str, bool]:
        alerts = get_json(f"{self.alertmanager}/api/v2/alerts", filter=f'budget="{budget}"')
        return {alert["labels"]["severity"]: bool(alert["status"]["inhibitedBy"]) for alert in alerts}

    def _wait_until_told(self, what: str, **wanted: str) -> None:
        self._wait_for(what, lambda: bool(self.told(**wanted)))

    @staticmethod
    def _wait_for(what: str, condition: Callable[[], bool]) -> None:
        Interrupts().wait_until(condition, seconds=LONGEST_SECONDS, what=what, every=0.2)


def play(tools: Tools, folder: Path, stack: ExitStack) -> Story:
    """Start what is needed, and let it happen; it ends with `stack`."""
    ports = free_ports(ANY)
    mailbox = stack.enter_context(catch_mail())
    money = stack.enter_context(spending(folder, ports.exporter, FORESEEN, UNHEARD, STEPS, JUMP, BURNING))
    processes = stack.enter_context(Processes())
    story = Story(tools, folder, ports, money, mailbox, processes)
    waited = waited_seconds()
    story.happen()
    story.waited_seconds = waited_seconds() - waited
    return story
