"""Starts the exporter as its user does: the installed program, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

CONFIG = """\
listen: 127.0.0.1:0
sample_interval: 100ms
host: {provider: acme, region: lab, instance_type: box-8}
prices:
  - {provider: acme, region: lab, instance_type: box-8, gpus: 8, per_hour: 3600, currency: USD, as_of: 2026-01-01}
budgets:
  - {name: demo, period: month, limit: 8.00, currency: USD, scope: {project: demo}}
"""

_DEADLINE_SECONDS = 120
"""Far beyond what anything here takes on an idle machine: a busy one only takes longer."""


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)


@dataclass
class RunningExporter:
    """An exporter that answers on a port of its own."""

    process: subprocess.Popen[str]
    port: int

    def call(self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """One request; a body that is not bytes goes as JSON."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_DEADLINE_SECONDS)
        try:
            sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, sent, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """A GET."""
        return self.call("GET", path, headers={key.replace("_", "-"): value for key, value in headers.items()})

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Every sample of `/metrics`, by name and labels."""
        from prometheus_client.parser import text_string_to_metric_families

        text = self.get("/metrics").body.decode()
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """The one sample of that name with at least those labels."""
        found = self.values(name, **labels)
        assert len(found) == 1, f"{name} {labels}: {found}"
        return found[0]

    def values(self, name: str, **labels: str) -> list[float]:
        """All samples of that name with at least those labels."""
        return [value for (known, has), value in self.metrics().items() if known == name and set(labels.items()) <= has]


def program(name: str) -> str:
    """The path of a program that this environment has installed."""
    return str(Path(sys.executable).with_name(name))


def write_config(folder: Path, text: str = CONFIG) -> Path:
    """A configuration file in a folder."""
    path = folder / "taximeter.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def exporter(config: Path, *options: str, environ: Mapping[str, str] | None = None) -> Iterator[RunningExporter]:
    """Start it, wait until it is ready, and stop it in the end if the test has not."""
    with listening(config, *options, environ=environ) as running:
        wait_for(lambda: running.get("/readyz").status == 200, "the exporter is not ready")
        yield running


@contextmanager
def listening(config: Path, *options: str, environ: Mapping[str, str] | None = None) -> Iterator[RunningExporter]:
    """The same, but that it may be such that it does not answer everybody."""
    command = [program("taximeter-exporter"), "serve", "--config", str(config), *options]
    env = {**os.environ, **(environ or {})}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env) as process:
        try:
            yield RunningExporter(process, _port(process))
        finally:
            process.terminate()
            process.communicate(timeout=_DEADLINE_SECONDS)


def _port(process: subprocess.Popen[str]) -> int:
    """As it says itself, once it listens."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "listening on http" in line:
            return int(line.rsplit(":", 1)[1])
    raise AssertionError(f"the exporter did not start:\n{''.join(said)}")


def wait_for(condition: Any, message: str, *, seconds: float = _DEADLINE_SECONDS) -> None:
    """Ask again until it holds; fails after a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, message
        time.sleep(0.05)
