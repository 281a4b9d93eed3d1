"""Fixtures of other rooms that these tests use, and the two alerts that are delivered while others fire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from demo.binaries import Tools
from demo.configs import configure_alertmanager
from demo.interrupts import Interrupts
from demo.ports import ANY, free_ports
from demo.processes import Processes
from demo.stack import Starter
from support.firing import Delivered, start
from support.tools import tools

__all__ = ["tools"]


@pytest.fixture(scope="session")
def delivered(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivered]:
    """The Alertmanager that runs waits for no other alerts."""
    folder = tmp_path_factory.mktemp("running")
    ports = free_ports(ANY)
    config = folder / "alertmanager.yml"
    configure_alertmanager(config, ports, None, None)
    settings = yaml.safe_load(config.read_text())
    settings["route"] = {"receiver": "people", "group_wait": "0s", "group_interval": "1s"}
    config.write_text(yaml.safe_dump(settings))
    with Processes() as processes:
        starter = Starter(folder, ports, processes, Interrupts())
        receiver, alertmanager = starter.receiver(), starter.alertmanager(tools.alertmanager, config)
        here = start("TaximeterGpuHot")
        there = start("TaximeterGpuDown", "--alertmanager", alertmanager.url, "--minutes", "0.01")
        try:
            yield Delivered(here, there, receiver.url)
        finally:
            for process in (here, there):
                process.terminate()
                process.communicate()
