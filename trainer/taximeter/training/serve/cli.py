"""`taximeter serve`: predictions over HTTP, metered."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from taximeter.bill import Bill, make_bill
from taximeter.cost import RunningCost
from taximeter.done import Done
from taximeter.exporter_client import Progress
from taximeter.names import default_run
from taximeter.registration import take_lease
from taximeter.settings import Address, Settings, parse_address, resolve
from taximeter.training.config.schema import DeviceChoice, SaveConfig
from taximeter.training.interruption import Interruption
from taximeter.usage import UsageError, named_as_option

if TYPE_CHECKING:
    from taximeter.lease import LeaseKeeper
    from taximeter.training.checkpoint.model import TrainedModel

LISTEN = "127.0.0.1:9880"
EXTRA = ("starlette", "torch", "torchvision", "uvicorn")

SUMMARY = "answer predictions over HTTP by a model that was trained"
DESCRIPTION = "Serve the model of a run or checkpoint over HTTP, metered, and end with the bill."
EPILOG = f"""\
examples:
  taximeter serve --run demo-20261121T231208Z
      the best checkpoint of a run, on http://{LISTEN}
  curl --data-binary @seven.png --header 'Content-Type: image/png' http://{LISTEN}/v1/predictions
      ask it
  taximeter serve --checkpoint best.pt --price 2.50 --batch-size 64
      a certain file, on a machine at 2.50 USD an hour without an exporter

POST /v1/predictions takes an image file, or JSON: {{"images": ["base64", ...]}}. GET /v1/model tells what is served,
and GET /metrics what it does: requests, latency, predictions, and what 1,000 of them cost.

exit status: 0 ended by SIGTERM or Ctrl-C, 2 wrong usage
"""

_END_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `taximeter serve`."""
    what = parser.add_argument_group("what is served")
    one = what.add_mutually_exclusive_group(required=True)
    one.add_argument("--run", metavar="RUN", help="the best checkpoint of this run")
    one.add_argument("--checkpoint", metavar="FILE", type=Path, help="this checkpoint")
    what.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        default=SaveConfig().output,
        help="where the folders of runs are (default: %(default)s)",
    )
    how = parser.add_argument_group("how")
    how.add_argument("--listen", metavar="HOST:PORT", default=LISTEN, help="default: %(default)s")
    how.add_argument(
        "--device", choices=get_args(DeviceChoice), default="auto", help="default: %(default)s, a GPU if usable"
    )
    how.add_argument(
        "--batch-size", metavar="N", type=int, default=32, help="images the model gets at once (default: %(default)s)"
    )
    how.add_argument(
        "--batch-wait",
        metavar="SECONDS",
        type=float,
        default=0.005,
        help="how long the first image of a batch waits for others (default: %(default)s)",
    )
    who = parser.add_argument_group("who pays")
    who.add_argument("--project", help="the project that pays (default: that of the run)")
    who.add_argument("--team", help="the team")
    who.add_argument("--user", help="the user")
    who.add_argument("--exporter", metavar="URL", help="the exporter (default: http://127.0.0.1:9877)")
    who.add_argument("--price", metavar="PER_HOUR", help="what an hour costs; then no exporter is asked")
    who.add_argument("--currency", help="of the price (default: USD)")
    who.add_argument("--format", choices=("table", "json"), default="table", help="of the bill (default: %(default)s)")


def serve(options: argparse.Namespace) -> int:
    """Carry out `taximeter serve`. Returns the exit status. Raises `UsageError`, and nothing has been started then."""
    missing = [package for package in EXTRA if importlib.util.find_spec(package) is None]
    if missing:
        raise UsageError(f"{', '.join(missing)} not installed: pip install 'taximeter[trainer]'")
    address = _checked(options)
    began = time.perf_counter_ns()
    listener = _listen(address)
    try:
        model = _load(options)
        settings = _settings(options, model)
        cost = RunningCost()
        if settings.price is not None:
            cost.begin({settings.currency: settings.price}, at=began)
        predictions = _Predictions()
        lease = take_lease(settings, cost, predictions.progress) if settings.takes_lease else None
        result = "failed"
        try:
            _run(options, model, settings, cost, listener, predictions)
            result = "stopped"
        finally:
            cost.stop()
            if lease is not None:
                lease.end(result, seconds=_END_SECONDS)
            bill = _bill(settings, cost, lease, result, time.perf_counter_ns() - began, predictions.count)
            as_json = options.format == "json"
            text = json.dumps(bill.to_json(), indent=2) if as_json else bill.to_table(samples="predictions")
            sys.stdout.write(f"{text}\n")
    finally:
        listener.close()
    return 0


class _Predictions:
    """How many there were, for the exporter and the bill."""

    def __init__(self) -> None:
        self.count = 0

    def progress(self) -> Progress:
        return {"samples": self.count}


def _run(
    options: argparse.Namespace,
    model: TrainedModel,
    settings: Settings,
    cost: RunningCost,
    listener: socket.socket,
    predictions: _Predictions,
) -> None:
    # Only now: what comes with the extra takes seconds to load, and those are served from the first one on.
    import uvicorn  # noqa: PLC0415
    from prometheus_client import disable_created_metrics  # noqa: PLC0415

    from taximeter.training.serve.app import Service  # noqa: PLC0415
    from taximeter.training.serve.batching import Batching  # noqa: PLC0415
    from taximeter.training.serve.metrics import ServingMetrics  # noqa: PLC0415
    from taximeter.training.serve.predictor import Predictor  # noqa: PLC0415

    disable_created_metrics()  # type: ignore[no-untyped-call]
    metrics = ServingMetrics(settings.run, lambda: cost.price)
    predictor = Predictor(model)

    def predicted(images: int) -> None:
        metrics.predicted(images)
        predictions.count += images

    batching = Batching(predictor.predict, most=options.batch_size, wait_seconds=options.batch_wait, told=predicted)
    application = Service(model, predictor, batching, metrics).application()
    config = uvicorn.Config(
        application, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=5, server_header=False
    )
    host, port = listener.getsockname()[:2]
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    sys.stderr.write(f"run {settings.run}: {model.header.settings['model']} of {model.header.run} at {where}\n")
    sys.stderr.flush()
    try:
        # uvicorn ends in order, and then raises the signal again that ended it
        with Interruption() as interruption, interruption.noted():
            uvicorn.Server(config).run(sockets=[listener])
    finally:
        batching.stop()


def _checked(options: argparse.Namespace) -> Address:
    if options.batch_size < 1:
        raise UsageError(f"--batch-size: {options.batch_size} does not fit: 1 or more")
    if not 0 <= options.batch_wait <= 1:
        raise UsageError(f"--batch-wait: {options.batch_wait:g} does not fit: seconds from 0 to 1")
    try:
        return parse_address(options.listen)
    except ValueError as wrong:
        raise UsageError(f"--listen: {wrong}") from None


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(128)
    except OSError as wrong:
        listener.close()
        reason = wrong.strerror or wrong
        raise UsageError(
            f"--listen: cannot listen on {address.host}:{address.port} ({reason}); name another host:port"
        ) from None
    return listener


def _load(options: argparse.Namespace) -> TrainedModel:
    from taximeter.training.assemble import choose_device  # noqa: PLC0415
    from taximeter.training.checkpoint.error import CheckpointError  # noqa: PLC0415
    from taximeter.training.checkpoint.model import checkpoint_of, load_model  # noqa: PLC0415
    from taximeter.training.config import ConfigError  # noqa: PLC0415

    try:
        device = choose_device(options.device)
        path = options.checkpoint or checkpoint_of(options.output, options.run)
        return load_model(path, device)
    except (CheckpointError, ConfigError) as wrong:
        raise UsageError(str(wrong)) from None


def _settings(options: argparse.Namespace, model: TrainedModel) -> Settings:
    try:
        return resolve(
            run=os.environ.get("TAXIMETER_RUN") or default_run(f"serve-{model.header.run}"),
            project=options.project or model.header.project,
            team=options.team,
            user=options.user,
            model=str(model.header.settings["model"]),
            dataset=model.data.dataset,
            exporter=options.exporter,
            price=options.price,
            currency=options.currency,
        )
    except ValueError as wrong:
        raise UsageError(named_as_option(str(wrong))) from None


def _bill(
    settings: Settings, cost: RunningCost, lease: LeaseKeeper | None, result: str, nanoseconds: int, predictions: int
) -> Bill:
    return make_bill(
        run=settings.run,
        project=settings.project,
        result=result,
        by_hand=settings.price is not None,
        settled=lease is not None and lease.settled,
        quote=cost.quote,
        cost_per_hour=cost.price,
        cost=cost.seen(),
        done=Done(samples=predictions, phases_ns={"other": nanoseconds}),
        flops_known=False,
        peak_flops_per_second=None,
        peak_memory=None,
        target_accuracy=None,
        remaining_seconds=None,
        budget={},
    )
