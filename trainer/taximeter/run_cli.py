"""`taximeter run`: any other program, metered."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path

from taximeter.bill import Bill
from taximeter.budget import Budget
from taximeter.cost import RunningCost
from taximeter.registration import bill_of, take_lease
from taximeter.settings import NO_LEASE, Settings, resolve
from taximeter.usage import UsageError, named_as_option
from taximeter.watched import Watched, environment

SUMMARY = "run any program, metered, and show the bill"
DESCRIPTION = "Run any program as a run that somebody pays for, and end with its exit status and the bill."
EPILOG = """\
examples:
  taximeter run --project vision -- python train.py --epochs 90
      the devices of the exporter are this run's until the program ends
  taximeter run --price 2.50 --budget 20 -- torchrun --nproc-per-node 2 train.py
      without an exporter; SIGTERM comes 30 seconds before 20 USD are spent
  taximeter run --format json --bill bill.json -- make
      the bill for a program to read

The program finds TAXIMETER_RUN, TAXIMETER_PROJECT and the like in its environment: a taximeter.Meter in it belongs to
the same run, and adds what only the training knows. Signals are passed on to the program.

exit status: the program's own, 128 + n if signal n ended it; 2 wrong usage, 3 stopped by the budget
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `taximeter run`."""
    who = parser.add_argument_group("who pays")
    who.add_argument("--project", help="the project that pays (default: default)")
    who.add_argument("--run", help="the run's name, new each time (default: project, time and four digits)")
    who.add_argument("--team", help="the team")
    who.add_argument("--user", help="the user")
    money = parser.add_argument_group("money")
    money.add_argument("--exporter", metavar="URL", help="the exporter (default: http://127.0.0.1:9877)")
    money.add_argument("--price", metavar="PER_HOUR", help="what an hour costs; then no exporter is asked")
    money.add_argument("--currency", help="of price and budget (default: USD)")
    money.add_argument("--budget", metavar="AMOUNT", help="what the run may cost")
    money.add_argument(
        "--grace",
        metavar="SECONDS",
        type=float,
        default=30.0,
        help="SIGTERM comes so long before the budget is spent, and SIGKILL when it is (default: %(default)g)",
    )
    shown = parser.add_argument_group("the bill")
    shown.add_argument("--format", choices=("table", "json"), default="table", help="default: %(default)s")
    shown.add_argument("--bill", metavar="FILE", type=Path, help="where to write it (default: standard error)")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- command …", help="the program")


def run(options: argparse.Namespace) -> int:
    """Carry out `taximeter run`. Returns the exit status. Raises `UsageError`, and nothing has been started then."""
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    settings = _settings(options, command)
    began = time.perf_counter_ns()
    cost = RunningCost()
    if settings.price is not None:
        cost.begin({settings.currency: settings.price}, at=began)
    budget = None if settings.budget is None else Budget(settings.budget, settings.currency, cost)
    if budget is not None and budget.affords(options.grace) is False:
        raise UsageError("--budget: it does not pay for the seconds of --grace; name a larger one, or less grace")
    lease = take_lease(settings, cost) if settings.takes_lease else None
    if budget is not None and budget.affords(0) is None:
        sys.stderr.write(f"taximeter run: no price is known in {budget.currency}: the budget cannot be kept without\n")
    environ = environment(
        os.environ,
        RUN=settings.run,
        PROJECT=settings.project,
        TEAM=settings.team,
        USER=settings.user,
        EXPORTER=options.exporter,
        PRICE=settings.price,
        CURRENCY=settings.currency,
        LEASE=NO_LEASE if lease is None or lease.token is None else lease.token,
    )
    watched = Watched(command, environ, budget=budget, grace_seconds=options.grace)
    result = "failed"
    try:
        status = watched.run()
        result = _result(status, watched)
    except OSError as wrong:
        raise UsageError(f"{command[0]}: cannot be started: {wrong.strerror or wrong}") from None
    finally:
        cost.stop()
        if lease is not None:
            lease.end(result)
        nanoseconds = time.perf_counter_ns() - began
        _show(bill_of(settings, cost, lease, result=result, nanoseconds=nanoseconds), options)
    return 3 if watched.out_of_budget else status


def _settings(options: argparse.Namespace, command: list[str]) -> Settings:
    if not command:
        raise UsageError("no program is named: taximeter run [options] -- program arguments")
    if shutil.which(command[0]) is None:
        raise UsageError(f"{command[0]}: there is no such program")
    if not 0 <= options.grace < float("inf"):
        raise UsageError(f"--grace: {options.grace:g} is not a number of seconds from 0")
    if options.bill is not None and not options.bill.parent.is_dir():
        raise UsageError(f"--bill: there is no folder {options.bill.parent}")
    try:
        return resolve(
            run=options.run,
            project=options.project,
            team=options.team,
            user=options.user,
            exporter=options.exporter,
            price=options.price,
            currency=options.currency,
            budget=options.budget,
            environ={name: value for name, value in os.environ.items() if name not in ("RANK", "TAXIMETER_LEASE")},
        )
    except ValueError as wrong:
        raise UsageError(named_as_option(str(wrong))) from None


def _result(status: int, watched: Watched) -> str:
    if watched.out_of_budget:
        return "budget"
    if watched.stopped:
        return "stopped"
    return "finished" if status == 0 else "failed"


def _show(bill: Bill, options: argparse.Namespace) -> None:
    text = (json.dumps(bill.to_json(), indent=2) if options.format == "json" else bill.to_table()) + "\n"
    if options.bill is None:
        sys.stderr.write(text)
        return
    try:
        options.bill.write_text(text, encoding="utf-8")
    except OSError as wrong:
        sys.stderr.write(f"taximeter run: {options.bill} cannot be written ({wrong.strerror or wrong})\n{text}")
