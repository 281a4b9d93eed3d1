"""From processes on GPUs to money by the run, through the whole exporter: real processes on a fake NVML."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fakes.nvml.build import build, environment
from fakes.nvml.scenario import FakeGpu, FakeProcess, Scenario
from support.programs import CONFIG, RunningExporter, exporter, wait_for, write_config


class Job:
    """Real processes, and the GPUs that the driver says they are on."""

    def __init__(self, scenario: Path, stack: ExitStack) -> None:
        self._scenario = scenario
        self._stack = stack
        self.on: dict[int, list[FakeProcess]] = {0: [], 1: []}
        self.tell()

    def start(self, gpu: int, memory_bytes: int, **environ: str) -> int:
        """Start a process on a GPU; its PID."""
        child = self._stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", "print(flush=True); input()"],
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        self._stack.callback(child.kill)
        assert child.stdout is not None
        child.stdout.readline()
        self.on[gpu].append(FakeProcess(pid=child.pid, memory_bytes=memory_bytes))
        self.tell()
        return child.pid

    def tell(self) -> None:
        """Let the driver say it."""
        gpus = (FakeGpu(uuid=f"GPU-{gpu}", processes=tuple(processes)) for gpu, processes in self.on.items())
        Scenario(gpus=tuple(gpus)).write(self._scenario)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    with ExitStack() as stack:
        yield Job(tmp_path / "scenario", stack)


@pytest.fixture
def running(job: Job, fake_nvml_libraries: Path, tmp_path: Path) -> Iterator[RunningExporter]:
    config = write_config(tmp_path, CONFIG + "split_policy: memory\n")
    with exporter(config, environ=environment(build(fake_nvml_libraries), tmp_path / "scenario")) as started:
        yield started


def run_of(running: RunningExporter, name: str) -> Any:
    answer = running.get(f"/api/v1/runs/{name}")
    return answer.json() if answer.status == 200 else {}


def test_processes_that_name_their_run_are_metered_without_any_code(job: Job, running: RunningExporter) -> None:
    job.start(0, 1, TAXIMETER_RUN="a", TAXIMETER_PROJECT="vision")
    job.start(0, 3, SLURM_JOB_ID="7", SLURM_JOB_USER="ada")
    job.start(1, 3, SLURM_JOB_ID="7", SLURM_JOB_USER="ada")  # another rank
    # a GPU is 450 USD an hour
    wait_for(lambda: run_of(running, "a").get("cost_per_hour") == {"USD": "112.500000"}, "the share of the run")
    wait_for(lambda: run_of(running, "slurm-7").get("cost_per_hour") == {"USD": "787.500000"}, "the share of the run")
    slurm = run_of(running, "slurm-7")
    assert (slurm["user"], slurm["devices"], slurm["state"]) == ("ada", ["GPU-0", "GPU-1"], "active")
    wait_for(lambda: float(run_of(running, "a")["cost"]["USD"]) > 0, "money for the run")
    job.on = {0: [], 1: []}
    job.tell()
    wait_for(lambda: run_of(running, "a")["state"] == "ended", "the end of the run")
    ended = run_of(running, "a")
    assert (ended["result"], ended["project"]) == ("gone", "vision")
    assert float(ended["cost"]["USD"]) > 0
    assert float(ended["cost"]["USD"]) == pytest.approx(ended["device_seconds"] * 450 / 3600, abs=1e-6)


def test_a_registered_run_is_weighed_by_the_pids_that_it_names(job: Job, running: RunningExporter) -> None:
    pid = job.start(1, 1)
    job.start(1, 4, TAXIMETER_RUN="b")
    wait_for(lambda: run_of(running, "b").get("state") == "active", "the run")
    body = {"run": "a", "project": "vision", "devices": ["GPU-1"], "pids": [pid]}
    assert running.call("POST", "/api/v1/runs", body).status == 201
    wait_for(lambda: run_of(running, "a")["cost_per_hour"] == {"USD": "90.000000"}, "the share of the run")
    wait_for(lambda: run_of(running, "b")["cost_per_hour"] == {"USD": "360.000000"}, "the share of the run")


def test_a_pid_that_cannot_be_is_refused(running: RunningExporter) -> None:
    answer = running.call("POST", "/api/v1/runs", {"run": "a", "project": "p", "pids": [0]})
    assert (answer.status, answer.json()["error"]["field"]) == (400, "pids[0]")
