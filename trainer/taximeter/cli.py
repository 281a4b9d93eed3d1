"""The command `taximeter`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import NoReturn

from taximeter import run_cli
from taximeter.training import cli as train_cli
from taximeter.training.evaluation import cli as evaluate_cli
from taximeter.training.serve import cli as serve_cli
from taximeter.training.tune import cli as tune_cli
from taximeter.usage import UsageError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    command = _Parser(prog="taximeter", description="The meter in the cab for PyTorch training.", allow_abbrev=False)
    commands = command.add_subparsers(required=True, metavar="command")
    train = commands.add_parser(
        "train",
        help="train an image classifier, and show the bill",
        description="Train a small residual CNN on handwritten digits, while the meter runs, and end with the bill.",
        epilog=train_cli.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    train_cli.add_arguments(train)
    train.set_defaults(carry_out=train_cli.train, prog=train.prog)
    run = commands.add_parser(
        "run",
        help=run_cli.SUMMARY,
        description=run_cli.DESCRIPTION,
        epilog=run_cli.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    run_cli.add_arguments(run)
    run.set_defaults(carry_out=run_cli.run, prog=run.prog)
    evaluate = commands.add_parser(
        "evaluate",
        help=evaluate_cli.SUMMARY,
        description=evaluate_cli.DESCRIPTION,
        epilog=evaluate_cli.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    evaluate_cli.add_arguments(evaluate)
    evaluate.set_defaults(carry_out=evaluate_cli.evaluate, prog=evaluate.prog)
    serve = commands.add_parser(
        "serve",
        help=serve_cli.SUMMARY,
        description=serve_cli.DESCRIPTION,
        epilog=serve_cli.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    serve_cli.add_arguments(serve)
    serve.set_defaults(carry_out=serve_cli.serve, prog=serve.prog)
    tune = commands.add_parser(
        "tune",
        help=tune_cli.SUMMARY,
        description=tune_cli.DESCRIPTION,
        epilog=tune_cli.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    tune_cli.add_arguments(tune)
    tune.set_defaults(carry_out=tune_cli.tune, prog=tune.prog)
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command. Returns the exit status: 0 done, 1 failed, 2 wrong usage, 3 budget, 128 + signal stopped."""
    logging.basicConfig(format="taximeter: %(message)s", level=logging.WARNING, stream=sys.stderr)
    options = parser().parse_args(arguments)
    try:
        status: int = options.carry_out(options)
    except UsageError as wrong:
        print(f"{options.prog}: {wrong}", file=sys.stderr)
        return 2
    return status
