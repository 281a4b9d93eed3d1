"""One GPU of the fake NVML library, read again and again by a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from fakes.manual_clock import ManualClock
from fakes.nvml.h100 import RAW
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeGpu, Scenario
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.nvml import NvmlSource
from taximeter_exporter.devices.reading import Device, Reading

Raw = int | float | str | None


@dataclass
class Watched:
    """The GPU, and what it answers: `raw` besides the basics."""

    nvml: FakeNvml
    source: NvmlSource
    device: Device
    clock: ManualClock
    scenario: Scenario

    def answer(self, gpu: FakeGpu | None = None, **raw: Raw) -> None:
        """From now on; the keys of `raw` as the scenario has them, with `__` for the point."""
        (now,) = self.scenario.gpus
        keys = {key.replace("__", "."): value for key, value in raw.items()}
        gpu = gpu or now
        self.scenario = replace(self.scenario, gpus=(replace(gpu, raw={**gpu.raw, **keys}),))
        self.nvml.answer(self.scenario)

    def load_driver(self, times: int) -> None:
        """So often it was loaded by now; 0: it is unloaded."""
        self.scenario = replace(self.scenario, driver_load=times)
        self.nvml.answer(self.scenario)

    def read(self, *, after_seconds: float = 1) -> Reading:
        """The reading, so long after the one before."""
        self.clock.advance(ns=round(after_seconds * NS_PER_SECOND))
        return self.source.read(self.device)

    def calls(self, *, after_seconds: float = 1) -> list[str]:
        """The calls that a reading makes."""
        before = len(self.nvml.calls())
        self.read(after_seconds=after_seconds)
        return self.nvml.calls()[before:]


@contextmanager
def watch(nvml: FakeNvml, **raw: Raw) -> Iterator[Watched]:
    """Begins with the GPU that is like an H100, and `raw` besides."""
    clock = ManualClock()
    keys = {key.replace("__", "."): value for key, value in raw.items()}
    scenario = Scenario(gpus=(FakeGpu(raw={**RAW, **keys}),))
    nvml.answer(scenario)
    source = NvmlSource(clock.elapsed_ns)
    (device,) = source.devices()
    watched = Watched(nvml, source, device, clock, scenario)
    yield watched
    nvml.answer(Scenario(driver_load=watched.scenario.driver_load))
    source.close()
