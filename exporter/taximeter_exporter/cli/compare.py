"""`taximeter-exporter compare`: what work on GPUs would cost elsewhere."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from taximeter_exporter.cli.catalog import add_prices_of, count, gpu_named, positive, prices_of
from taximeter_exporter.cli.options import add_format
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.settings import Settings, load
from taximeter_exporter.metering.ledger import LedgerError
from taximeter_exporter.metering.money import Money, show, to_decimal
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.metering.usage import Category
from taximeter_exporter.pricing.gpus import find_gpu
from taximeter_exporter.pricing.price import Price
from taximeter_exporter.reports.compare import Elsewhere, Work, compare
from taximeter_exporter.reports.offers import dated, facts, in_force
from taximeter_exporter.reports.past_run import UnknownGpuError, past_run
from taximeter_exporter.reports.sources import Footnotes
from taximeter_exporter.reports.tables import table, to_json

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_CONFIG = Path("taximeter.yaml")
_EPILOG = """\
examples:
  taximeter-exporter compare --gpu A100 --hours 1              an hour of an A100, everywhere that has a price
  taximeter-exporter compare --gpu H100 --gpus 8 --hours 72    three days of eight of them
  taximeter-exporter compare                                   an hour of this machine (of taximeter.yaml), elsewhere
  taximeter-exporter compare --run resnet-1 --format json      a run of the ledger: what it cost, and would have

The same GPU comes first, then equivalents: there the work takes hours / speed, where speed is the ratio of the dense
FP16/BF16 tensor throughputs that NVIDIA's data sheets state. That is a ceiling of the hardware, not a measurement of
your training. `cost` is the part of the instances that the work uses; `whole` what renting whole instances costs.
The ledger is read also while an exporter writes to it. `stale`, `uncertain`: see taximeter-exporter prices --help.
"""


@dataclass(frozen=True, kw_only=True)
class _Question:
    """What is compared with what."""

    of: str | None
    """Whose work it is; `None`: nobody's yet."""
    work: Work
    prices: tuple[Price, ...]
    cost: Money = field(default_factory=dict)
    """What it has cost here, or costs."""
    simulated: bool = False


def add(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "compare",
        help="what GPUs, this machine, or a run of the past would cost elsewhere",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--gpu", metavar="MODEL", help="for instance A100 (of any memory size) or A100-80")
    parser.add_argument("--gpus", type=count, metavar="N", help="default: 1, or as many as this machine has")
    parser.add_argument("--hours", type=positive, metavar="H", help="default: 1")
    parser.add_argument("--run", dest="name", metavar="NAME", help="a run of the ledger, instead of GPUs and hours")
    add_prices_of(parser)
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="for --run; default: the configuration's")
    add_format(parser, "table", "json")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the comparison. Raises `ConfigError`."""
    now = time.time_ns()
    if args.name is not None:
        question = _of_run(args)
    elif args.gpu:
        question = _of_gpus(args)
    else:
        question = _of_machine(args, now)
    found = compare(question.work, in_force(question.prices, now))
    print(_json(question, found, now) if args.format == "json" else _table(question, found, now))
    return 0


def _of_gpus(args: argparse.Namespace) -> _Question:
    hours, gpus = args.hours or Decimal(1), args.gpus or 1
    work = Work(gpu=gpu_named(args.gpu), gpus=Fraction(gpus), hours=Fraction(hours))
    return _Question(of=None, work=work, prices=prices_of(args.config))


def _of_machine(args: argparse.Namespace, now: int) -> _Question:
    settings = load(args.config or _CONFIG, os.environ)
    here = in_force(settings.prices, now)
    if not here:
        raise ConfigError(str(settings.path), "prices", "none is in force today; say with --gpu what to compare")
    (price,) = here
    gpu = find_gpu(price.gpu_model) if price.gpu_model else None
    if gpu is None or not price.gpus:
        raise ConfigError(
            str(settings.path),
            "prices",
            f"the price of {price.offer} names no known GPU ({price.gpu_model or 'none'}); set its `gpu_model` and"
            " `gpus`, or say with --gpu what to compare",
        )
    hours, gpus = Fraction(args.hours or 1), Fraction(args.gpus or price.gpus)
    return _Question(
        of=str(settings.offer),
        work=Work(gpu=gpu, gpus=gpus, hours=hours),
        prices=settings.book.prices(),
        cost={price.currency: price.per_gpu() * gpus * hours},
    )


def _of_run(args: argparse.Namespace) -> _Question:
    if args.gpus or args.hours:
        raise ConfigError("--run", "", "has its own GPUs and hours; leave out --gpus and --hours")
    settings = load(args.config or _CONFIG, os.environ)
    prices = settings.book.prices()
    try:
        ledger = SqliteLedger(args.ledger or settings.ledger, readonly=True)
        try:
            usage = [row for row in ledger.usage(run=args.name) if row.category is Category.COMPUTE]
        finally:
            ledger.close()
    except LedgerError as error:
        raise ConfigError(str(error), "", "") from error
    if not usage:
        raise ConfigError("--run", "", f"the ledger has no time of a run {args.name!r}; list them: report --by run")
    try:
        past = past_run(usage, _known(prices, settings), gpu=gpu_named(args.gpu) if args.gpu else None)
    except UnknownGpuError as error:
        raise ConfigError("--run", "", str(error)) from error
    return _Question(of=f"run {args.name}", work=past.work, prices=prices, cost=past.cost, simulated=past.simulated)


def _known(prices: tuple[Price, ...], settings: Settings) -> tuple[Price, ...]:
    """With this machine's own, which a catalog may have for any region only."""
    return prices + settings.prices


def _number(value: Fraction) -> str:
    return f"{to_decimal(value):f}".rstrip("0").rstrip(".")


def _json(question: _Question, found: Sequence[Elsewhere], now: int) -> str:
    work = question.work
    return to_json(
        {
            "of": question.of,
            "simulated": question.simulated,
            "gpu_model": work.gpu.model,
            "gpus": _number(work.gpus),
            "hours": _number(work.hours),
            "cost": show(question.cost) or None,
            "elsewhere": [
                {
                    **facts(entry.price, now),
                    "same_gpu": entry.same_gpu,
                    "throughput_ratio": f"{float(entry.ratio):.4f}",
                    "hours": _number(entry.hours),
                    "per_gpu_hour": show({entry.price.currency: entry.price.per_gpu()}),
                    "cost": show({entry.price.currency: entry.cost}),
                    "instances": entry.instances,
                    "whole_cost": show({entry.price.currency: entry.whole_cost}),
                }
                for entry in found
            ],
        }
    )


def _table(question: _Question, found: Sequence[Elsewhere], now: int) -> str:
    work = question.work
    cost = ", ".join(f"{amount} {currency}" for currency, amount in show(question.cost).items())
    head = f"{_number(work.gpus)} x {work.gpu.model} for {_number(work.hours)} h"
    if question.of:
        head = f"{question.of}{' (simulated)' if question.simulated else ''}: {head}"
    if cost:
        head += f", {cost} here"
    sources = Footnotes()
    rows = [
        [
            "same" if entry.same_gpu else "equivalent",
            entry.price.gpu_model,
            f"{float(entry.ratio):.2f}",
            entry.price.offer.provider,
            entry.price.offer.region,
            entry.price.offer.instance_type,
            entry.price.offer.pricing_model,
            f"{to_decimal(entry.cost):.4f}",
            f"{to_decimal(entry.whole_cost):.4f}",
            entry.price.currency,
            dated(entry.price, now),
            sources.mark(entry.price),
        ]
        for entry in found
    ]
    header = [
        "",
        "GPU",
        "speed",
        "provider",
        "region",
        "instance type",
        "terms",
        "cost",
        "whole",
        "",
        "as of",
        "source",
    ]
    return f"{head}\n\n{table(header, rows)}\n\n{sources}"
