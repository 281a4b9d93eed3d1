"""The whole chain for real, once for all tests here: exporter, Prometheus, Alertmanager, receiver, a training run."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo.binaries import Tools
from demo.configs import REPOSITORY, write_configs
from demo.interrupts import Interrupts
from demo.ports import ANY, HOST, Ports, free_ports
from demo.processes import Processes
from demo.stack import Stack, Starter, clean_environment, start_stack
from demo.web import get_json
from grafana.full_house import exposition, past_of_budgets
from grafana.sick_fleet import sick_fleet
from support.blocks import write_blocks
from support.exposition import serve_exposition
from support.programs import wait_for
from support.tools import tools

__all__ = ["tools"]

RUN = "chain"


@dataclass(frozen=True)
class Asked:
    """A Prometheus, by its address."""

    prometheus: str

    def query(self, expr: str) -> list[Any]:
        """An instant query."""
        answer = get_json(f"{self.prometheus}/api/v1/query", query=expr)
        return list(answer["data"]["result"])

    def query_range(self, expr: str, *, start: float, end: float) -> list[Any]:
        """A query over a range, every 5 s."""
        answer = get_json(f"{self.prometheus}/api/v1/query_range", query=expr, start=str(start), end=str(end), step="5")
        return list(answer["data"]["result"])


@dataclass(frozen=True)
class Chain(Asked):
    """A stack, what it was started with, and what the run's bill said."""

    folder: Path
    ports: Ports
    stack: Stack
    processes: Processes

    def run(self) -> Any:
        """The run as the exporter's API tells it."""
        return get_json(f"{self.stack.exporter.url}/api/v1/runs/{RUN}")


@contextmanager
def chain(folder: Path, tools: Tools, *, simulate: bool) -> Iterator[Chain]:
    """Start the stack, train, and wait until Prometheus has the run's last figures."""
    ports = free_ports(ANY)
    configs = write_configs(folder, ports, gpus=8 if simulate else 0)
    with ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        processes = stack.enter_context(Processes())
        starter = Starter(folder, ports, processes, interrupts)
        started = start_stack(starter, configs, tools, simulate=simulate, say=print)
        running = Chain(started.prometheus.url, folder, ports, started, processes)
        _train(running)
        due = float(running.run()["cost"]["USD"])
        wait_for(
            lambda: any(
                abs(float(entry["value"][1]) - due) < 0.005
                for entry in running.query(f'taximeter_run_cost_total{{run="{RUN}"}}')
            ),
            "Prometheus never had the run's cost",
        )
        yield running


def _train(running: Chain) -> None:
    """A short run; long enough for several scrapes."""
    command = [
        *(str(Path(sys.executable).with_name("taximeter")), "train", "--project", "demo", "--run", RUN),
        *("--epochs", "8", "--exporter", running.stack.exporter.url, "--format", "json"),
        *("--metrics-listen", f"{HOST}:{running.ports.trainer}", "--output", str(running.folder / "runs")),
    ]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (running.folder / "bill.json").write_text(done.stdout, encoding="utf-8")


@pytest.fixture(scope="session")
def real_chain(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Iterator[Chain]:
    """On this machine's own device."""
    with chain(tmp_path_factory.mktemp("chain"), tools, simulate=False) as running:
        yield running


@pytest.fixture(scope="session")
def simulated_chain(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Iterator[Chain]:
    """On eight simulated GPUs."""
    with chain(tmp_path_factory.mktemp("simulated"), tools, simulate=True) as running:
        yield running


@pytest.fixture(scope="session")
def sick_gpus(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Iterator[Asked]:
    """A Prometheus that scraped GPUs in every state."""
    with sick_fleet(tmp_path_factory.mktemp("sick-gpus"), tools) as running:
        yield Asked(running.prometheus)


@pytest.fixture(scope="session")
def full_house(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Iterator[Asked]:
    """A Prometheus that scraped every metric of the tables for a while."""
    ports = free_ports(ANY)
    folder = tmp_path_factory.mktemp("full-house")
    configs = write_configs(folder, ports, gpus=0)
    config = yaml.safe_load(configs.prometheus.read_text(encoding="utf-8"))
    config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(_rules_of_every_second(folder))]
    configs.prometheus.write_text(yaml.safe_dump(config), encoding="utf-8")
    began = time.time()
    write_blocks(tools, folder / "prometheus", past_of_budgets(began, instance=f"{HOST}:{ports.exporter}"))
    with ExitStack() as stack:
        for port, of_trainers in ((ports.exporter, False), (ports.trainer, True)):
            served = stack.enter_context(serve_exposition(port))
            served.text = partial(exposition, of_trainers=of_trainers, began=began)
        processes = stack.enter_context(Processes())
        starter = Starter(folder, ports, processes, stack.enter_context(Interrupts()))
        asked = Asked(starter.prometheus(tools.prometheus, configs.prometheus).url)
        for name in ("taximeter_build_info", "taximeter_training_steps_total"):
            scraped = f"count_over_time({name}[1m]) >= 4"
            wait_for(partial(asked.query, scraped), f"Prometheus never scraped {name} four times")
        yield asked


def _rules_of_every_second(folder: Path) -> Path:
    """Our rules, those too that wait for a minute between two evaluations; the pattern of their files."""
    rules = folder / "rules"
    rules.mkdir()
    for path in (REPOSITORY / "prometheus" / "rules").glob("*.yml"):
        text = re.sub(r"^    interval: .+$", "    interval: 1s", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        (rules / path.name).write_text(text, encoding="utf-8")
    return rules / "*.yml"
