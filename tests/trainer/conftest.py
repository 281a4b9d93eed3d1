"""What the trainer's tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from fakes.exporter import FakeExporter
from fakes.ticks import Ticks


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the machine's environment says reaches a test."""
    for variable in list(os.environ):
        if variable.startswith("TAXIMETER_") or variable in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
            monkeypatch.delenv(variable)


@pytest.fixture
def ticks() -> Ticks:
    """A clock for the meter and for the exporter, so that both agree on how much time has passed."""
    return Ticks()


@pytest.fixture
def exporter(ticks: Ticks) -> Iterator[FakeExporter]:
    """An exporter that is there."""
    fake = FakeExporter(lambda: ticks() / 1e9).start()
    yield fake
    fake.stop()
