"""`taximeter-exporter prices`: searches the price catalog."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from taximeter_exporter.cli.catalog import add_prices_of, gpu_named, must_be_known, prices_of
from taximeter_exporter.cli.options import add_format, one_of
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.metering.money import to_decimal
from taximeter_exporter.pricing.price import Price, PricingModel
from taximeter_exporter.pricing.refresh import RefreshError, gather, refreshed
from taximeter_exporter.reports.offers import dated, facts, search
from taximeter_exporter.reports.sources import Footnotes
from taximeter_exporter.reports.tables import table, to_json

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_EPILOG = """\
examples:
  taximeter-exporter prices --gpu H100                                every price of an H100, the cheapest first
  taximeter-exporter prices --provider aws --pricing-model spot      what AWS asked for spot
  taximeter-exporter prices --gpu A100-80 --format json              for a program
  taximeter-exporter prices --config taximeter.yaml --provider aws   with your own prices and discounts
  taximeter-exporter prices --refresh live.yaml                      write a catalog of live offers (needs the extra
                                                                     gpuhunt); then set `catalog: live.yaml`

Every price says where it was read and when. `stale`: older than 180 days (or the configuration's price_max_age), or
without a date. `uncertain`: the source gives it as rounded, approximate, or a range. No price is a provider's promise.
`any` stands where the source names no region.

exit status: 0 found, 1 nothing matches, 2 bad input
"""


def add(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "prices",
        help="search the price catalog",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--provider", metavar="NAME", help="for instance aws, azure, google, ibm, lambda")
    parser.add_argument("--gpu", metavar="MODEL", help="for instance A100 (of any memory size) or A100-80")
    parser.add_argument("--region", metavar="NAME", help="as the provider names it")
    parser.add_argument(
        "--pricing-model", type=one_of(PricingModel), metavar="MODEL", help=f"one of {', '.join(PricingModel)}"
    )
    add_prices_of(parser)
    parser.add_argument(
        "--refresh", type=Path, metavar="FILE", help="write a catalog of live offers to FILE, and search nothing"
    )
    add_format(parser, "table", "json")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what matches. Raises `ConfigError`."""
    if args.refresh is not None:
        return _refresh(args.refresh)
    prices = prices_of(args.config)
    must_be_known("--provider", args.provider, (price.offer.provider for price in prices))
    must_be_known("--region", args.region, (price.offer.region for price in prices))
    found = search(
        prices,
        provider=args.provider,
        region=args.region,
        gpu=gpu_named(args.gpu) if args.gpu else None,
        pricing_model=args.pricing_model,
    )
    now = time.time_ns()
    print(to_json([facts(price, now) for price in found]) if args.format == "json" else _table(found, now))
    return 0 if found else 1


def _refresh(path: Path) -> int:
    """Write a catalog; what was there stays until the new one is whole."""
    unfinished = path.with_name(f".{path.name}.new")
    try:
        found = refreshed(gather(datetime.now(UTC).date()))
        unfinished.write_text(found.text, encoding="utf-8")
        unfinished.replace(path)
    except RefreshError as error:
        raise ConfigError("--refresh", "", str(error)) from error
    except OSError as error:
        raise ConfigError("--refresh", str(path), f"cannot be written ({error.strerror}); name another file") from error
    print(f"{path}: {found.prices} prices of {', '.join(found.providers)}; set `catalog: {path}` to use them")
    if found.unknown_gpus:
        print(f"left out: {found.unknown_gpus} offers of GPUs that the exporter does not know")
    for kind, number in sorted(found.mistakes.items()):
        print(f"left out: {number} offers that cannot be right ({kind})")
    return 0


def _table(prices: Sequence[Price], now: int) -> str:
    if not prices:
        return "No price matches all of that."
    sources = Footnotes()
    rows = [
        [
            price.gpu_model,
            str(price.gpus),
            price.offer.provider,
            price.offer.region,
            price.offer.instance_type,
            price.offer.pricing_model,
            f"{to_decimal(price.per_gpu()):.4f}",
            f"{price.per_hour:.4f}",
            price.currency,
            dated(price, now),
            sources.mark(price),
        ]
        for price in prices
    ]
    header = ["GPU", "GPUs", "provider", "region", "instance type", "terms", "GPU hour", "hour", "", "as of", "source"]
    return f"{table(header, rows)}\n\n{sources}"
