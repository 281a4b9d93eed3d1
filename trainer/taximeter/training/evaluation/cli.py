"""`taximeter evaluate`: all measures of a model that was trained, metered."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from taximeter.bill import show
from taximeter.cost import Money, RunningCost
from taximeter.registration import take_lease
from taximeter.training.interruption import Interrupted, Interruption
from taximeter.training.trained import (
    add_device_argument,
    add_model_arguments,
    add_payer_arguments,
    load_trained,
    settings_of,
)
from taximeter.usage import UsageError, require

if TYPE_CHECKING:
    from taximeter.training.checkpoint.model import TrainedModel
    from taximeter.training.evaluation.data import JudgedOn
    from taximeter.training.evaluation.report import Report

EXTRA = ("matplotlib", "sklearn", "torch", "torchmetrics", "torchvision", "yaml")

SUMMARY = "judge a model that was trained, by class too"
DESCRIPTION = "Judge the model of a run or checkpoint, metered: accuracy, precision, recall, F1, confusion matrix."
EPILOG = """\
examples:
  taximeter evaluate --run demo-20261121T231208Z
      the best checkpoint of a run, on the validation split of its own data; writes evaluation.json and confusion.png
      into the run's folder
  taximeter evaluate --checkpoint best.pt --data-dir photos --files judged
      a certain file, on the images photos/CLASS/*; writes into the folder judged
  taximeter evaluate --run demo-20261121T231208Z --format json --price 2.50
      all measures for a program to read; on a machine at 2.50 USD an hour without an exporter

exit status: 0 done, 1 the files could not be written, 2 wrong usage or data that do not fit, 130 or 143 stopped by
Ctrl-C or SIGTERM
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `taximeter evaluate`."""
    what = parser.add_argument_group("what is judged")
    add_model_arguments(what)
    what.add_argument(
        "--data-dir",
        metavar="DIR",
        type=Path,
        help="images of the same classes as DIR/CLASS/*, or DIR/val/CLASS/* (default: the run's own validation split)",
    )
    how = parser.add_argument_group("how")
    add_device_argument(how)
    how.add_argument("--workers", metavar="N", type=int, help="processes that read images (default: as trained)")
    how.add_argument(
        "--files",
        metavar="DIR",
        type=Path,
        help="where to write evaluation.json and confusion.png (default: with --run on its own data the run's folder)",
    )
    how.add_argument("--format", choices=("table", "json"), default="table", help="default: %(default)s")
    add_payer_arguments(parser)


def evaluate(options: argparse.Namespace) -> int:
    """Carry out `taximeter evaluate`. Returns the exit status. Raises `UsageError`."""
    require(EXTRA)
    if options.workers is not None and not 0 <= options.workers <= 256:
        raise UsageError(f"--workers: {options.workers} does not fit: 0 to 256")
    with Interruption() as interruption:
        try:
            return _metered(options, interruption)
        except Interrupted:
            return interruption.exit_status


def _metered(options: argparse.Namespace, interruption: Interruption) -> int:
    began = time.perf_counter_ns()
    model = load_trained(options)
    data = _data(options, model)
    settings = settings_of(options, model, verb="evaluate")
    folder = _folder(options)
    cost = RunningCost()
    if settings.price is not None:
        cost.begin({settings.currency: settings.price}, at=began)
    lease = take_lease(settings, cost) if settings.takes_lease else None
    result = "failed"
    with interruption.noted():
        try:
            report = _judge(options, model, data, should_stop=lambda: interruption.came)
            written = report is None or folder is None or _write(options, folder, report)
            result = "stopped" if report is None else "finished"
        finally:
            cost.stop()
            if lease is not None:
                lease.end(result)
    seconds = (time.perf_counter_ns() - began) / 1e9
    if report is not None:
        _show(options, report, cost.seen(), seconds)
    simulated = cost.quote is not None and cost.quote.simulated
    note = " (simulated devices: this is not real money)" if simulated else ""
    sys.stderr.write(f"run {settings.run}: {seconds:,.1f} s of evaluation, cost {show(cost.seen())}{note}\n")
    return interruption.exit_status if report is None else int(not written)


def _judge(
    options: argparse.Namespace, model: TrainedModel, data: JudgedOn, *, should_stop: Callable[[], bool]
) -> Report | None:
    """Judge the model. `None`: it was told to stop."""
    from taximeter.training.engine.distributed import Ranks  # noqa: PLC0415
    from taximeter.training.evaluation.evaluate import evaluate as judge  # noqa: PLC0415
    from taximeter.training.evaluation.report import make_report  # noqa: PLC0415
    from taximeter.training.evaluation.subject import Subject  # noqa: PLC0415

    for note in data.notes:
        sys.stderr.write(f"note: {note}\n")
    evaluation = judge(
        model.module, data.batches, precision=model.precision, ranks=Ranks(model.device), should_stop=should_stop
    )
    if evaluation is None:
        return None
    subject = Subject(
        run=model.header.run,
        model=str(model.header.settings["model"]),
        epoch=model.header.epoch,
        dataset=data.dataset,
        synthetic=model.data.synthetic and options.data_dir is None,
        classes=model.data.classes,
    )
    return make_report(subject, evaluation)


def _folder(options: argparse.Namespace) -> Path | None:
    """Where the files go; `None`: nowhere. Raises `UsageError` if nothing can be written there."""
    folder: Path | None = options.files
    if folder is None:
        return options.output / options.run if options.run is not None and options.data_dir is None else None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise UsageError(f"--files: {folder} cannot be written ({wrong.strerror}); name another folder") from None
    return folder


def _write(options: argparse.Namespace, folder: Path, report: Report) -> bool:
    """Write the files; what was judged is shown all the same if they cannot be written."""
    from taximeter.training.evaluation.files import write_files  # noqa: PLC0415

    try:
        sys.stderr.write("".join(f"{path}\n" for path in write_files(folder, report)))
    except OSError as wrong:
        sys.stderr.write(f"{options.prog}: {folder} cannot be written ({wrong.strerror})\n")
        return False
    return True


def _show(options: argparse.Namespace, report: Report, cost: Money, seconds: float) -> None:
    from taximeter.training.evaluation.table import whole_table  # noqa: PLC0415

    text = whole_table(report)
    if options.format == "json":
        money = {currency: f"{amount:.6f}" for currency, amount in cost.items()}
        text = json.dumps({**report.to_json(), "seconds": round(seconds, 3), "cost": money})
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _data(options: argparse.Namespace, model: TrainedModel) -> JudgedOn:
    from taximeter.training.config import ConfigError  # noqa: PLC0415
    from taximeter.training.evaluation.data import other_folder, own_split  # noqa: PLC0415

    settings = dict(model.header.settings)
    if options.workers is not None:
        settings["workers"] = options.workers
    try:
        if options.data_dir is None:
            return own_split(settings, model.data, device=model.device, stream=sys.stderr)
        return other_folder(options.data_dir, settings, model.data, device=model.device, stream=sys.stderr)
    except ConfigError as wrong:
        raise UsageError(str(wrong)) from None
