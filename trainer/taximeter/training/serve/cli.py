"""`taximeter serve`: predictions over HTTP, metered."""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

from taximeter.cost import RunningCost
from taximeter.exporter_client import Progress
from taximeter.registration import bill_of, take_lease
from taximeter.settings import Address, Settings, parse_address
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

exit status: 0 ended by SIGTERM or Ctrl-C, 130 or 143 before it served, 2 wrong usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `taximeter serve`."""
    what = parser.add_argument_group("what is served")
    add_model_arguments(what)
    how = parser.add_argument_group("how")
    how.add_argument("--listen", metavar="HOST:PORT", default=LISTEN, help="default: %(default)s")
    add_device_argument(how)
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
    how.add_argument("--format", choices=("table", "json"), default="table", help="of the bill (default: %(default)s)")
    add_payer_arguments(parser)


def serve(options: argparse.Namespace) -> int:
    """Carry out `taximeter serve`. Returns the exit status. Raises `UsageError`, and nothing has been started then."""
    require(EXTRA)
    address = _checked(options)
    with closing(_listen(address)) as listener, Interruption() as interruption:
        try:
            _metered(options, listener)
        except Interrupted:
            return interruption.exit_status
    return 0


def _metered(options: argparse.Namespace, listener: socket.socket) -> None:
    """Serve until a signal comes, and show the bill. Raises `Interrupted` if one came before that."""
    began = time.perf_counter_ns()
    model = load_trained(options)
    settings = settings_of(options, model, verb="serve")
    cost = RunningCost()
    if settings.price is not None:
        cost.begin({settings.currency: settings.price}, at=began)
    predictions = _Predictions()
    lease = take_lease(settings, cost, predictions.progress) if settings.takes_lease else None
    result = "failed"
    try:
        _run(options, model, settings, cost, listener, predictions)
        result = "stopped"
    except Interrupted:
        result = "stopped"
        raise
    finally:
        cost.stop()
        if lease is not None:
            lease.end(result)
        nanoseconds = time.perf_counter_ns() - began
        bill = bill_of(settings, cost, lease, result=result, nanoseconds=nanoseconds, samples=predictions.count)
        as_json = options.format == "json"
        text = json.dumps(bill.to_json(), indent=2) if as_json else bill.to_table(samples="predictions")
        sys.stdout.write(f"{text}\n")


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
