"""A real exporter on simulated GPUs of a dollar a second each, and runs that spend them on budgets of their own."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from support.programs import RunningExporter, exporter, wait_for

PER_SECOND = 1.0
GPUS = 8
RENEW_SECONDS = 0.5
OFFER = {"provider": "made-up", "region": "lab", "instance_type": "box-8", "pricing_model": "on_demand"}


@dataclass(frozen=True)
class Budget:
    """A day's, charged with what the project of the same name spends. Thresholds are parts of the limit."""

    name: str
    limit: float
    thresholds: tuple[float, ...]


@dataclass
class Money:
    """The exporter, and what it was told and said. Moments are in seconds since 1970."""

    exporter: RunningExporter
    config: Path
    settings: Mapping[str, Any]
    limits: dict[str, float]
    """Of the budgets, by name."""
    began: dict[str, float] = field(default_factory=dict)
    """When each project began to spend."""
    spent: dict[str, float] = field(default_factory=dict)
    """All of it, of the projects that have stopped."""
    _booked: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """What was in the ledger at a moment, and it may be more."""
    _leases: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    """A run that has ended is not renewed."""

    def spend(self, *projects: str) -> None:
        """Begin a run for each of these projects, each on a GPU of its own."""
        gpus = [device["uuid"] for device in self.exporter.get("/api/v1/status").json()["devices"]]
        for project in projects:
            run = {"run": f"{project}-1", "project": project, "devices": [gpus[len(self.began)]]}
            answer = self.exporter.call("POST", "/api/v1/runs", run)
            assert answer.status == 201, answer.body
            with self._lock:
                self._leases[project] = answer.json()["lease"]
            self.began[project] = datetime.fromisoformat(answer.json()["started_at"]).timestamp()

    def stop(self, project: str) -> None:
        """End its run."""
        with self._lock:
            body = {"lease": self._leases.pop(project), "result": "finished"}
            answer = self.exporter.call("POST", f"/api/v1/runs/{project}-1/end", body)
        assert answer.status == 200, answer.body
        self.spent[project] = float(answer.json()["cost"]["USD"])

    def most_spent(self, budget: str, moment: float) -> float:
        """What a budget is charged with up to a moment, exactly, when all of it is booked: the price, and the time."""
        return PER_SECOND * (moment - self.began[budget])

    def least_booked(self, budget: str, moment: float) -> float:
        """What the ledger had of it at the least, for the exporter had said so."""
        return max((amount for at, amount in self._booked.get(budget, ()) if at <= moment), default=0)

    def crossed(self, budget: str, amount: float) -> float:
        """The moment at which so much of a budget was spent."""
        return self.began[budget] + amount / PER_SECOND

    def period_end(self) -> float:
        """When the day of all budgets ends."""
        (end,) = {budget["period_end"] for budget in self.exporter.get("/api/v1/budgets").json()["budgets"]}
        return datetime.fromisoformat(end).timestamp()

    def limit(self, **limits: float) -> None:
        """Change these limits, by the configuration, read again on SIGHUP."""
        self.limits |= limits
        budgets = [{**budget, "limit": self.limits[budget["name"]]} for budget in self.settings["budgets"]]
        self.config.write_text(yaml.safe_dump({**self.settings, "budgets": budgets}), encoding="utf-8")
        self.exporter.process.send_signal(signal.SIGHUP)

        def read() -> bool:
            told = self.exporter.get("/api/v1/budgets").json()["budgets"]
            return self.limits == {budget["budget"]: float(budget["limit"]) for budget in told}

        wait_for(read, "the exporter did not take the new limits")

    def renew(self) -> None:
        """Say that every run is alive, and note what it has cost."""
        with self._lock:
            for project, lease in self._leases.items():
                answer = self.exporter.call("POST", f"/api/v1/runs/{project}-1/renew", {"lease": lease})
                assert answer.status == 200, answer.body
                amount = float(answer.json()["cost"].get("USD", 0))
                self._booked.setdefault(project, []).append((time.time(), amount))


@contextmanager
def spending(folder: Path, port: int, *budgets: Budget) -> Iterator[Money]:
    """Start the exporter, and renew every run twice a second until the end."""
    config = folder / "taximeter.yaml"
    settings = _settings(port, budgets)
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    over = threading.Event()
    with exporter(config, "--simulate") as running:
        money = Money(running, config, settings, {budget.name: budget.limit for budget in budgets})

        def renew() -> None:
            while not over.wait(RENEW_SECONDS):
                money.renew()

        thread = threading.Thread(target=renew)
        thread.start()
        try:
            yield money
        finally:
            over.set()
            thread.join()


def _settings(port: int, budgets: tuple[Budget, ...]) -> dict[str, Any]:
    timezone = _midday(datetime.now(UTC).hour)
    return {
        "listen": f"127.0.0.1:{port}",
        "ledger": "ledger.db",
        "host": OFFER,
        "prices": [{**OFFER, "per_hour": 3600 * PER_SECOND * GPUS, "currency": "USD", "gpus": GPUS}],
        "budgets": [
            {
                "name": budget.name,
                "period": "day",
                "timezone": timezone,
                "limit": budget.limit,
                "currency": "USD",
                "scope": {"project": budget.name},
                "thresholds": list(budget.thresholds),
            }
            for budget in budgets
        ],
    }


def _midday(hour: int) -> str:
    """A time zone in which it is noon when it is that hour of UTC: no period begins or ends while a test runs."""
    # Etc/GMT-3 is three hours ahead.
    return f"Etc/GMT{hour - 12:+d}" if hour != 12 else "Etc/UTC"
