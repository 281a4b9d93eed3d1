"""The demo from beginning to end: start the stack, train, watch the alerts arrive, check the money."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from demo import binaries, checks
from demo.checks import CheckFailed
from demo.configs import BUDGET, CURRENCY, LIMIT, PER_HOUR, PROJECT, REPOSITORY, SECRETS, THRESHOLDS, write_configs
from demo.gpus import count_gpus
from demo.interrupts import Interrupts, TookTooLong
from demo.ports import HOST, Ports, free_ports, moved
from demo.processes import Process, Processes
from demo.show import alert_in_words, say, step, table
from demo.stack import Stack, Starter, clean_environment, start_stack
from demo.web import NoAnswer, answers, get_json

TRAINING_SECONDS = 1200.0
SCRAPED_SECONDS = 120.0
WATCH_SECONDS = 0.5
"""Between two looks at what is going on: the training has need of the processor too."""
ALERTS_SECONDS = 180.0
TOOLS_FOLDER = REPOSITORY / ".tools"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be asked of the demo."""

    folder: Path
    simulate: bool
    epochs: int | None
    stay: bool


@dataclass(slots=True)
class Tour:
    """One demo. Its context managers are entered by whoever makes it."""

    options: Options
    processes: Processes
    interrupts: Interrupts
    _shown: int = field(default=0, init=False)

    def go(self) -> None:
        """All of it. Raises `CheckFailed` if it did not come out as it should, and what its parts raise."""
        self._introduce()
        step(1, "Looking for Prometheus and Alertmanager")
        tools = binaries.find(TOOLS_FOLDER, self.interrupts, say)
        versions = tools.versions()
        programs = [(name, f"{versions[name]}  {getattr(tools, name)}") for name in ("prometheus", "alertmanager")]
        say(table(programs))
        ports = free_ports()
        for name, (usual, chosen) in moved(ports).items():
            say(f"    port {usual} is in use: {name} gets {chosen}")
        configs = write_configs(
            self.options.folder,
            ports,
            gpus=count_gpus(simulate=self.options.simulate),
            secrets=SECRETS,
            alertmanager_version=versions["alertmanager"],
        )
        say(f"    alerts go to {configs.told}")

        step(2, f"Starting the stack (logs in {self._short(self.options.folder)}/*.log)")
        starter = Starter(self.options.folder, ports, self.processes, self.interrupts)
        stack = start_stack(
            starter, configs, tools, simulate=self.options.simulate, say=lambda text: say(f"    {text}")
        )
        self._addresses(stack)

        run = datetime.now(UTC).strftime("demo-%Y%m%dT%H%M%SZ")
        step(3, f"Training: run {run}")
        self._train(stack, ports, run)

        step(4, "Checking")
        try:
            self._check(stack, run)
        except (CheckFailed, NoAnswer, TookTooLong) as error:
            if not self.options.stay:
                raise
            say(f"    NOT AS IT SHOULD BE: {error}")
        step(5, "Alerts received")
        say("\n".join(f"    {alert_in_words(alert)}" for alert in self._alerts(stack)) or "    none")
        if self.options.stay:
            self._stay(stack)

    def _introduce(self) -> None:
        say("Taximeter: a real training run, metered, scraped and warned about, on this machine.")
        say(f"The price is made up: {PER_HOUR} {CURRENCY} an hour, 1 {CURRENCY} a second.")
        say(f"So is the budget: {LIMIT} {CURRENCY} a month, with alerts at {checks.percentages(THRESHOLDS)} of it.")
        if self.options.simulate:
            say("The GPUs are SIMULATED: nothing that they show is real, and every series of theirs says so.")
        say("Ctrl-C ends everything that is started here.\n")

    def _addresses(self, stack: Stack) -> None:
        addresses = [
            ("the meter", f"{stack.exporter.url}/"),
            ("Prometheus, rules and alerts", _alerts_page(stack.prometheus.url)),
            ("Alertmanager", f"{stack.alertmanager.url}/"),
            ("alerts received, as JSON", f"{stack.receiver.url}/"),
        ]
        if stack.grafana:
            addresses.insert(0, ("Grafana", f"{stack.grafana.url}/dashboards"))
        say("    Open in a browser:")
        say(table(addresses, indent=8))

    def _train(self, stack: Stack, ports: Ports, run: str) -> None:
        command: list[str | Path] = [
            *(Path(sys.executable).with_name("taximeter"), "train"),
            *("--project", PROJECT, "--run", run),
            *("--exporter", stack.exporter.url, "--metrics-listen", f"{HOST}:{ports.trainer}"),
            *("--output", self.options.folder / "runs"),
            *(("--epochs", str(self.options.epochs)) if self.options.epochs else ()),
        ]
        trainer: Process = self.processes.start("trainer", command, env=clean_environment())

        def trained() -> bool:
            self.processes.check(*stack.processes)
            self._show_new_alerts(stack)
            return trainer.status() is not None

        self.interrupts.wait_until(trained, seconds=TRAINING_SECONDS, what="the training run", every=WATCH_SECONDS)
        if trainer.status() != 0:
            raise CheckFailed(f"the training run ended with status {trainer.status()}")

    def _check(self, stack: Stack, run: str) -> None:
        told = checks.told_cost(checks.ended_run(stack.exporter.url, run))
        due = checks.booked_cost(self.options.folder / "ledger.db", run)
        if not checks.equal_to_the_cent(due, told):
            raise CheckFailed(
                f"the run cost {checks.in_words(due)} by the ledger, but the exporter says {checks.in_words(told)}"
            )
        say(f"    run {run} finished; by the ledger it cost {checks.in_words(due)}")
        scraped: dict[str, Decimal] = {}

        def agrees() -> bool:
            nonlocal scraped
            self.processes.check(*stack.processes)
            scraped = checks.prometheus_cost(stack.prometheus.url, run)
            return checks.equal_to_the_cent(due, scraped)

        try:
            self.interrupts.wait_until(agrees, seconds=SCRAPED_SECONDS, what="the run's last scrape")
        except TookTooLong as error:
            raise CheckFailed(
                f"the run cost {checks.in_words(due)} by the ledger, but {checks.in_words(scraped)} in Prometheus"
            ) from error
        say(f"    Prometheus has the same to the cent: {checks.in_words(scraped)}")

        highest = max(THRESHOLDS)
        crossed: set[Decimal] = set()

        def arrived() -> bool:
            self.processes.check(*stack.processes)
            self._show_new_alerts(stack)
            crossed.update(checks.thresholds_arrived(self._alerts(stack), BUDGET))
            return highest in crossed

        try:
            self.interrupts.wait_until(arrived, seconds=ALERTS_SECONDS, what="the budget's alerts")
        except TookTooLong as error:
            raise CheckFailed(
                f"the alert at {checks.percentages([highest])} of budget {BUDGET} did not arrive within"
                f" {ALERTS_SECONDS:g} s of the run's end; it cost {checks.in_words(due)} of {LIMIT} {CURRENCY}"
            ) from error
        say(f"    of the budget's alerts arrived: {checks.percentages(crossed)}")
        if crossed != set(THRESHOLDS):
            say("    (a threshold is not told of if a higher one is crossed before Prometheus has seen it)")

    def _alerts(self, stack: Stack) -> Sequence[Mapping[str, Any]]:
        alerts: Sequence[Mapping[str, Any]] = get_json(f"{stack.receiver.url}/")
        return alerts

    def _show_new_alerts(self, stack: Stack) -> None:
        alerts = self._alerts(stack)
        for alert in alerts[self._shown :]:
            say(f"    ALERT  {alert_in_words(alert)}")
        self._shown = len(alerts)

    def _stay(self, stack: Stack) -> None:
        say("\nEverything stays up. Ctrl-C ends it.")

        def never() -> bool:
            self.processes.check(*stack.processes)
            self._show_new_alerts(stack)
            return False

        self.interrupts.wait_until(never, seconds=float("inf"), what="", every=WATCH_SECONDS)

    @staticmethod
    def _short(path: Path) -> Path:
        return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _alerts_page(prometheus_url: str) -> str:
    # Debian builds Prometheus without its newer pages; from version 3 on there are no older ones.
    pages = (f"{prometheus_url}{path}" for path in ("/alerts", "/classic/alerts"))
    return next((page for page in pages if answers(page)), f"{prometheus_url}/")
