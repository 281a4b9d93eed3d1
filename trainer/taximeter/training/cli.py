"""`taximeter train`: its options, and what happens around the training itself."""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import TYPE_CHECKING

from taximeter.meter import Meter
from taximeter.settings import Settings, resolve
from taximeter.training.beginning import Beginning, settle
from taximeter.training.checkpoint.error import CheckpointError
from taximeter.training.config import ConfigError, TrainConfig
from taximeter.training.config import options as config_options
from taximeter.training.config.schema import SaveConfig
from taximeter.training.errors import TrainingError
from taximeter.training.interruption import Interrupted, Interruption
from taximeter.training.metered import money_of, open_meter
from taximeter.training.start import wait_for_cheapest
from taximeter.usage import UsageError, named_as_option, require

if TYPE_CHECKING:
    from taximeter.meter import Result
    from taximeter.training.engine.state import StopReason

EXTRA = ("sklearn", "torch", "torchvision", "tqdm", "yaml")

BUDGET_STATUS = 3
"""Exit status of a run that was stopped by its budget."""

_REGISTRATION_SECONDS = 2.5
_LAST_SCRAPE_SECONDS = 15.0
_LAST_SCRAPE_SECONDS_WHEN_STOPPED = 5.0  # what stops containers kills them after ten

SUMMARY = "train an image classifier, and show the bill"
DESCRIPTION = "Train an image classifier, while the meter runs, and end with the bill."
EPILOG = """\
examples:
  taximeter train --project vision
      train on this machine; watch it at http://127.0.0.1:9877/ and read the bill at the end
  taximeter train --project vision --team research --dataset cifar10 --model resnet18 --epochs 30
      another data set and model, for another team
  taximeter train --project vision --price 3.60 --budget 20 --epochs 1000
      a machine at 3.60 USD an hour, no exporter; stops in time, with a checkpoint, before 20 USD are spent
  taximeter train --project vision --resume auto
      go on from the last checkpoint of the project's last run, or begin if there is none: for a machine that may be
      taken away at any time
  taximeter train --project vision --start cheapest
      wait for the hours in which the price is lowest
  taximeter train --project vision --format json > bill.json
      the bill for a program to read; progress goes to the terminal all the same
  taximeter train --exporter http://gpu-box:9877 --metrics-listen 0.0.0.0:9878 --stay
      in a container: the exporter is elsewhere, and the metrics stay up when the training is done

The meter runs from the first moment, so starting up costs money and is shown as such. Without an exporter or --price
the training runs all the same; then the bill has no amounts. --project, --run, --team, --user and --exporter can also
be set as TAXIMETER_PROJECT, TAXIMETER_RUN, TAXIMETER_TEAM, TAXIMETER_USER and TAXIMETER_EXPORTER.

A run has a folder, runs/RUN: its configuration, which --config takes to repeat it; its data's fingerprint; checkpoints.
SIGTERM and Ctrl-C write a checkpoint after the step that is going on, then the bill.

exit status: 0 done, 1 failed, 2 wrong usage or a checkpoint that does not fit, 3 stopped by the budget, 130 or 143
stopped by Ctrl-C or SIGTERM
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `taximeter train`."""
    who = parser.add_argument_group("who pays")
    who.add_argument("--project", help="the project that pays (default: default)")
    who.add_argument("--run", help="the run's name, new each time (default: project, time and four digits)")
    who.add_argument("--team", help="the team")
    who.add_argument("--user", help="the user")
    config_options.add_arguments(parser)
    around = parser.add_argument_group("around it")
    around.add_argument("--exporter", metavar="URL", help="the exporter (default: http://127.0.0.1:9877)")
    around.add_argument(
        "--metrics-listen",
        metavar="HOST:PORT",
        help="where Prometheus scrapes (default: 127.0.0.1:9878); of torchrun's processes each one port further",
    )
    around.add_argument(
        "--stay", action="store_true", help="keep the metrics up after the end, until SIGTERM or Ctrl-C"
    )
    around.add_argument(
        "--format", choices=("table", "json"), default="table", help="of the bill (default: %(default)s)"
    )


def train(options: argparse.Namespace) -> int:
    """Carry out `taximeter train`. Returns the exit status. Raises `UsageError`, and nothing has been started then."""
    try:
        config = config_options.from_arguments(options)
        _check_machine(config)
        options.run = _run_of_first_rank(options)
        settings = _settings(options, config)
        named = options.run is not None or bool(os.environ.get("TAXIMETER_RUN"))
        beginning = settle(config, run=settings.run, named=named, project=settings.project)
    except (ConfigError, CheckpointError) as wrong:
        raise UsageError(str(wrong)) from None
    if beginning.finished(config) or beginning.exhausted(config):
        _tell_other_ranks(beginning)
        return _nothing_to_do(beginning, config, speaks=settings.pays)
    with ExitStack() as held:
        interruption = held.enter_context(Interruption())
        if config.save.save and settings.pays:
            config = _lock(config, beginning, held)
        try:
            if config.money.start == "cheapest":
                _wait(settings)
        except Interrupted:
            sys.stderr.write("nothing was started\n")
            return interruption.exit_status
        meter = open_meter(
            options,
            config,
            project=beginning.project,
            run=beginning.run,
            listen=_listen(options),
            resume=beginning.resumes,
            journal=beginning.journal if config.save.save else None,
        )
        with interruption.noted():
            refusal = meter.wait_registered(_REGISTRATION_SECONDS)
        if refusal is not None:
            meter.close(last_scrape_seconds=0)
            raise UsageError(f"the exporter refuses the run: {refusal}")
        of_rank = "" if settings.pays else f" of rank {settings.rank}"
        sys.stderr.write(f"run {meter.run}, metrics{of_rank} at {meter.metrics_url}\n")
        return _metered(options, config, beginning, meter, interruption, speaks=settings.pays)


def _metered(
    options: argparse.Namespace,
    config: TrainConfig,
    beginning: Beginning,
    meter: Meter,
    interruption: Interruption,
    *,
    speaks: bool,
) -> int:
    """`speaks` says whether this process shows the bill: of several that train one model the first does."""
    result: Result = "failed"
    wrong: ConfigError | CheckpointError | None = None
    failure: TrainingError | None = None
    try:
        if interruption.came:
            raise Interrupted
        # A thread that waits must not spin: where something else wants the same cores, spinning made the same training
        # take two and a half times as long (59.6 s, not 23.6 s). OpenMP reads this when torch is loaded.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        # Only now: to import torch takes seconds, which belong on the bill.
        from taximeter.training.keeping import Keeping  # noqa: PLC0415
        from taximeter.training.run import run  # noqa: PLC0415

        with interruption.noted():
            keeping = Keeping(meter, beginning, stream=sys.stderr)
            state = run(config, meter, stream=sys.stderr, should_stop=lambda: interruption.came, around=keeping)
            result = _RESULTS[state.stop]
            if result == "finished":
                keeping.conclude(state)
        if keeping.reason is not None:
            sys.stderr.write(f"stopped: {keeping.reason}\n")
    except Interrupted:
        result = "stopped"
    except (ConfigError, CheckpointError) as error:
        wrong = error
    except TrainingError as error:
        failure = error
    finally:
        with interruption.noted():
            bill = meter.end(result)
            if speaks:
                as_json = options.format == "json"
                sys.stdout.write(json.dumps(bill.to_json(), indent=2) if as_json else bill.to_table(samples="images"))
                sys.stdout.write("\n")
                sys.stdout.flush()
    if wrong is not None:
        meter.close(last_scrape_seconds=0)
        raise UsageError(str(wrong))
    if failure is not None:
        kept = beginning.checkpoints.checkpoints() if config.save.save else []
        last = f"; the last checkpoint is as it was: {kept[0]}" if kept and speaks else ""
        sys.stderr.write(f"{options.prog}: {failure}{last}\n")
    if result in ("stopped", "budget") and speaks:
        _say_how_to_go_on(config, beginning, result)
    _last_scrape(meter, interruption, stay=options.stay)
    return {"budget": BUDGET_STATUS, "stopped": interruption.exit_status, "failed": 1}.get(result, 0)


_RESULTS: Mapping[StopReason | None, Result] = MappingProxyType(
    {None: "finished", "early": "finished", "target": "finished", "budget": "budget", "interrupted": "stopped"}
)


def _say_how_to_go_on(config: TrainConfig, beginning: Beginning, result: Result) -> None:
    if config.save.save and beginning.checkpoints.checkpoints():
        more = " with a higher --budget" if result == "budget" else ""
        sys.stderr.write(f"to go on from its last checkpoint{more}: --resume auto --run {beginning.run}\n")


def _last_scrape(meter: Meter, interruption: Interruption, *, stay: bool) -> None:
    try:
        if stay and not interruption.came:
            sys.stderr.write(f"the metrics stay at {meter.metrics_url} until SIGTERM or Ctrl-C\n")
            while True:
                signal.pause()
        seconds = _LAST_SCRAPE_SECONDS_WHEN_STOPPED if interruption.came else _LAST_SCRAPE_SECONDS
        meter.close(last_scrape_seconds=seconds)
    except Interrupted:
        pass  # whoever interrupts the wait does not want it


def _nothing_to_do(beginning: Beginning, config: TrainConfig, *, speaks: bool) -> int:
    """What is told of a run that does not go on, by whoever speaks for all its processes."""
    finished = beginning.finished(config)
    if speaks and finished:
        sys.stderr.write(f"run {beginning.run}: all is done that was asked for; nothing is left to train\n")
    elif speaks:
        sys.stderr.write(f"run {beginning.run}: its budget is used up; to go on takes a higher --budget\n")
    return 0 if finished else BUDGET_STATUS


def _lock(config: TrainConfig, beginning: Beginning, held: ExitStack) -> TrainConfig:
    """Keep other processes from the run's folder. Where nobody asked for one, and there can be none: do without."""
    try:
        held.enter_context(beginning.locked())
    except CheckpointError as wrong:
        raise UsageError(str(wrong)) from None
    except OSError as wrong:
        reason = wrong.strerror or wrong
        if config.save == SaveConfig() and config.money.budget is None:
            sys.stderr.write(
                f"{beginning.folder} cannot be written ({reason}): no checkpoints; --output names a folder\n"
            )
            return config.changed(save=False)
        raise UsageError(f"--output: {beginning.folder} cannot be written ({reason}); name another folder") from None
    return config


def _wait(settings: Settings) -> None:
    say = sys.stderr.write if settings.rank == 0 else _say_nothing
    if settings.price is not None:
        say("--start cheapest: starting now: --price has no schedule\n")
    else:
        wait_for_cheapest(settings, say)


def _run_of_first_rank(options: argparse.Namespace) -> str | None:
    """The run's name, if it is known; of several processes that train one model, rank 0 makes one up for all."""
    if options.run is not None or os.environ.get("TAXIMETER_RUN") or os.environ.get("RANK", "0") in ("", "0"):
        name: str | None = options.run
        return name
    from taximeter.training.engine.distributed import run_of_first  # noqa: PLC0415

    return run_of_first()


def _tell_other_ranks(beginning: Beginning) -> None:
    """Of a run that does not even begin: the others wait for its name all the same."""
    if os.environ.get("WORLD_SIZE", "1") not in ("", "1"):
        from taximeter.training.engine.distributed import publish_run  # noqa: PLC0415

        publish_run(beginning.run)


def _say_nothing(_text: str) -> None:
    """Rank 0 speaks for all."""


def _check_machine(config: TrainConfig) -> None:
    require(EXTRA)
    if config.loop.device == "cuda":
        try:
            ctypes.CDLL("libcuda.so.1")
        except OSError:
            raise UsageError("--device: there is no NVIDIA driver here (libcuda.so.1); auto or cpu") from None


def _settings(options: argparse.Namespace, config: TrainConfig) -> Settings:
    """What the meter will be given, looked at before anything else is."""
    try:
        return resolve(
            project=options.project,
            run=options.run,
            team=options.team,
            user=options.user,
            exporter=options.exporter,
            listen=_listen(options),
            **money_of(config),
        )
    except ValueError as wrong:
        raise UsageError(named_as_option(str(wrong))) from None


def _listen(options: argparse.Namespace) -> str | None:
    """Where this process listens: as the meter's own default, from the port that was named the one of its number."""
    local_rank = os.environ.get("LOCAL_RANK") or "0"
    host, _, port = (options.metrics_listen or "").rpartition(":")
    if not (port.isdigit() and int(port) and local_rank.isdigit() and int(local_rank)):
        named: str | None = options.metrics_listen
        return named
    return f"{host}:{int(port) + int(local_rank)}"
