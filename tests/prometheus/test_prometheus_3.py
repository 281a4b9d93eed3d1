"""Prometheus 3 takes the same rules for the same: the image of docker-compose.yml, where Docker has it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from compose.engine import engine_problem, image_problem
from compose.files import services
from demo.configs import REPOSITORY
from demo.web import answers, get_json
from support.programs import wait_for

pytestmark = pytest.mark.compose

PROMETHEUS = REPOSITORY / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
MORE_RULES = sorted((PROMETHEUS / "more_rules").glob("*.yml"))
"""Those that prometheus.yml does not load."""
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
IMAGE = str(services()["prometheus"]["image"])


@pytest.fixture(scope="module", autouse=True)
def image() -> None:
    """Skips where there is none."""
    problem = engine_problem() or image_problem(IMAGE)
    if problem is not None:
        pytest.skip(f"needs Prometheus 3: {problem}")


def docker_run(*arguments: str) -> str:
    """The output of `docker run` with our files where Prometheus looks for them."""
    command = ["docker", "run", "--rm", "--tmpfs=/tmp:mode=1777", f"--volume={PROMETHEUS}:/etc/prometheus:ro"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def promtool(*arguments: str) -> str:
    return docker_run("--network=none", "--workdir=/etc/prometheus", "--entrypoint=promtool", IMAGE, *arguments)


def test_it_is_prometheus_3() -> None:
    assert "version 3." in promtool("--version")


def test_configuration_and_rules_are_accepted_with_no_lint_finding() -> None:
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")
    promtool(
        "check",
        "rules",
        "--lint=all",
        "--lint-fatal",
        *(f"{path.parent.name}/{path.name}" for path in (*RULES, *MORE_RULES)),
    )


def test_rules_do_what_their_tests_say() -> None:
    said = promtool("test", "rules", *(f"tests/{path.name}" for path in TESTS))
    assert said.count("SUCCESS") == len(TESTS), said


@pytest.fixture
def url() -> Iterator[str]:
    """A Prometheus that runs by our configuration; of its targets none is there."""
    container = docker_run("--detach", "--publish=127.0.0.1::9090", IMAGE).strip()
    try:
        published = subprocess.run(
            ["docker", "port", container, "9090/tcp"], capture_output=True, text=True, check=True
        )
        address = f"http://{published.stdout.split()[0]}"
        wait_for(lambda: answers(f"{address}/-/ready"), "Prometheus 3 is not ready")
        yield address
    finally:
        subprocess.run(["docker", "rm", "--force", container], capture_output=True, check=True)


def test_every_rule_is_loaded_and_can_be_evaluated(url: str) -> None:
    def groups() -> dict[str, Any]:
        return {group["name"]: group for group in get_json(f"{url}/api/v1/rules")["data"]["groups"]}

    written = [group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    assert {name: len(group["rules"]) for name, group in groups().items()} == {
        group["name"]: len(group["rules"]) for group in written
    }
    soon = {group["name"] for group in written if "interval" not in group}
    wait_for(
        lambda: all(rule["health"] != "unknown" for name in soon for rule in groups()[name]["rules"]),
        "rules were not evaluated",
    )
    assert [rule["lastError"] for group in groups().values() for rule in group["rules"] if rule.get("lastError")] == []
