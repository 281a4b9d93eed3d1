"""`taximeter train`: its options, and what happens around the training itself."""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import json
import os
import signal
import sys
from typing import TYPE_CHECKING

from taximeter.meter import Meter
from taximeter.training.config import DEVICES, DIGITS, ConfigError, TrainConfig
from taximeter.training.interruption import Interrupted, Interruption

if TYPE_CHECKING:
    from taximeter.meter import Result

EXTRA = ("sklearn", "torch", "torchvision", "tqdm")

_REGISTRATION_SECONDS = 2.5
_LAST_SCRAPE_SECONDS = 15.0
_LAST_SCRAPE_SECONDS_WHEN_STOPPED = 5.0  # what stops containers kills them after ten

EPILOG = """\
examples:
  taximeter train --project vision
      train on this machine; watch it at http://127.0.0.1:9877/ and read the bill at the end
  taximeter train --project vision --team research --epochs 3 --batch-size 128
      a short run that another team pays for
  taximeter train --project vision --format json > bill.json
      the bill for a program to read; progress goes to the terminal all the same
  taximeter train --exporter http://gpu-box:9877 --metrics-listen 0.0.0.0:9878 --stay
      in a container: the exporter is elsewhere, and the metrics stay up when the training is done

The meter runs from the first moment, so starting up costs money and is shown as such. Without an exporter the training
runs all the same; then the bill has no amounts. --project, --run, --team, --user and --exporter can also be set as
TAXIMETER_PROJECT, TAXIMETER_RUN, TAXIMETER_TEAM, TAXIMETER_USER and TAXIMETER_EXPORTER.

exit status: 0 done, 1 failed, 2 wrong usage, 130 or 143 stopped by Ctrl-C or SIGTERM (with the bill so far)
"""


class UsageError(Exception):
    """What was asked for cannot be done; one line that says what would be right."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `taximeter train`."""
    default = TrainConfig()
    loop, optim = default.loop, default.optim
    who = parser.add_argument_group("who pays")
    who.add_argument("--project", help="the project that pays (default: default)")
    who.add_argument("--run", help="the run's name, new each time (default: project, time and four digits)")
    who.add_argument("--team", help="the team")
    who.add_argument("--user", help="the user")
    what = parser.add_argument_group("what is trained")
    what.add_argument("--epochs", type=int, default=loop.epochs, help="passes over the data (default: %(default)s)")
    what.add_argument(
        "--batch-size",
        type=int,
        default=loop.batch_size,
        help="images a step (default: %(default)s)",
    )
    what.add_argument(
        "--learning-rate",
        type=float,
        default=optim.learning_rate,
        help="at the first step; a cosine takes it to 0 (default: %(default)s)",
    )
    what.add_argument("--seed", type=int, default=loop.seed, help="for split, order, weights (default: %(default)s)")
    what.add_argument("--device", choices=DEVICES, default=loop.device, help="default: %(default)s, a GPU if usable")
    around = parser.add_argument_group("around it")
    around.add_argument("--exporter", metavar="URL", help="the exporter (default: http://127.0.0.1:9877)")
    around.add_argument(
        "--metrics-listen", metavar="HOST:PORT", help="where Prometheus scrapes (default: 127.0.0.1:9878)"
    )
    around.add_argument(
        "--stay", action="store_true", help="keep the metrics up after the end, until SIGTERM or Ctrl-C"
    )
    around.add_argument(
        "--format", choices=("table", "json"), default="table", help="of the bill (default: %(default)s)"
    )


def train(options: argparse.Namespace) -> int:
    """Carry out `taximeter train`. Returns the exit status. Raises `UsageError`, and nothing has been started then."""
    config = _config(options)
    _check_machine(config)
    with Interruption() as interruption:
        meter = _start_meter(options)
        with interruption.noted():
            refusal = meter.wait_registered(_REGISTRATION_SECONDS)
        if refusal is not None:
            meter.close(last_scrape_seconds=0)
            raise UsageError(f"the exporter refuses the run: {refusal}")
        sys.stderr.write(f"run {meter.run}, metrics at {meter.metrics_url}\n")
        return _metered(options, config, meter, interruption)


def _metered(options: argparse.Namespace, config: TrainConfig, meter: Meter, interruption: Interruption) -> int:
    result: Result = "failed"
    wrong: ConfigError | None = None
    try:
        if interruption.came:
            raise Interrupted
        # A thread that waits must not spin: where something else wants the same cores, spinning made the same training
        # take two and a half times as long (59.6 s, not 23.6 s). OpenMP reads this when torch is loaded.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        # Only now: to import torch takes seconds, which belong on the bill.
        from taximeter.training.run import run  # noqa: PLC0415

        with interruption.noted():
            run(config, meter, stream=sys.stderr, should_stop=lambda: interruption.came)
        result = "stopped" if interruption.came else "finished"
    except Interrupted:
        result = "stopped"
    except ConfigError as error:
        wrong = error
    finally:
        with interruption.noted():
            bill = meter.end(result)
            as_json = options.format == "json"
            sys.stdout.write(json.dumps(bill.to_json(), indent=2) if as_json else bill.to_table(samples="images"))
            sys.stdout.write("\n")
            sys.stdout.flush()
    if wrong is not None:
        meter.close(last_scrape_seconds=0)
        raise UsageError(str(wrong))
    _last_scrape(meter, interruption, stay=options.stay)
    return interruption.exit_status if result == "stopped" else 0


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


def _config(options: argparse.Namespace) -> TrainConfig:
    try:
        return TrainConfig.of(
            epochs=options.epochs,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            seed=options.seed,
            device=options.device,
        )
    except ConfigError as wrong:
        raise UsageError(str(wrong)) from None


def _check_machine(config: TrainConfig) -> None:
    missing = [package for package in EXTRA if importlib.util.find_spec(package) is None]
    if missing:
        raise UsageError(f"{', '.join(missing)} not installed: pip install 'taximeter[trainer]'")
    if config.loop.device == "cuda":
        try:
            ctypes.CDLL("libcuda.so.1")
        except OSError:
            raise UsageError("--device: there is no NVIDIA driver here (libcuda.so.1); auto or cpu") from None


def _start_meter(options: argparse.Namespace) -> Meter:
    try:
        return Meter(
            options.project,
            run=options.run,
            team=options.team,
            user=options.user,
            model=TrainConfig().model.model,
            dataset=DIGITS.name,
            exporter=options.exporter,
            listen=options.metrics_listen,
            strict=True,
        )
    except ValueError as wrong:
        raise UsageError(_named_as_option(str(wrong))) from None
    except OSError as wrong:
        where = options.metrics_listen or "127.0.0.1:9878"
        reason = wrong.strerror or wrong
        raise UsageError(f"--metrics-listen: cannot listen on {where} ({reason}); name another host:port") from None


def _named_as_option(complaint: str) -> str:
    """The meter names its argument or a variable of the environment; a variable keeps its name."""
    field, rest = complaint.split(":", 1)
    if field.isupper():
        return complaint
    return f"--{'metrics-listen' if field == 'listen' else field}:{rest}"
