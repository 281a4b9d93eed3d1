"""What the dashboard of Taximeter itself asks of Prometheus and Alertmanager, they tell: the old ones and the new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from compose.containers import container, image_of, published
from demo.binaries import Tools
from demo.configs import write_configs
from demo.interrupts import Interrupts
from demo.ports import ANY, free_ports
from demo.processes import Processes
from demo.stack import Starter
from demo.web import answers
from grafana.contract import EVERYWHERE, WATCHERS
from grafana.files import REPOSITORY
from prometheus_client.parser import text_string_to_metric_families
from support.programs import wait_for


def told(url: str) -> dict[str, set[str]]:
    """Each series' name, with the labels that any of its series has."""
    with urlopen(f"{url}/metrics") as answer:
        text = answer.read().decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def missing(urls: Sequence[str]) -> list[str]:
    """The names and labels of the contract that none of them tells."""
    answers_of_all = [told(url) for url in urls]
    return [
        f"{name}{{{', '.join(sorted(labels - EVERYWHERE))}}}"
        for name, labels in WATCHERS.items()
        if not any(labels - EVERYWHERE <= answer.get(name, {"-"}) and name in answer for answer in answers_of_all)
    ]


@pytest.mark.binaries
def test_those_of_distributions_tell_it(tmp_path: Path, tools: Tools) -> None:
    ports = free_ports(ANY)
    configs = write_configs(tmp_path, ports, gpus=0)
    with ExitStack() as stack:
        processes = stack.enter_context(Processes())
        starter = Starter(tmp_path, ports, processes, stack.enter_context(Interrupts()))
        urls = [
            starter.alertmanager(tools.alertmanager, configs.alertmanager).url,
            starter.prometheus(tools.prometheus, configs.prometheus).url,
        ]
        wait_for(lambda: not missing(urls), f"not told: {missing(urls)}")


@pytest.mark.compose
def test_those_of_docker_compose_tell_it() -> None:
    with ExitStack() as stack:
        rules = f"--volume={REPOSITORY / 'prometheus'}:/etc/prometheus:ro"
        urls = [
            stack.enter_context(in_docker("alertmanager", 9093)),
            stack.enter_context(in_docker("prometheus", 9090, rules)),
        ]
        wait_for(lambda: not missing(urls), f"not told: {missing(urls)}")


@contextmanager
def in_docker(service: str, port: int, *options: str) -> Iterator[str]:
    """The address of a service of docker-compose.yml, which runs alone and until the end."""
    with container(f"--publish=127.0.0.1::{port}", *options, image_of(service)) as number:
        url = published(number, port)
        wait_for(lambda: answers(f"{url}/-/ready"), f"{service} is not ready")
        yield url
