"""Prometheus 3 takes the same rules for the same: the image of docker-compose.yml, where Docker has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import yaml
from compose.containers import container, docker, image_of, published
from demo.configs import REPOSITORY
from demo.web import answers, get_json
from support.programs import wait_for

pytestmark = pytest.mark.compose

PROMETHEUS = REPOSITORY / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
MORE_RULES = sorted((PROMETHEUS / "more_rules").glob("*.yml"))
"""Those that prometheus.yml does not load."""
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
MOUNTED = ("--tmpfs=/tmp:mode=1777", f"--volume={PROMETHEUS}:/etc/prometheus:ro")
"""Our files where Prometheus looks for them."""


@pytest.fixture(scope="module")
def image() -> str:
    return image_of("prometheus")


@pytest.fixture
def promtool(image: str) -> Callable[..., str]:
    options = ("--rm", "--network=none", "--workdir=/etc/prometheus", "--entrypoint=promtool")
    return partial(docker, "run", *MOUNTED, *options, image)


def test_it_is_prometheus_3(promtool: Callable[..., str]) -> None:
    assert "version 3." in promtool("--version")


def test_configuration_and_rules_are_accepted_with_no_lint_finding(promtool: Callable[..., str]) -> None:
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")
    promtool(
        "check",
        "rules",
        "--lint=all",
        "--lint-fatal",
        *(f"{path.parent.name}/{path.name}" for path in (*RULES, *MORE_RULES)),
    )


def test_rules_do_what_their_tests_say(promtool: Callable[..., str]) -> None:
    said = promtool("test", "rules", *(f"tests/{path.name}" for path in TESTS))
    assert said.count("SUCCESS") == len(TESTS), said


@pytest.fixture
def url(image: str) -> Iterator[str]:
    """A Prometheus that runs by our configuration; of its targets none is there."""
    with container(*MOUNTED, "--publish=127.0.0.1::9090", image) as number:
        address = published(number, 9090)
        wait_for(lambda: answers(f"{address}/-/ready"), "Prometheus 3 is not ready")
        yield address


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
