"""`taximeter-exporter report`: what was spent, from the ledger."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from taximeter_exporter.cli.options import add_config, add_format, one_of
from taximeter_exporter.clock import NS_PER_HOUR, NS_PER_SECOND
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.settings import load
from taximeter_exporter.metering.ledger import LedgerError
from taximeter_exporter.metering.money import to_decimal
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.metering.usage import Share
from taximeter_exporter.reports.spending import By, Spending, spending
from taximeter_exporter.reports.tables import table, to_csv, to_json

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_EPILOG = """\
examples:
  taximeter-exporter report                                        this month, by project
  taximeter-exporter report --by run --from 2026-11-01             this month's runs, the most expensive first
  taximeter-exporter report --by day --timezone Europe/Berlin      day by day, as the days are in Berlin
  taximeter-exporter report --by month --from 2026-01-01 --format csv > 2026.csv

It reads the ledger of the configuration, also while an exporter writes to it. Money is exact; `idle` had no run and no
use, `unattributed` had use by no known run, or is storage; `gap` passed while the exporter was down.

By run there is also what the provider would bill had the machine been rented for the run alone: the run's time on each
device, in the provider's steps and with its minimum, as the catalog or the `billing` of your own price says.
"""
_SHARES = (Share.ACTIVE, Share.IDLE, Share.UNATTRIBUTED, Share.GAP)


def add(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "report",
        help="what was spent: by day, month, run, project, team, user, provider, device or category",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config(parser)
    add_format(parser, "table", "csv", "json")
    parser.add_argument(
        "--by", type=one_of(By), default=By.PROJECT, metavar="WHAT", help=f"{', '.join(By)}; default: project"
    )
    parser.add_argument("--from", dest="start", type=_day, metavar="DAY", help="default: the 1st of this month")
    parser.add_argument("--to", dest="end", type=_day, metavar="DAY", help="the first day left out; default: tomorrow")
    parser.add_argument("--timezone", default="UTC", metavar="ZONE", help="IANA name; default: UTC")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="default: the configuration's")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the report. Raises `ConfigError`."""
    zone = _zone(args.timezone)
    today = datetime.now(UTC).astimezone(zone).date()
    start, end = args.start or today.replace(day=1), args.end or today + timedelta(days=1)
    if start >= end:
        raise ConfigError("--from", "", f"{start} is not before {end}, the first day that is left out (--to)")
    # how a run is billed stands in the configuration, as the ledger does
    settings = load(args.config, os.environ) if args.ledger is None or args.by is By.RUN else None
    path = settings.ledger if settings is not None and args.ledger is None else args.ledger
    try:
        ledger = SqliteLedger(path, readonly=True)
        try:
            lines = spending(
                ledger,
                by=args.by,
                start_ns=_ns(start, zone),
                end_ns=_ns(end, zone),
                timezone=zone,
                billing_of=settings.book.billing_of if settings else None,
            )
            simulated = any(uuid.startswith("SIM-") for uuid in ledger.cursors())
        finally:
            ledger.close()
    except LedgerError as error:
        raise ConfigError(str(error), "", "") from error
    print(_show(lines, by=args.by, form=args.format, simulated=simulated))
    return 0


def _show(lines: list[Spending], *, by: By, form: str, simulated: bool) -> str:
    billed = by is By.RUN
    header = [by, "device_hours", *_SHARES, "cost", *(["billed_cost"] if billed else []), "currency"]
    if simulated:
        header.append("simulated")
    rows = [
        [
            line.key or ("-" if form == "table" else ""),
            f"{line.device_ns / NS_PER_HOUR:.4f}",
            *(str(to_decimal(line.by_share.get(share, 0 * line.cost))) for share in _SHARES),
            str(to_decimal(line.cost)),
            *([str(to_decimal(line.billed))] if line.billed is not None else []),
            line.currency or ("no price" if form == "table" else ""),
            *(["true"] if simulated else []),
        ]
        for line in lines
    ]
    if form == "json":
        return to_json([dict(zip(map(str, header), row, strict=True)) for row in rows])
    if form == "csv":
        return to_csv([str(name) for name in header], rows)
    if not rows:
        return "Nothing was spent in this time."
    return table([str(name).replace("_", " ") for name in header], rows)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write for instance 2026-11-01") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            "--timezone", "", f"{name!r} is not an IANA name; write for instance Europe/Berlin"
        ) from error


def _ns(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * NS_PER_SECOND
