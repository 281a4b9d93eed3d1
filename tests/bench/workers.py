"""Processes that hold GPUs, as far as exporters can see: real ones, which sleep."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fakes.nvml.scenario import FakeGpu, FakeProcess, FakeSample, Scenario


@contextmanager
def workers(*, gpus: int, processes: int) -> Iterator[Sequence[Sequence[int]]]:
    """The PIDs of so many processes for each GPU. Those of one GPU are a run, by `TAXIMETER_RUN`."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for gpu in range(gpus):
            environ = {**os.environ, "TAXIMETER_RUN": f"run-{gpu}", "TAXIMETER_PROJECT": "bench"}
            started += [subprocess.Popen(["sleep", "infinity"], env=environ) for _ in range(processes)]
        pids = [process.pid for process in started]
        yield [pids[place : place + processes] for place in range(0, len(pids), processes)]
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def on_gpus(pids: Sequence[Sequence[int]]) -> Scenario:
    """A busy GPU for each list of processes; they use its multiprocessors alike."""
    return Scenario(
        gpus=tuple(
            FakeGpu(
                uuid=f"GPU-00000000-0000-0000-0000-{index:012d}",
                processes=tuple(FakeProcess(pid=pid) for pid in here),
                samples=tuple(
                    FakeSample(pid=pid, timestamp_us=1000 + place, sm_percent=100 // len(here))
                    for place, pid in enumerate(here)
                ),
            )
            for index, here in enumerate(pids)
        )
    )
