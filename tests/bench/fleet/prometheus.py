"""The real Prometheus on blocks that were made for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.interrupts import Interrupts
from demo.ports import ANY, HOST, free_ports
from demo.processes import Processes
from demo.stack import READY_SECONDS
from demo.web import get_json


@dataclass(frozen=True)
class Prometheus:
    """One that answers."""

    url: str
    pid: int

    def query(self, expr: str, at: float) -> list[Any]:
        """An instant query."""
        return list(get_json(f"{self.url}/api/v1/query", query=expr, time=str(at))["data"]["result"])

    def rule_groups(self) -> list[Any]:
        """The groups of rules, with how they went last."""
        return list(get_json(f"{self.url}/api/v1/rules")["data"]["groups"])


@contextmanager
def prometheus(program: Path, data: Path, *, rules: Sequence[Path] = ()) -> Iterator[Prometheus]:
    """Start it on the blocks in `data` without anything to scrape, and end it.

    It keeps all blocks as they are: neither age nor being many small ones gives it work of its own.
    """
    port = free_ports(ANY).prometheus
    config = data.parent / "prometheus.yml"
    config.write_text(json.dumps({"rule_files": [str(path) for path in rules]}), encoding="utf-8")
    url = f"http://{HOST}:{port}"
    command: list[str | Path] = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=10y",
        "--storage.tsdb.min-block-duration=2h",
        "--storage.tsdb.max-block-duration=2h",
        "--web.enable-remote-write-receiver",
        f"--web.listen-address={HOST}:{port}",
    ]
    with Processes() as processes:
        process = processes.serve(
            "prometheus",
            command,
            ready_url=f"{url}/-/ready",
            log=data.parent / "prometheus.log",
            interrupts=Interrupts(),
            seconds=READY_SECONDS,
        )
        yield Prometheus(url, process.pid)
