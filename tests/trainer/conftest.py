"""What the trainer's tests share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import taximeter
from fakes.exporter import FakeExporter
from fakes.ticks import Ticks

Build = Callable[..., taximeter.Meter]


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


@pytest.fixture
def build(exporter: FakeExporter, ticks: Ticks) -> Iterator[Build]:
    """Make meters that are closed in the end."""
    made: list[taximeter.Meter] = []

    def build(**options: Any) -> taximeter.Meter:
        given: dict[str, Any] = {"run": "r", "exporter": exporter.url, "listen": "127.0.0.1:0", "clock": ticks}
        meter = taximeter.Meter("vision", **(given | options))
        meter.wait_registered(10)
        made.append(meter)
        return meter

    yield build
    for meter in made:
        meter.close(last_scrape_seconds=0)
