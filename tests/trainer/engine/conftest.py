"""A tiny training to look at the engine with: noise to learn, in memory, and a network of a few weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import taximeter
import torch
from fakes.exporter import FakeExporter
from fakes.ticks import Ticks
from trainer.engine.tiny import Tiny


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Two would wait for each other where the tests share the processors with something else."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def meter(exporter: FakeExporter, ticks: Ticks) -> Iterator[taximeter.Meter]:
    meter = taximeter.Meter("vision", run="r", exporter=exporter.url, listen="127.0.0.1:0", clock=ticks)
    meter.wait_registered(10)
    yield meter
    meter.close(last_scrape_seconds=0)


@pytest.fixture
def tiny(meter: taximeter.Meter) -> Callable[..., Tiny]:
    """Makes a training of 48 images in batches of 16, changed by its arguments."""

    def make(**changes: object) -> Tiny:
        return Tiny(meter, **changes)  # type: ignore[arg-type]

    return make
