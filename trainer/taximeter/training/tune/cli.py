"""`taximeter tune`: its options, and what happens around the study."""

from __future__ import annotations

import argparse
import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from taximeter.meter import Meter
from taximeter.names import check_run, default_run
from taximeter.settings import resolve
from taximeter.training.config import ConfigError, TrainConfig
from taximeter.training.config import options as config_options
from taximeter.training.config.file import dump
from taximeter.training.interruption import Interrupted, Interruption
from taximeter.training.metered import money_of, open_meter
from taximeter.training.tune.outcome import Objective, Outcome, best
from taximeter.training.tune.space import parse_space, size
from taximeter.usage import UsageError, named_as_option, require

if TYPE_CHECKING:
    from taximeter.training.tune.study import Search, Study
    from taximeter.training.tune.trial import Order

EXTRA = ("matplotlib", "optuna", "sklearn", "torch", "torchvision", "tqdm", "yaml")
BUDGET_STATUS = 3

SUMMARY = "search for better settings, by accuracy or by what reaching one costs"
DESCRIPTION = "Train again and again with other settings, within one budget, and show what was found."
EPILOG = """\
examples:
  taximeter tune --search learning_rate=1e-4..1e-1:log --search optimizer=sgd,adamw --trials 20 --price 3.60 --budget 5
      find the most accurate, and spend no more than 5 USD on all trials together
  taximeter tune --objective cost --target-accuracy 0.97 --search batch_size=32,64 --search learning_rate=1e-3..1e-1:log
      find the settings that reach 97% for the least money; a trial that has cost more than the best is ended
  taximeter tune --sampler grid --search optimizer=sgd,adamw --search weight_decay=0,0.01,0.05 --dataset cifar10
      try all combinations; every option of `taximeter train` is one here

Each trial is a run of its own, STUDY-t000 and so on, with its own bill; loading PyTorch is one too, STUDY. The study
is kept in runs/STUDY: study.json, study.png, and best.yaml, which `taximeter train --config` takes. The same --study
goes on with one that was ended.

exit status: 0 done, 1 no trial succeeded, 2 wrong usage, 3 ended by the budget, 130 or 143 stopped by Ctrl-C or SIGTERM
"""

_REGISTRATION_SECONDS = 2.5
_LEFT_OUT = ("save", "keep", "checkpoint_every", "resume", "start")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `taximeter tune`."""
    search = parser.add_argument_group("the search")
    search.add_argument(
        "--search",
        metavar="NAME=VALUES",
        action="append",
        required=True,
        help="a setting to try: optimizer=sgd,adamw or momentum=0.8..0.99 or learning_rate=1e-4..1e-1:log; repeat it",
    )
    search.add_argument(
        "--objective",
        choices=get_args(Objective),
        default="accuracy",
        help="accuracy: the highest; cost: the least money to --target-accuracy (default: %(default)s)",
    )
    search.add_argument(
        "--sampler",
        choices=("grid", "random", "bayesian"),
        default="bayesian",
        help="how the next settings are chosen (default: %(default)s, by Optuna's TPE)",
    )
    search.add_argument(
        "--trials", type=int, metavar="N", help="how many (default: 20; grid: as many as there are combinations)"
    )
    search.add_argument(
        "--no-prune", action="store_true", help="train every trial to its end, also one that cannot be the best"
    )
    search.add_argument("--study", metavar="NAME", help="its name, new each time (default: project, time and digits)")
    who = parser.add_argument_group("who pays")
    who.add_argument("--project", help="the project that pays (default: default)")
    who.add_argument("--team", help="the team")
    who.add_argument("--user", help="the user")
    config_options.add_arguments(parser, without=_LEFT_OUT)
    around = parser.add_argument_group("around it")
    around.add_argument("--exporter", metavar="URL", help="the exporter (default: http://127.0.0.1:9877)")
    around.add_argument(
        "--metrics-listen", metavar="HOST:PORT", help="where Prometheus scrapes (default: 127.0.0.1:9878)"
    )
    around.add_argument("--format", choices=("table", "json"), default="table", help="default: %(default)s")


def tune(options: argparse.Namespace) -> int:
    """Carry out `taximeter tune`. Returns the exit status. Raises `UsageError`, and nothing has been started then."""
    require(EXTRA)
    try:
        search = _search(options)
        from taximeter.training.tune.study import Study  # noqa: PLC0415  (Optuna is of the extra)

        folder = search.config.save.output / search.study
        study = Study(search, folder)
    except ConfigError as wrong:
        raise UsageError(str(wrong)) from None
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # see `taximeter.training.cli`
    with Interruption() as interruption:
        tuning = _Tuning(options, search, study, interruption)
        sys.stderr.write(f"study {search.study}, in {folder}\n")
        try:
            ended_by = tuning.run()
        except Interrupted:
            ended_by = "interrupted"
    _show(options, search, study, folder, simulated=tuning.simulated)
    if ended_by == "interrupted":
        return interruption.exit_status
    if ended_by == "budget":
        sys.stderr.write("the budget is spent: no further trial\n")
        return BUDGET_STATUS
    return 0 if any(outcome.end in ("finished", "pruned") for outcome in study.outcomes) else 1


class _Tuning:
    """Goes from trial to trial."""

    def __init__(self, options: argparse.Namespace, search: Search, study: Study, interruption: Interruption) -> None:
        self._options = options
        self._search = search
        self._study = study
        self._interruption = interruption
        self.simulated = False

    def run(self) -> str | None:
        """Returns what ended it before its last trial, if anything did."""
        budget = self._search.config.money.budget
        if self._study.left and self._study.budget_left(budget) == 0:
            return "budget"
        if self._study.left:
            self._get_ready()
        while self._study.left:
            if self._interruption.came:
                return "interrupted"
            outcome = self._study.go_on(budget=budget, carry_out=self._carry_out)
            if outcome is None or outcome.end == "budget":
                return "budget"
            self._say(outcome)
        return "interrupted" if self._interruption.came else None

    def _get_ready(self) -> None:
        """Load torch and the like as a run of its own: the first trial must not pay for all of them."""
        meter = self._meter(self._search.study, self._search.config)
        self._check(meter)
        import taximeter.training.run  # noqa: F401, PLC0415

        bill = meter.end("finished")
        self._study.add_overhead(bill.cost.get(self._search.config.money.currency, Decimal(0)))
        meter.close(last_scrape_seconds=0)

    def _carry_out(self, order: Order) -> Outcome:
        from taximeter.training.tune.trial import carry_out  # noqa: PLC0415

        with self._interruption.noted():
            run, journal = self._study.run_of(order.number), self._study.journal(order.number)
            meter = self._meter(run, order.config, journal=journal)
            self._check(meter)
            try:
                return carry_out(order, meter, stream=sys.stderr, should_stop=lambda: self._interruption.came)
            finally:
                self.simulated |= meter.simulated

    def _meter(self, run: str, config: TrainConfig, *, journal: Path | None = None) -> Meter:
        options = self._options
        return open_meter(
            options, config, project=options.project, run=run, listen=options.metrics_listen, journal=journal
        )

    def _check(self, meter: Meter) -> None:
        """Raises `UsageError`, with the meter closed, if the run is refused, or its price is needed and not known."""
        currency = self._search.config.money.currency
        needed = self._search.objective == "cost" or self._search.config.money.budget is not None
        refusal = meter.wait_registered(_REGISTRATION_SECONDS)
        if refusal is not None:
            meter.close(last_scrape_seconds=0)
            raise UsageError(f"the exporter refuses the run: {refusal}")
        if needed and currency not in meter.cost():
            meter.close(last_scrape_seconds=0)
            raise UsageError(f"no price is known in {currency}: start the exporter, or name one with --price")

    def _say(self, outcome: Outcome) -> None:
        total = len(self._study.outcomes) + self._study.left
        accuracy = "" if outcome.accuracy is None else f", accuracy {outcome.accuracy:.2%}"
        reason = "" if outcome.reason is None else f": {outcome.reason}"
        sys.stderr.write(f"trial {len(self._study.outcomes)}/{total} {outcome.end}{accuracy}{reason}\n")


def _search(options: argparse.Namespace) -> Search:
    from taximeter.training.tune.study import Search  # noqa: PLC0415

    config = config_options.from_arguments(options).changed(save=False, resume="none", start="now")
    space = parse_space(options.search, config)
    if options.objective == "cost" and config.loop.target_accuracy is None:
        raise ConfigError("objective", "cost needs a --target-accuracy, to which it is counted")
    combinations = size(space) if options.sampler == "grid" else None
    trials = options.trials if options.trials is not None else combinations or 20
    if trials < 1:
        raise ConfigError("trials", f"{trials} is too few: 1 or more")
    study = options.study or default_run(_project(options, config))
    try:
        check_run(f"{study}-t000")
    except ValueError as wrong:
        raise ConfigError("study", str(wrong)) from None
    return Search(
        study=study,
        config=config,
        space=space,
        sampler=options.sampler,
        objective=options.objective,
        trials=trials if combinations is None else min(trials, combinations),
        prune=not options.no_prune,
    )


def _project(options: argparse.Namespace, config: TrainConfig) -> str:
    """The project, once all that the meters will be given has been looked at."""
    try:
        return resolve(
            project=options.project,
            team=options.team,
            user=options.user,
            exporter=options.exporter,
            listen=options.metrics_listen,
            **money_of(config),
        ).project
    except ValueError as wrong:
        raise UsageError(named_as_option(str(wrong))) from None


def _show(options: argparse.Namespace, search: Search, study: Study, folder: Path, *, simulated: bool) -> None:
    from taximeter.training.tune import plot, report  # noqa: PLC0415

    outcomes, overhead = study.outcomes, study.overhead
    config, currency = search.config, search.config.money.currency
    told = report.to_json(
        outcomes,
        study=search.study,
        objective=search.objective,
        target_accuracy=config.loop.target_accuracy,
        currency=currency,
        budget=config.money.budget,
        overhead=overhead,
    )
    text = json.dumps(told, indent=2)
    table = report.to_table(
        outcomes, study=search.study, objective=search.objective, currency=currency, overhead=overhead
    )
    sys.stdout.write(f"{text if options.format == 'json' else table}\n")
    try:
        (folder / "study.json").write_text(f"{text}\n", encoding="utf-8")
        plot.plot(
            outcomes,
            folder / "study.png",
            study=search.study,
            objective=search.objective,
            target_accuracy=config.loop.target_accuracy,
            currency=currency,
            overhead=overhead,
            simulated=simulated,
        )
        found = best(outcomes, search.objective)
        if found is not None:
            winner = config.changed(**_chosen(found), save=True, budget=None)
            (folder / "best.yaml").write_text(dump(winner), encoding="utf-8")
            sys.stderr.write(f"to train with the best settings: taximeter train --config {folder / 'best.yaml'}\n")
    except OSError as wrong:
        sys.stderr.write(f"{options.prog}: {folder} cannot be written ({wrong.strerror or wrong})\n")


def _chosen(found: Outcome) -> dict[str, Any]:
    """The settings of a trial, as the schema has them."""
    from taximeter.training.config.values import forms  # noqa: PLC0415

    return {
        name: forms()[name].read(str(value)) if isinstance(value, str) else value
        for name, value in found.settings.items()
    }
