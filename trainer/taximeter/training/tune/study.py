"""The search itself, by Optuna: what to try next, what is not worth going on with, and what was found."""

from __future__ import annotations

import itertools
import json
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from taximeter.done import Done
from taximeter.journal import read_journal
from taximeter.training.config import ConfigError, TrainConfig
from taximeter.training.config.schema import LARGEST_SEED
from taximeter.training.config.values import plain
from taximeter.training.tune.outcome import Objective, Outcome, best, spent, value
from taximeter.training.tune.space import Range, Space, Values, describe, size
from taximeter.training.tune.trial import Order, killed

Sampler = Literal["grid", "random", "bayesian"]

JOURNAL = "study.log"
_PRUNE_FROM_TRIAL = 4
_PRUNE_FROM_EPOCH = 1
_NEVER: Decimal | None = None

optuna.logging.set_verbosity(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is searched for, and how."""

    study: str
    config: TrainConfig
    space: Space
    sampler: Sampler
    objective: Objective
    trials: int
    prune: bool


class Study:
    """Kept in a journal in the study's folder, so that one that was killed goes on where it was."""

    def __init__(self, search: Search, folder: Path) -> None:
        """Raises `ConfigError` if the folder holds a study of something else, or cannot be written."""
        self._search = search
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
        except OSError as wrong:
            raise ConfigError("output", f"{folder} cannot be written ({wrong.strerror}); name another") from None
        self._study = optuna.create_study(
            study_name=search.study,
            storage=self._storage,
            pruner=optuna.pruners.MedianPruner(_PRUNE_FROM_TRIAL, _PRUNE_FROM_EPOCH),
            direction="maximize" if search.objective == "accuracy" else "minimize",
            load_if_exists=True,
        )
        about = {"space": describe(search.space), "objective": search.objective}
        before = self._study.user_attrs.get("about")
        if before is not None and before != about:
            raise ConfigError("study", f"{folder} is a study of something else: {json.dumps(before)}; name another")
        self._study.set_user_attr("about", about)
        # Another seed in each process: with the first one's it would try again what that one has tried.
        self._study.sampler = _sampler(search, process=len(self._study.get_trials(deepcopy=False)))
        if search.sampler == "grid" and before is None:
            for combination in _grid(search):
                self._study.enqueue_trial(combination)
        for left in self._study.get_trials(states=(TrialState.RUNNING,)):
            self._take_over(left)

    def run_of(self, number: int) -> str:
        """What a trial is called as a run."""
        return f"{self._search.study}-t{number:03d}"

    def journal(self, number: int) -> Path:
        """Where a trial's meter records what it does, for as long as it goes on: after a kill, that is all there is."""
        return self._folder / f"{self.run_of(number)}.jsonl"

    @property
    def outcomes(self) -> list[Outcome]:
        """Of the trials that were carried out, also by earlier processes."""
        told = (trial.user_attrs.get("outcome") for trial in self._study.get_trials(deepcopy=False))
        return [Outcome.from_json(outcome) for outcome in told if outcome is not None]

    @property
    def overhead(self) -> Decimal:
        """What it cost to get ready for trials, in this process and in those before."""
        return Decimal(self._study.user_attrs.get("overhead", "0"))

    def add_overhead(self, cost: Decimal) -> None:
        """Count what was no trial's."""
        self._study.set_user_attr("overhead", f"{self.overhead + cost:f}")

    @property
    def left(self) -> int:
        """Trials that are still to be carried out; one that was not carried out to its end counts again."""
        return max(0, self._search.trials - sum(outcome.whole for outcome in self.outcomes))

    def budget_left(self, budget: Decimal | None) -> Decimal | None:
        """What a next trial may cost, at most `budget` less what was spent; `None`: there is no limit.

        0 where the start of a trial alone has cost more before than is left.
        """
        if budget is None:
            return None
        outcomes = self.outcomes
        left = budget - spent(outcomes) - self.overhead
        starts = [outcome.startup_cost for outcome in outcomes if outcome.startup_cost is not None]
        return left if left > max(starts, default=0) else Decimal(0)

    def go_on(self, *, budget: Decimal | None, carry_out: Callable[[Order], Outcome]) -> Outcome | None:
        """The next trial, with what is left of the budget; `None` if nothing is left of it."""
        left = self.budget_left(budget)
        if left == 0:
            return None
        trial = self._study.ask()
        chosen = {name: _suggest(trial, name, dimension) for name, dimension in self._search.space.items()}
        order = Order(
            number=trial.number,
            config=self._search.config.changed(**chosen, budget=left),
            settings={name: plain(chosen[name]) for name in chosen},
            hopeless=self._hopeless(trial),
            at_most=self._at_most(self.outcomes),
        )
        outcome = carry_out(order)
        trial.set_user_attr("outcome", outcome.to_json())
        if outcome.end == "pruned":
            self._study.tell(trial, state=TrialState.PRUNED)
        elif outcome.end == "finished":
            self._study.tell(trial, value(outcome, self._search.objective))
        else:
            self._study.tell(trial, state=TrialState.FAIL)
        if not outcome.whole:
            self._study.enqueue_trial(chosen)
        self.journal(trial.number).unlink(missing_ok=True)
        return outcome

    def _take_over(self, left: FrozenTrial) -> None:
        """Of a process that was killed: count what its trial had cost, and have the same tried once more."""
        done = read_journal(self.journal(left.number)) or Done()
        currency = self._search.config.money.currency
        settings = {name: plain(chosen) for name, chosen in left.params.items()}
        outcome = killed(left.number, self.run_of(left.number), settings, done, currency)
        self._storage.set_trial_user_attr(left._trial_id, "outcome", outcome.to_json())
        self._study.tell(left.number, state=TrialState.FAIL)
        self._study.enqueue_trial(left.system_attrs.get("fixed_params", {}) | left.params)
        self.journal(left.number).unlink(missing_ok=True)

    def _hopeless(self, trial: optuna.Trial) -> Callable[[int, float], bool]:
        """Worse than the median of the other trials at the same epoch. By cost that says nothing: money decides."""
        if not self._search.prune or self._search.objective == "cost":
            return lambda _epoch, _accuracy: False

        def hopeless(epoch: int, accuracy: float) -> bool:
            trial.report(accuracy, epoch)
            return trial.should_prune()

        return hopeless

    def _at_most(self, outcomes: Sequence[Outcome]) -> Decimal | None:
        if not self._search.prune or self._search.objective == "accuracy":
            return _NEVER
        found = best(outcomes, "cost")
        return _NEVER if found is None else found.cost_to_target


def _sampler(search: Search, *, process: int) -> optuna.samplers.BaseSampler:
    seed = (search.config.loop.seed + process) % (LARGEST_SEED + 1)
    if search.sampler == "bayesian":
        return optuna.samplers.TPESampler(seed=seed)
    return optuna.samplers.RandomSampler(seed=seed)


def _grid(search: Search) -> list[dict[str, Any]]:
    """All combinations, in an order of the seed's: a study that its budget ends has then seen some of everything."""
    size(search.space)
    values = [each.values for each in search.space.values() if isinstance(each, Values)]
    combinations = [dict(zip(search.space, chosen, strict=True)) for chosen in itertools.product(*values)]
    random.Random(search.config.loop.seed).shuffle(combinations)  # noqa: S311  (nothing secret)
    return combinations


def _suggest(trial: optuna.Trial, name: str, dimension: Values | Range) -> Any:
    if isinstance(dimension, Values):
        return trial.suggest_categorical(name, dimension.values)
    if dimension.whole:
        return trial.suggest_int(name, int(dimension.low), int(dimension.high), log=dimension.log)
    return trial.suggest_float(name, float(dimension.low), float(dimension.high), log=dimension.log)
