"""`taximeter train` in two processes that torchrun starts and SIGTERM ends, as a machine that is taken away does."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from fakes.exporter import FakeExporter
from support.programs import wait_for
from taximeter.training.checkpoint.folder import CheckpointFolder

SECONDS = 480


def two_free_ports() -> int:
    """The first of two neighbours that nobody listens on."""
    for port in range(20000 + os.getpid() % 20000, 60000, 2):
        try:
            with socket.create_server(("127.0.0.1", port)), socket.create_server(("127.0.0.1", port + 1)):
                return port
        except OSError:
            continue
    raise AssertionError("no ports")


def steps_of(port: int) -> dict[tuple[str, str], float]:
    """Steps by the labels run and rank; empty while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    found = re.findall(r'^taximeter_training_steps_total\{rank="(.*?)",run="(.*?)"\} (.*)$', text, re.MULTILINE)
    return {(run, rank): float(value) for rank, run, value in found}


def test_a_run_of_two_processes_is_one_run_and_stops_as_one(tmp_path: Path) -> None:
    exporter = FakeExporter().start()
    port = two_free_ports()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "taximeter", "train", "--project", "vision", "--exporter", exporter.url, "--format", "json"]
    command += ["--metrics-listen", f"127.0.0.1:{port}", "--output", str(tmp_path), "--epochs", "9999"]
    command += ["--dataset", "synthetic", "--synthetic-images", "8000", "--image-size", "8", "--batch-size", "16"]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as torchrun:
        try:
            ports = (port, port + 1)
            wait_for(
                lambda: all(max(steps_of(each).values(), default=0) > 2 for each in ports), "no steps", seconds=SECONDS
            )
            labels = [next(iter(steps_of(each))) for each in ports]
            torchrun.send_signal(signal.SIGTERM)
            printed, said = torchrun.communicate(timeout=SECONDS)
        finally:
            torchrun.kill()
            exporter.stop()
    (run, first), (also, second) = labels
    assert (run, first, second) == (also, "0", "1"), said
    bill = json.loads(printed)  # of one process alone
    assert (bill["run"], bill["result"]) == (run, "stopped"), said
    # Of both processes together, each of which had 8 images a step.
    assert bill["samples"] == 16 * bill["steps"]
    assert exporter.runs[run].progress["samples"] == bill["samples"]
    # One run for the exporter, which ended as it should.
    assert {name: known.result for name, known in exporter.runs.items()} == {run: "stopped"}
    (checkpoint,) = CheckpointFolder(tmp_path / run / "checkpoints").checkpoints()
    assert checkpoint.name == f"000001-step-{bill['steps']}.pt"
