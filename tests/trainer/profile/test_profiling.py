"""Profiled steps: which are recorded, what is told of them, and that nothing else is touched."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import taximeter.training.callbacks.profiling as module
import torch
from fakes.ticks import Ticks
from support.promptness import waited_seconds_of_this_thread
from taximeter import Meter
from taximeter.training.callbacks.base import Callback
from taximeter.training.callbacks.profiling import Profiling
from taximeter.training.engine.state import TrainState
from taximeter.training.profile.recorder import OperatorTime, Recorder
from taximeter.training.profile.steps import StepRange
from taximeter.training.profile.summary import Summary, listed, phase_shares
from taximeter.training.profile.table import table
from trainer.engine.tiny import CPU, Tiny, same


@contextmanager
def metered(**options: Any) -> Iterator[Meter]:
    """Nobody scrapes it afterwards."""
    meter = Meter("vision", run="profiled", listen="127.0.0.1:0", **{"price": 3600, **options})
    try:
        yield meter
    finally:
        meter.close(last_scrape_seconds=0)


def profiler_is_on() -> bool:
    return bool(torch.autograd._profiler_enabled())  # type: ignore[attr-defined]


class Watch(Callback):
    """After which steps, and at the end of which epochs, the profiler is on."""

    def __init__(self) -> None:
        self.on: list[int] = []
        self.at_ends: list[bool] = []

    def step_end(self, state: TrainState) -> None:
        if profiler_is_on():
            self.on.append(state.step)

    def epoch_end(self, state: TrainState) -> None:  # noqa: ARG002
        self.at_ends.append(profiler_is_on())


def profiled(
    steps: StepRange, folder: Path | None, *, stop_after: int | None = None, **options: Any
) -> tuple[Tiny, str, list[int]]:
    """A training of three epochs of three steps; after which of them the profiler went on recording."""
    said, watch = io.StringIO(), Watch()
    with metered(**options) as meter:
        training = Tiny(meter, epochs=3)
        profiling = Profiling(meter, steps, device=CPU, folder=folder, stream=said)
        training.run(profiling, watch, stop_after=stop_after)
    assert not any(watch.at_ends), "evaluations are not profiled"
    return training, said.getvalue(), watch.on


@pytest.mark.parametrize(
    ("asked", "recorded", "goes_on_after"),
    [
        ((4, 6), (4, 6), [4, 5]),
        ((1, 2), (1, 2), [1]),
        ((2, 2), (2, 2), [1]),
        ((5, 100), (5, 6), [4, 5]),  # the epoch ends there
        ((3, 5), (3, 3), [2]),
    ],
)
def test_those_steps_are_recorded_and_no_others(
    asked: tuple[int, int], recorded: tuple[int, int], goes_on_after: list[int], tmp_path: Path
) -> None:
    _, said, on = profiled(StepRange(*asked), tmp_path / "profile")
    assert on == goes_on_after
    summary = json.loads((tmp_path / "profile" / "summary.json").read_text())
    assert (summary["first_step"], summary["last_step"]) == recorded
    assert said.startswith(f"Profile of profiled, steps {StepRange(*recorded)} on the CPU: ")
    steps = recorded[1] - recorded[0] + 1
    (convolution,) = (its for its in summary["operators"] if its["name"] == "aten::convolution_backward")
    assert convolution["calls"] == 2 * steps, "of two layers"


def test_the_summary_adds_up_and_the_trace_is_one(tmp_path: Path) -> None:
    waited = waited_seconds_of_this_thread()
    _, said, _ = profiled(StepRange(4, 6), tmp_path)
    waited = waited_seconds_of_this_thread() - waited
    it = json.loads((tmp_path / "summary.json").read_text())
    listed_seconds = sum(each["cpu_seconds"] for each in [*it["operators"], it["other_operators"]])
    assert listed_seconds == pytest.approx(it["cpu_seconds"])
    assert it["cpu_seconds"] + it["outside_operators"]["seconds"] == pytest.approx(it["seconds"])
    assert sum(phase["seconds"] for phase in it["phases"]) == pytest.approx(it["seconds"], rel=0.1, abs=0.005 + waited)
    assert {phase["phase"] for phase in it["phases"]} >= {"data_wait", "forward_backward", "optimizer"}
    # at 3,600 an hour a second costs 1
    assert float(it["cost"]["USD"]) == pytest.approx(it["seconds"], abs=1e-8)
    first = it["operators"][0]
    assert float(first["cost"]["USD"]) == pytest.approx(first["cpu_seconds"], abs=1e-8)
    assert first["share"] == pytest.approx(first["cpu_seconds"] / it["seconds"])
    assert it["device_seconds"] is None and it["simulated"] is False
    assert it["profiling_seconds"] > 0 and it["seconds_per_step_before"] > 0
    assert f"{first['name']:<44}" in said
    with gzip.open(tmp_path / "trace.json.gz") as file:
        events = json.load(file)["traceEvents"]
    names = [event.get("name") for event in events]
    assert names.count("aten::convolution_backward") == 2 * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["summary.json", "trace.json.gz"]


def test_profiling_changes_no_weight(tmp_path: Path) -> None:
    profiled_, _, _ = profiled(StepRange(2, 5), tmp_path)
    with metered() as meter:
        plain = Tiny(meter, epochs=3)
        plain.run()
    assert same(profiled_.weights(), plain.weights())


def test_without_a_folder_it_is_told_alone() -> None:
    _, said, _ = profiled(StepRange(2, 3), None)
    assert "aten::convolution_backward" in said
    assert "trace" not in said


def test_steps_that_never_came() -> None:
    _, said, on = profiled(StepRange(10, 20), None)
    assert (said, on) == ("--profile-steps 10-20: the training did not come to these steps\n", [])


def test_a_training_that_is_stopped_meanwhile(tmp_path: Path) -> None:
    _, said, _ = profiled(StepRange(4, 6), tmp_path, stop_after=5)
    assert "steps 4-5" in said
    assert not profiler_is_on()
    _, said, _ = profiled(StepRange(6, 6), tmp_path, stop_after=5)
    assert not profiler_is_on(), "it had begun with the wait for step 6, which never came"


def test_a_budget_that_leaves_no_time_is_kept() -> None:
    _, said, on = profiled(StepRange(2, 3), None, budget=Decimal(9), clock=Ticks())
    assert (said, on) == ("--profile-steps 2-3: the budget leaves no time for it\n", [])


def test_what_fails_does_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    training, _, _ = profiled(StepRange(2, 3), tmp_path / "file")
    assert training.state.epochs_done == 3
    assert "--profile-steps 2-3: " in caplog.text

    def broken(_device: torch.device) -> Recorder:
        raise RuntimeError("another profiler is on")

    monkeypatch.setattr(module, "Recorder", broken)
    training, _, _ = profiled(StepRange(2, 3), None)
    assert training.state.epochs_done == 3
    assert "another profiler is on; the training goes on" in caplog.text


def made(*, on_gpu: bool, simulated: bool = False) -> Summary:
    """Of 20 operators, the first of 1 ms on the CPU and 20 ms on the GPU, the last the other way round."""
    operators = [
        OperatorTime(name=f"op{n}", calls=n, cpu_seconds=n / 1e3, device_seconds=(21 - n) / 1e3) for n in range(1, 21)
    ]
    price = {"USD": Decimal(3600)}
    named, others = listed(operators, on_gpu=on_gpu, seconds=0.42, cost_per_hour=price)
    return Summary(
        run="made",
        steps=StepRange(10, 11),
        device="GPU",
        on_gpu=on_gpu,
        seconds=0.42,
        seconds_per_step_before=0.2,
        cost_per_hour=price,
        simulated=simulated,
        phases=phase_shares({"data_wait": 42_000_000, "optimizer": 0}, seconds=0.42, cost_per_hour=price),
        operators=named,
        other_operators=others,
        cpu_seconds=0.21,
        device_seconds=0.21,
        profiling_seconds=2.0,
    )


def test_on_a_gpu_its_time_counts_and_on_a_cpu_the_processors() -> None:
    gpu, cpu = made(on_gpu=True), made(on_gpu=False)
    assert [each.name for each in gpu.operators[:2]] == ["op1", "op2"]
    assert [each.name for each in cpu.operators[:2]] == ["op20", "op19"]
    assert gpu.operators[0].cost == {"USD": Decimal("0.02")}
    assert gpu.operators[0].share == pytest.approx(20 / 420)
    assert (len(gpu.operators), gpu.other_operators.calls) == (15, sum(range(16, 21)))
    assert gpu.outside_seconds == pytest.approx(0.21)
    lines = table(made(on_gpu=True, simulated=True)).splitlines()
    assert lines[:3] == [
        "Profile of made, steps 10-11 on GPU: 0.420 s, 0.42000000 USD",
        "  NOTE: simulated devices: this is not real money",
        f"  {'data wait':<44} {'42.00':>10}   10.0%  0.04200000 USD",
    ]
    assert any(line.startswith("  GPU idle") and " 50.0% " in line for line in lines)
    assert lines[-1].endswith(
        "a step took 210.0 ms, and 200.0 ms before without the profiler; profiling took 2.0 s besides, 2.00000000 USD"
    )
