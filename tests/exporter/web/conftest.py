"""One exporter for all tests that only talk to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.programs import RunningExporter, exporter, write_config
from support.tools import tools

__all__ = ["tools"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningExporter]:
    """On the host itself, at 1 USD a second."""
    config = write_config(tmp_path_factory.mktemp("exporter"))
    with exporter(config, environ={"TAXIMETER_DEVICES": "host"}) as started:
        yield started
