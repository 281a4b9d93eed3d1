"""The command line as a whole: finds the command, and turns a mistake into one line and status 2."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from taximeter_exporter import __version__
from taximeter_exporter.config.error import ConfigError

_COMMANDS = ("serve", "check", "prices", "compare", "report", "capture")
"""Each a file of this room."""

_EPILOG = """\
examples:
  taximeter-exporter check                            what does this machine cost, and why?
  taximeter-exporter serve                            meter it, on the address in taximeter.yaml
  taximeter-exporter serve --web.config.file web.yml  with TLS and passwords, as Prometheus's exporters have them
  taximeter-exporter serve --simulate                 the same with eight simulated GPUs, for a demonstration
  taximeter-exporter report --by run                  what did each run of this month cost?
  taximeter-exporter prices --gpu H100                what does an H100 cost, where, and who says so?
  taximeter-exporter compare --gpu A100 --hours 1     what does an hour of an A100 cost elsewhere?
  taximeter-exporter capture --output gpu.json        record what these GPUs answer, without names or serials
  TAXIMETER_LISTEN=0.0.0.0:9877 taximeter-exporter serve   any field can come from the environment

exit status: 0 done, 1 nothing found, 2 bad input (one line says which file, which field and what would be right),
128 + n where signal n broke a command off
"""
_BROKEN_OFF = 128


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status."""
    argv = sys.argv[1:] if argv is None else argv
    args = _parser(argv).parse_args(argv)
    try:
        status = int(args.run(args))
        sys.stdout.flush()
    except ConfigError as error:
        print(f"taximeter-exporter: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return _BROKEN_OFF + signal.SIGINT
    except BrokenPipeError:
        # whoever reads has read enough; what is left goes nowhere, and nobody complains of it at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_OFF + signal.SIGPIPE
    return status


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="taximeter-exporter",
        description="Meters what this machine's GPUs cost, by training run, and tells Prometheus.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"taximeter-exporter {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    # A command that is named is loaded alone: the server shall not carry what only the others need.
    for command in [name for name in _COMMANDS if name in argv[:1]] or _COMMANDS:
        importlib.import_module(f"taximeter_exporter.cli.{command}").add(commands)
    return parser
