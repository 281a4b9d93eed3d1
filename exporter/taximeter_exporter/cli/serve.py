"""`taximeter-exporter serve`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from taximeter_exporter.cli.options import add_config, add_web_config
from taximeter_exporter.cli.signals import Ended, Signals
from taximeter_exporter.cli.without_openssl import without_openssl

if TYPE_CHECKING:
    from argparse import _SubParsersAction

log = logging.getLogger(__name__)

_SWITCH_SECONDS = 0.0005

_EPILOG = """\
examples:
  taximeter-exporter serve                                 what taximeter.yaml says
  taximeter-exporter serve --simulate                      without GPUs; wants a ledger of its own
  TAXIMETER_LEDGER=/tmp/try.db taximeter-exporter serve --simulate

Then http://127.0.0.1:9877/ is a page to look at, /metrics is for Prometheus, and /readyz says what is wrong.
SIGHUP has the configuration read again: all of it takes effect, or nothing, and a line says why.

exit status: 0 it was told to end (SIGTERM, Ctrl-C), and has booked all; 2 it cannot start, and a line says why
"""


def add(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "serve",
        help="meter this machine and answer scrapes until it is stopped",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config(parser)
    add_web_config(parser)
    parser.add_argument(
        "--simulate", action="store_true", help="eight simulated GPUs; every series says simulated, the ledger as well"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C, and reload at SIGHUP. Raises `ConfigError` for what keeps it from starting."""
    # A scrape shall not wait for the whole of Python's 5 ms while sampling or metering has the interpreter.
    sys.setswitchinterval(_SWITCH_SECONDS)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    with nullcontext() if args.web_config else without_openssl():
        from taximeter_exporter.app import exporter  # noqa: PLC0415
        from taximeter_exporter.clock import SystemClock  # noqa: PLC0415
        from taximeter_exporter.config.error import ConfigError  # noqa: PLC0415
        from taximeter_exporter.config.settings import load  # noqa: PLC0415
        from taximeter_exporter.metering.ledger import LedgerError  # noqa: PLC0415
    signals = Signals()
    try:
        with exporter(
            lambda: load(args.config, os.environ),
            clock=SystemClock(),
            simulate=args.simulate,
            web_config=args.web_config,
        ) as running:
            signals.wait_in_line()
            running.start()
            log.info("listening on %s://%s:%d", running.scheme, running.host, running.port)
            while signals.get() == signal.SIGHUP:
                # What keeps it from reloading is logged, and the old configuration stays.
                with suppress(ConfigError, LedgerError):
                    running.reload()
            running.stop()
    except Ended:
        log.info("ended before it had started, as it was told to")
    return 0
