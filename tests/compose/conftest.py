"""The stack of docker-compose.yml for real, once for all tests here, under a name and on ports of its own."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from compose.engine import engine_problem, image_problem
from compose.files import COMPOSE, ONE_SHOT, OPENED_BY_A_PERSON, REPOSITORY, WITHOUT_GRAFANA, images, services
from demo.checks import ended_run
from demo.web import get_json
from support.programs import wait_for

os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # compose takes away what it started
from testcontainers.compose import DockerCompose

_TRAINING_SECONDS = 900  # on a machine that is busy with something else; half a minute on two idle cores


@dataclass(frozen=True)
class RunningStack:
    """The stack, and what it lacks."""

    compose: DockerCompose
    without_grafana: str | None
    """Why Grafana was left out; `None` if it is there."""

    @property
    def services(self) -> set[str]:
        """The services that should go on running."""
        return set(services()) - ONE_SHOT - ({"grafana"} if self.without_grafana else set())

    def url(self, service: str) -> str:
        """Where a person opens it. Asked anew each time, for a restart may change the port."""
        return f"http://127.0.0.1:{self.compose.get_service_port(service, OPENED_BY_A_PERSON[service])}"

    def query(self, expr: str) -> list[Any]:
        """An instant query to its Prometheus."""
        return list(get_json(f"{self.url('prometheus')}/api/v1/query", query=expr)["data"]["result"])

    def run(self, *arguments: str) -> str:
        """`docker compose` with further arguments; its output. Fails the test if that fails."""
        command = [*self.compose.docker_compose_command(), *arguments]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-3000:]}"
        return done.stdout


def _left_out() -> str | None:
    """Why Grafana has to be left out, or `None`. Skips where another image cannot be had."""
    problem = engine_problem()
    if problem is not None:
        pytest.skip(f"needs docker compose: {problem}")
    needed = {image for name, service in services().items() if name != "grafana" for image in images(service)}
    for image in sorted(needed):
        problem = image_problem(image)
        if problem is not None:
            pytest.skip(f"needs docker compose: {problem}")
    return image_problem(services()["grafana"]["image"])


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """Everything built, started and healthy, as after `docker compose up --wait --build`; no trace is left of it."""
    without_grafana = _left_out()
    files = [str(COMPOSE), *([str(WITHOUT_GRAFANA)] if without_grafana else [])]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COMPOSE_PROJECT_NAME", f"taximeter-test-{secrets.token_hex(4)}")
        for service in OPENED_BY_A_PERSON:
            environment.setenv(f"TAXIMETER_{service.upper()}_PORT", "0")  # any that is free
        compose = DockerCompose(REPOSITORY, compose_file_name=files, build=True, wait=True)
        running = RunningStack(compose, without_grafana)
        try:
            try:
                compose.start()
            except subprocess.CalledProcessError as error:
                logs = running.run("logs", "--no-color", "--tail", "20")
                pytest.fail(f"docker compose up: {error.stderr.decode(errors='replace')[-3000:]}\n{logs}")
            yield running
        finally:
            running.run("down", "--volumes", "--remove-orphans", "--rmi", "local")


@pytest.fixture(scope="session")
def first_run(stack: RunningStack) -> Mapping[str, Any]:
    """The training run that `up` begins, when it has ended."""
    runs = f"{stack.url('exporter')}/api/v1/runs"

    def ended() -> bool:
        return [run["state"] for run in get_json(runs)["runs"]] == ["ended"]

    wait_for(ended, "the first training run did not end", seconds=_TRAINING_SECONDS)
    return ended_run(stack.url("exporter"), get_json(runs)["runs"][0]["run"])
