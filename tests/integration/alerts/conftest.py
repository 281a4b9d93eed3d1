"""One story for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from demo.binaries import Tools
from integration.alerts.story import Story, play


@pytest.fixture(scope="session")
def story(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Everything has happened; the stack still runs."""
    with ExitStack() as stack:
        yield play(tools, tmp_path_factory.mktemp("alerts"), stack)
