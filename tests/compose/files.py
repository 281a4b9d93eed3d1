"""What docker-compose.yml and the files beside it say, read as they are, without Docker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
COMPOSE = REPOSITORY / "docker-compose.yml"
GPU = REPOSITORY / "docker-compose.gpu.yml"
WITHOUT_GRAFANA = Path(__file__).with_name("without-grafana.yml")

OPENED_BY_A_PERSON = {"grafana": 3000, "prometheus": 9090, "alertmanager": 9093, "exporter": 9877, "mail": 1080}
"""The services that are published, and their ports inside."""

ONE_SHOT = {"alertmanager-config"}
"""The services that do one thing and end, before others start."""


def read_yaml(path: Path) -> Any:
    """A YAML file's content."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def services() -> Mapping[str, Any]:
    """The services of docker-compose.yml by name."""
    found: Mapping[str, Any] = read_yaml(COMPOSE)["services"]
    return found


def dockerfile(service: Mapping[str, Any]) -> str | None:
    """The text of the Dockerfile that a service is built from; `None` if it takes an image as it is."""
    build = service.get("build")
    return None if build is None else (REPOSITORY / build["dockerfile"]).read_text(encoding="utf-8")


def images(service: Mapping[str, Any]) -> set[str]:
    """The images that a service is made of: the one it takes, or those that its Dockerfile begins from."""
    text = dockerfile(service)
    return {service["image"]} if text is None else set(re.findall(r"^FROM (\S+)", text, flags=re.MULTILINE))
