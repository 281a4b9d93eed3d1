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
from optuna.trial import TrialState

from taximeter.training.config import ConfigError, TrainConfig
from taximeter.training.config.values import plain
from taximeter.training.tune.outcome import Objective, Outcome, best, spent, value
from taximeter.training.tune.space import Range, Space, Values, describe, size
from taximeter.training.tune.trial import Order

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
        try:
            folder.mkdir(parents=True, exist_ok=True)
            storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
        except OSError as wrong:
            raise ConfigError("output", f"{folder} cannot be written ({wrong.strerror}); name another") from None
        self._study = optuna.create_study(
            study_name=search.study,
            storage=storage,
            sampler=_sampler(search),
            pruner=optuna.pruners.MedianPruner(_PRUNE_FROM_TRIAL, _PRUNE_FROM_EPOCH),
            direction="maximize" if search.objective == "accuracy" else "minimize",
            load_if_exists=True,
        )
        about = {"space": describe(search.space), "objective": search.objective}
        before = self._study.user_attrs.get("about")
        if before is not None and before != about:
            raise ConfigError("study", f"{folder} is a study of something else: {json.dumps(before)}; name another")
        self._study.set_user_attr("about", about)
        if search.sampler == "grid" and before is None:
            for combination in _grid(search):
                self._study.enqueue_trial(combination)
        for left in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._study.tell(left.number, state=TrialState.FAIL)  # its process was killed

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
        """Trials that are still to be carried out."""
        return max(0, self._search.trials - len(self.outcomes))

    def go_on(self, *, budget: Decimal | None, carry_out: Callable[[Order], Outcome]) -> Outcome | None:
        """The next trial, with what is left of the budget; `None` if nothing is left of it."""
        outcomes = self.outcomes
        left = None if budget is None else budget - spent(outcomes) - self.overhead
        if left is not None and left <= 0:
            return None
        trial = self._study.ask()
        chosen = {name: _suggest(trial, name, dimension) for name, dimension in self._search.space.items()}
        order = Order(
            number=trial.number,
            config=self._search.config.changed(**chosen, budget=left),
            settings={name: plain(chosen[name]) for name in chosen},
            hopeless=self._hopeless(trial),
            at_most=self._at_most(outcomes),
        )
        outcome = carry_out(order)
        trial.set_user_attr("outcome", outcome.to_json())
        if outcome.end == "pruned":
            self._study.tell(trial, state=TrialState.PRUNED)
        elif outcome.end in ("failed", "interrupted"):
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, value(outcome, self._search.objective))
        return outcome

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


def _sampler(search: Search) -> optuna.samplers.BaseSampler:
    seed = search.config.loop.seed
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
