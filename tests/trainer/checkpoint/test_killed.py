"""A run that is killed and goes on ends as if nothing had happened, and its money adds up."""

from __future__ import annotations

import os
import random
import signal
from decimal import Decimal
from typing import Any

from fakes.exporter import FakeExporter
from support import killable
from support.checkpoints import same
from support.runner import Runner
from taximeter.done import Done, done_from_json
from taximeter.training.checkpoint.file import load

EPOCHS = 7
STEPS = 12
KILLS = 5
SEED = 20261121
PRICE = Decimal(3600)

TRAINING = [
    *["--project", "vision", "--device", "cpu", "--format", "json"],
    *["--dataset", "synthetic", "--synthetic-images", "240", "--image-size", "8", "--batch-size", "16"],
    *["--epochs", str(EPOCHS), "--ema-decay", "0.9", "--randaugment", "3", "--mixup", "0.2", "--workers", "0"],
]


def contents(runner: Runner, run: str) -> tuple[dict[str, Any], Done]:
    """What the last checkpoint of a run holds but for the meter's state, and that."""
    held = load(runner.output / run / "checkpoints" / "last.pt")
    return held, done_from_json(held.pop("meter"))


def test_killed_five_times_it_ends_at_the_same_weights_and_the_same_cost(runner: Runner) -> None:
    runner.start(*TRAINING, "--run", "unbroken", "--price", str(PRICE), work_clock=True)
    assert runner.status() == 0, runner.said
    whole, unbroken = contents(runner, "unbroken")
    whole_bill = runner.bill

    chance = random.Random(SEED)  # noqa: S311
    options = (*TRAINING, "--run", "broken", "--price", str(PRICE), "--resume", "auto")
    for _ in range(KILLS):
        pid = runner.start(*options, work_clock=True)
        runner.done(chance.randint(2, 19))
        os.kill(pid, signal.SIGKILL)
        assert runner.status() == -signal.SIGKILL, runner.said
    runner.start(*options, work_clock=True)
    assert runner.status() == 0, runner.said
    held, broken = contents(runner, "broken")

    # The weights, their average, the optimiser, the schedule, the generators that are seeded: every bit.
    for generators in (held, whole):
        del generators["random"]["ranks"][0]["python"]
    assert held.keys() == whole.keys()
    for part in held:
        assert same(held[part], whole[part]), part

    # The money of the work that was kept is the unbroken run's; what was lost comes on top of it, and is told apart.
    assert unbroken.kept_steps == broken.kept_steps == EPOCHS * STEPS
    assert unbroken.kept_ns == broken.kept_ns == EPOCHS * STEPS * killable.STEP_NS
    assert (unbroken.lost_steps, unbroken.lost_ns) == (0, 0)
    assert broken.lost_steps > 0
    # A step that was going on at a kill had taken its time, and was not counted.
    assert 0 <= broken.lost_ns - broken.lost_steps * killable.STEP_NS <= KILLS * killable.STEP_NS
    again = {
        phase: broken.phases_ns[phase] - unbroken.phases_ns[phase]
        for phase in unbroken.phases_ns  # done twice
    }
    assert again["forward_backward"] == broken.lost_ns
    assert again["evaluation"] % killable.EVALUATION_NS == again["checkpoint"] % killable.CHECKPOINT_NS == 0
    assert broken.cost["USD"] - unbroken.cost["USD"] == sum(again.values()) * PRICE / 3600 / 10**9

    bill = runner.bill
    total = Decimal(bill["cost"]["USD"])
    assert total == Decimal(whole_bill["cost"]["USD"]) + sum(again.values()) / Decimal(10**9)
    assert bill["goodput"] < whole_bill["goodput"]


def test_with_an_exporter_the_total_is_its_ledgers(runner: Runner) -> None:
    """In real time, at a dollar a second: what the exporter booked for both leases, and nothing of the checkpoint's."""
    exporter = FakeExporter().start()
    try:
        options = (*TRAINING, "--run", "leased", "--exporter", exporter.url, "--resume", "auto", "--epochs", "3")
        pid = runner.start(*options)
        runner.done(STEPS + 5)
        os.kill(pid, signal.SIGKILL)
        assert runner.status() == -signal.SIGKILL, runner.said
        first = exporter.runs["leased"].device_seconds
        assert first > 0
        exporter.expire("leased")
        runner.start(*options)
        assert runner.status() == 0, runner.said
        booked = exporter.runs["leased"].device_seconds
    finally:
        exporter.stop()
    bill = runner.bill
    assert booked > first
    assert (bill["source"], Decimal(bill["cost"]["USD"])) == ("exporter", Decimal(f"{booked:.6f}"))
    assert bill["goodput"] < 1
