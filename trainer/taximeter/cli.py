"""The command `taximeter`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

from taximeter import run_cli
from taximeter.training import cli as train_cli
from taximeter.training.config.options import nearest
from taximeter.training.evaluation import cli as evaluate_cli
from taximeter.training.serve import cli as serve_cli
from taximeter.training.tune import cli as tune_cli
from taximeter.usage import UsageError


class _Command(Protocol):
    """A module that has a command in it."""

    SUMMARY: str
    DESCRIPTION: str
    EPILOG: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...


# In the order in which a person comes upon them, each with what carries it out.
_COMMANDS: tuple[tuple[str, _Command, Callable[[argparse.Namespace], int]], ...] = (
    ("train", train_cli, train_cli.train),
    ("run", run_cli, run_cli.run),
    ("evaluate", evaluate_cli, evaluate_cli.evaluate),
    ("serve", serve_cli, serve_cli.serve),
    ("tune", tune_cli, tune_cli.tune),
)


class _Parser(argparse.ArgumentParser):
    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Name the first option that there is not, and one that was perhaps meant."""
        known, rest = super().parse_known_args(args, namespace)
        for argument in rest:
            if argument.startswith("--"):
                option = argument.partition("=")[0]
                self.error(f"there is no option {option}{nearest(option, self)}")
        return known, rest

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    command = _Parser(prog="taximeter", description="The meter in the cab for PyTorch training.", allow_abbrev=False)
    commands = command.add_subparsers(required=True, metavar="command")
    for name, module, carry_out in _COMMANDS:
        its = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.DESCRIPTION,
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(its)
        its.set_defaults(carry_out=carry_out, prog=its.prog)
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
