"""What is typed: `taximeter-exporter serve` and `check`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from taximeter_exporter import __version__
from taximeter_exporter.app import exporter
from taximeter_exporter.check import report
from taximeter_exporter.clock import SystemClock
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.settings import load

_EPILOG = """\
examples:
  taximeter-exporter check                            what does this machine cost, and why?
  taximeter-exporter serve                            meter it, on the address in taximeter.yaml
  taximeter-exporter serve --simulate                 the same with eight simulated GPUs, for a demonstration
  TAXIMETER_LISTEN=0.0.0.0:9877 taximeter-exporter serve   any field can come from the environment

exit status: 0 done, 2 bad input (one line says which file, which field and what would be right)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status."""
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except ConfigError as error:
        print(f"taximeter-exporter: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="taximeter-exporter",
        description="Meters what this machine's GPUs cost, by training run, and tells Prometheus.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"taximeter-exporter {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="meter this machine and answer scrapes until it is stopped")
    serve.add_argument(
        "--simulate", action="store_true", help="eight simulated GPUs; every series says simulated, the ledger as well"
    )
    serve.set_defaults(run=_serve)

    check = commands.add_parser("check", help="validate the configuration; print what this machine costs and why")
    check.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    check.set_defaults(run=_check)

    for command in (serve, check):
        command.add_argument(
            "--config", type=Path, default=Path("taximeter.yaml"), metavar="FILE", help="default: taximeter.yaml"
        )
    return parser


def _serve(args: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    settings = load(args.config, os.environ)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with exporter(settings, clock=SystemClock(), simulate=args.simulate) as running:
        running.start()
        host = settings.listen[0]
        logging.getLogger(__name__).info("listening on http://%s:%d", host, running.port)
        stop.wait()
        running.stop()
    return 0


def _check(args: argparse.Namespace) -> int:
    print(report(load(args.config, os.environ), as_json=args.format == "json"))
    return 0
