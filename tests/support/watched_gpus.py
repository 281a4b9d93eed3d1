"""The exporter as a program, on GPUs of the fake NVML library that a test changes while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fakes.nvml.build import build, environment
from fakes.nvml.scenario import FakeGpu, Scenario

from support.programs import CONFIG, RunningExporter, exporter, listening, write_config


@dataclass
class Watched:
    """It lists its devices each second, and samples them ten times as often."""

    running: RunningExporter
    scenario: Path
    ledger: Path

    def show(self, *gpus: FakeGpu, driver_load: int = 1) -> None:
        """What the driver shows from now on."""
        Scenario(gpus=gpus, driver_load=driver_load).write(self.scenario)

    @property
    def up(self) -> Mapping[str, float]:
        """`taximeter_gpu_up`, by UUID."""
        metrics = self.running.metrics()
        return {dict(has)["uuid"]: value for (name, has), value in metrics.items() if name == "taximeter_gpu_up"}

    def cost(self, uuid: str) -> float:
        """What a device has cost, whoever had it."""
        metrics = self.running.metrics()
        return sum(
            value for (name, has), value in metrics.items() if name == "taximeter_cost_total" and ("uuid", uuid) in has
        )


@contextmanager
def watched(
    folder: Path, libraries: Path, *gpus: FakeGpu, config: str = CONFIG, ready: bool = True
) -> Iterator[Watched]:
    """Start it on these GPUs, and stop it in the end. Not `ready`: something is wrong from the beginning."""
    scenario = folder / "scenario"
    Scenario(gpus=gpus).write(scenario)
    start = exporter if ready else listening
    with start(write_config(folder, config), environ=environment(build(libraries), scenario)) as running:
        here = Watched(running, scenario, folder / "ledger.db")
        try:
            yield here
        finally:
            here.show(*gpus)
