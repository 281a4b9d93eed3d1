"""A training that has a budget ends before it is passed, by at most one step."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import taximeter
from fakes.exporter import FakeExporter
from fakes.ticks import Ticks
from support.checkpoints import header
from support.programs import wait_for
from taximeter.training.callbacks.base import Callback
from taximeter.training.callbacks.budget import Budget
from taximeter.training.callbacks.checkpointing import Checkpointing
from taximeter.training.checkpoint.file import read
from taximeter.training.checkpoint.folder import CheckpointFolder
from taximeter.training.data.batches import Batch
from taximeter.training.engine.state import TrainState
from torch import Tensor
from trainer.engine.tiny import InMemory, Tiny

EVALUATION_BATCHES = 3


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long things take, in seconds, give or take some of it."""

    startup: float = 1.0
    first_step: float = 0.5
    step: float = 0.25
    evaluation: float = 0.5
    checkpoint: float = 0.05
    varies: float = 0.0
    seed: int = 0


class TimedTraining:
    """A training whose every part takes the time that it is given, on a clock of its own."""

    def __init__(
        self,
        path: Path,
        pace: Pace,
        *,
        budget: str,
        price: str | None = "3600",
        exporter: str | None = None,
        kind: type[Budget] = Budget,
        **tiny: Any,
    ) -> None:
        self.ticks = Ticks()
        self.longest_step = 0.0
        self.pace = pace
        self._random = random.Random(pace.seed)  # noqa: S311
        self.meter = taximeter.Meter(
            run="r", listen="127.0.0.1:0", price=price, budget=budget, exporter=exporter, clock=self.ticks
        )
        self.meter.wait_registered(10)
        self.tiny = Tiny(self.meter, **tiny)
        self.tiny.parts.validation.__class__ = type("Timed", (InMemory,), {"__iter__": self._timed_validation()})
        self.path = path
        self.checkpointing = Checkpointing(
            self.meter,
            ranks=self.tiny.parts.ranks,
            folder=CheckpointFolder(path),
            parts={**self.tiny.parts.stateful(), "state": self.tiny.state, "clock": self},
            about=header(),
            every="epoch",
            keep=2,
            clock=self.seconds,
        )
        assert self.meter.budget is not None
        self.budget = kind(
            self.meter,
            self.meter.budget,
            evaluation_steps=EVALUATION_BATCHES,
            checkpointing=self.checkpointing,
        )
        self.tiny.step = _Timed(self)  # type: ignore[assignment]

    def seconds(self) -> float:
        return self.ticks() / 1e9

    def take(self, seconds: float) -> float:
        taken = seconds * (1 + self._random.uniform(-1, 1) * self.pace.varies)
        self.ticks.advance(taken)
        return taken

    def step(self, state: TrainState) -> None:
        pace = self.pace
        self.longest_step = max(self.longest_step, self.take(pace.first_step if state.step == 0 else pace.step))
        state.step += 1

    def state_dict(self) -> dict[str, Any]:
        self.take(self.pace.checkpoint)
        return {}

    def load_state_dict(self, state: Any) -> None:
        """It has none."""

    def run(self, *callbacks: Callback) -> TrainState:
        self.take(self.pace.startup)
        return self.tiny.run(self.budget, self.checkpointing, *callbacks)

    @property
    def spent(self) -> Decimal:
        return self.meter.cost()["USD"]

    def _timed_validation(self) -> Any:
        timed = self

        def iterate(self: InMemory) -> Iterator[Batch]:
            for batch in InMemory.__iter__(self):
                timed.take(timed.pace.evaluation / EVALUATION_BATCHES)
                yield batch

        return iterate


class _Timed:
    """A step that only takes its time."""

    def __init__(self, training: TimedTraining) -> None:
        self._training = training

    def forward_backward(self, _images: Tensor, _labels: Tensor, state: TrainState) -> None:
        self._training.step(state)

    def optimize(self, _state: TrainState) -> None:
        """Took its time already."""


@pytest.fixture
def close() -> Iterator[list[TimedTraining]]:
    made: list[TimedTraining] = []
    yield made
    for training in made:
        training.meter.close(last_scrape_seconds=0)


def test_the_one_that_is_named_in_the_issue(tmp_path: Path, close: list[TimedTraining]) -> None:
    """20 USD at a dollar a second; steps of a quarter: it ends where another step, evaluation and save do not fit."""
    training = TimedTraining(tmp_path, Pace(), budget="20", epochs=1000)
    close.append(training)
    state = training.run()
    assert state.stop == "budget"
    # Foreseen are 0.25 + 0.5 × 1.2 + 0.05 × 1.2 s, at the end of an epoch with another checkpoint; 0.05 s it took.
    assert Decimal("19.03") < training.spent - Decimal("0.05") <= Decimal("19.95")
    last = read(tmp_path / "last.pt")
    assert (last.step, last.stop) == (state.step, "budget")
    assert training.budget.reason == (
        f"{training.spent - Decimal('0.05'):.2f} USD of the budget of 20.00 USD are spent at step {state.step}: "
        "too little is left for another (foreseen: step 0.25 s, evaluation 0.6 s, checkpoint 0.06 s)"
    )
    assert training.meter.end("budget").budget == {"USD": Decimal(20)}


def test_100_random_budgets_are_passed_by_no_more_than_a_step(
    tmp_path_factory: pytest.TempPathFactory, record_testsuite_property: Any
) -> None:
    chance = random.Random(20261121)  # noqa: S311
    steps_over, unused = [], []
    for seed in range(100):
        step = chance.uniform(0.02, 1.0)
        pace = Pace(
            startup=chance.uniform(0, 3),
            first_step=step * chance.uniform(1, 3),
            step=step,
            evaluation=step * chance.uniform(0.2, EVALUATION_BATCHES),
            checkpoint=chance.uniform(0.001, 0.08),
            varies=chance.uniform(0, 0.1),
            seed=seed,
        )
        budget = Decimal(f"{pace.startup * 1.1 + step * chance.uniform(1, 25):.2f}")
        images = chance.choice([48, 96, 320])
        path = tmp_path_factory.mktemp("run")
        training = TimedTraining(path, pace, budget=str(budget), images=images, epochs=10**6)
        state = training.run()
        assert state.stop == "budget"
        if state.step:
            assert read(training.path / "last.pt").step == state.step
        steps_over.append(float(training.spent - budget) / max(training.longest_step, 1e-9) if state.step else 0.0)
        unused.append(float((budget - training.spent) / budget))
        training.meter.close(last_scrape_seconds=0)
    record_testsuite_property("largest_overshoot_in_steps", max(steps_over))
    record_testsuite_property("mean_share_unused", sum(unused) / len(unused))
    assert max(steps_over) <= 1


class Eager(Budget):
    """Looks at each step."""

    def step_look(self, state: TrainState) -> None:
        super().step_look(state)
        state.pace.look_at = 0


class Jolts(Callback):
    """Now and then another price, or a step that takes up to a hundred times as long."""

    def __init__(self, training: TimedTraining, seed: int) -> None:
        self._training = training
        self._random = random.Random(seed)  # noqa: S311

    def step_end(self, _state: TrainState) -> None:
        training, chance = self._training, self._random.random()
        if chance < 0.01:
            training.take(training.pace.step * self._random.uniform(1, 100))
        elif chance < 0.02:
            price = {"USD": Decimal(self._random.choice([1800, 3600, 7200, 36000]))}
            training.meter._cost.begin(price, at=training.ticks(), before=training.meter.cost())


class Looks(Callback):
    """Writes down at which steps was looked."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def step_look(self, state: TrainState) -> None:
        self.steps.append(state.step)


@pytest.mark.parametrize("seed", range(8))
def test_to_look_only_once_a_second_changes_nothing(tmp_path: Path, close: list[TimedTraining], seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    step = chance.choice([0.01, 0.05, 0.4, 2.0])
    pace = Pace(step=step, evaluation=step * 2, varies=0.3, seed=seed)
    ends = []
    for kind in (Budget, Eager):
        training = TimedTraining(
            tmp_path / kind.__name__, pace, kind=kind, budget=str(round(300 * step + 10)), images=1600, epochs=10**6
        )
        close.append(training)
        if seed % 2:
            training.checkpointing._every = 7 * step
        looks = Looks()
        state = training.run(Jolts(training, seed), looks)
        assert state.stop == "budget"
        ends.append((state.step, training.spent, training.budget.reason, list(training.budget._steps), looks.steps))
    lazy, eager = ends
    assert lazy[:4] == eager[:4]
    assert eager[4] == list(range(1, eager[0] + 1))
    if step < 0.4:
        assert len(lazy[4]) < len(eager[4])


def test_far_from_its_end_it_is_looked_at_once_a_second(tmp_path: Path, close: list[TimedTraining]) -> None:
    training = TimedTraining(tmp_path, Pace(step=0.05), budget="1000000", images=1600, epochs=1)
    close.append(training)
    looks = Looks()
    assert training.run(looks).stop is None
    assert looks.steps == [1, 2, 22, 42, 62, 82]


def test_a_checkpoint_within_an_epoch_is_no_part_of_a_step(tmp_path: Path, close: list[TimedTraining]) -> None:
    training = TimedTraining(tmp_path, Pace(first_step=0.25, checkpoint=3), budget="1000000", images=640, epochs=1)
    close.append(training)
    training.checkpointing._every = 2.0
    training.run()
    assert len(list(CheckpointFolder(tmp_path).checkpoints())) > 1
    assert set(training.budget._steps) == {0.25}


def test_a_start_up_that_ate_the_budget_stops_before_the_first_step(tmp_path: Path, close: list[TimedTraining]) -> None:
    training = TimedTraining(tmp_path, Pace(startup=9.5), budget="10")
    close.append(training)
    state = training.run()
    assert (state.stop, state.step) == ("budget", 0)
    assert list(tmp_path.iterdir()) == []
    assert training.budget.reason is not None
    assert training.budget.reason.startswith(
        "start-up has cost 9.50 USD of the budget of 10.00 USD: too little is left for a step (foreseen: step 1 s, ch"
    )


def test_the_end_is_foreseen_at_each_epoch(tmp_path: Path, close: list[TimedTraining]) -> None:
    """An epoch of 3 steps, an evaluation and a checkpoint costs 1.30."""
    forecasts = []

    class Watch(Callback):
        def epoch_begin(self, state: TrainState) -> None:
            forecasts.append(state.forecast)

    training = TimedTraining(tmp_path, Pace(startup=0, first_step=0.25), budget="10", epochs=20)
    close.append(training)
    state = training.run(Watch())
    assert state.epoch == 7
    assert forecasts == [None, *["this budget ends in epoch 7"] * 6]
    enough = TimedTraining(tmp_path, Pace(startup=0, first_step=0.25), budget="100", epochs=3)
    close.append(enough)
    forecasts.clear()
    assert enough.run(Watch()).stop is None
    assert forecasts == [None, "2.60 USD to finish, within the budget", "1.30 USD to finish, within the budget"]


def test_a_price_that_rises_ends_it_sooner(tmp_path: Path, close: list[TimedTraining], exporter: FakeExporter) -> None:
    """The exporter's price is a dollar a second, and after 5 s ten: 15 dollars would have lasted for 15 s."""
    exporter.price_per_hour = {"USD": Decimal(3600)}
    training = TimedTraining(tmp_path, Pace(startup=0), budget="15", price=None, exporter=exporter.url, epochs=1000)
    close.append(training)
    exporter.clock = training.seconds
    renewed = exporter.runs["r"].renewed_at = training.seconds()

    class Rise(Callback):
        def step_end(self, _state: TrainState) -> None:
            if training.seconds() - renewed >= 5 and exporter.price_per_hour["USD"] == 3600:
                exporter.price_per_hour = {"USD": Decimal(36000)}
                before = exporter.count("/renew")
                # One may be on its way with the old price.
                wait_for(lambda: exporter.count("/renew") >= before + 2, "no renewal")

    state = training.run(Rise())
    assert state.stop == "budget"
    assert training.seconds() - renewed < 8
