"""`taximeter-exporter check`: what this machine costs, and why."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from taximeter_exporter.cli.options import add_config, add_format, add_web_config
from taximeter_exporter.config.settings import Settings, load
from taximeter_exporter.metering.money import show
from taximeter_exporter.pricing.price import Price
from taximeter_exporter.reports.offers import dated, facts, in_force
from taximeter_exporter.reports.tables import to_json
from taximeter_exporter.web.security.exposure import exposed
from taximeter_exporter.web.security.guard import Access, Guard, protection

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_EPILOG = """\
examples:
  taximeter-exporter check                                  before a start, or a reload
  taximeter-exporter check --web.config.file web.yml        with TLS and passwords
  taximeter-exporter check --format json                    for a program

It looks at the configuration alone: no GPU is asked, no ledger opened. What the running exporter finds wrong, its
/readyz says.

exit status: 0 it is valid, 2 it is not, and a line says which field and what would be right
"""


def add(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "check",
        help="validate the configuration; print what this machine costs and why",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config(parser)
    add_web_config(parser)
    add_format(parser, "table", "json")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print it. Opens and starts nothing. Raises `ConfigError`."""
    settings = load(args.config, os.environ)
    guard = Guard(protection(web_config_file=args.web_config, token_file=settings.write_token_file))
    print(_report(settings, guard, as_json=args.format == "json"))
    return 0


def _report(settings: Settings, guard: Guard, *, as_json: bool) -> str:
    time_ns = time.time_ns()
    price = next(iter(in_force(settings.prices, time_ns)), None)
    if as_json:
        return to_json(_facts(settings, guard, price, time_ns))
    offer = settings.offer
    lines = [
        f"{settings.path}: valid",
        f"machine   {offer} ({'as the cloud says' if settings.detected else 'as configured'})",
        f"costs     {_cost(price)}",
        *(f"because   {reason}" for reason in _reasons(price, time_ns)),
        *(f"tariff    {_cost(price)}" for price in settings.prices if price.hours is not None),
        f"ledger    {settings.ledger}",
        f"listen    {settings.listen[0]}:{settings.listen[1]}",
        f"reading   {_by(guard.reading)}{', by TLS' if guard.encrypts else ''}",
        f"writing   {_by(guard.writing)}{', by TLS' if guard.encrypts else ''}",
        *(f"beware    {warning}" for warning in exposed(settings.listen[0], guard)),
    ]
    for volume in settings.volumes:
        lines.append(
            f"storage   {volume.name}: {float(volume.rate.device_per_hour()):,.4f} {volume.rate.currency} per hour"
        )
    if settings.transfer is not None:
        lines.append(f"transfer  {settings.transfer.price:,.4f} {settings.transfer.currency} per GB that runs read")
    for budget in settings.budgets:
        scope = ", ".join(f"{key} {value}" for key, value in budget.scope.items()) or "the whole machine"
        warns = ", ".join(f"{threshold:.0%}" for threshold in budget.thresholds)
        limit = f"{budget.limit:,.2f} {budget.currency} a {budget.period} ({budget.timezone.key})"
        lines.append(f"budget    {budget.name}: {limit} for {scope}; warns at {warns}")
    return "\n".join(lines)


def _by(access: Access) -> str:
    return {
        Access.ANYBODY: "by whoever connects",
        Access.USERS: "by users with a password, or with the token if there is one",
        Access.BEARER: "with the token alone",
    }[access]


def _cost(price: Price | None) -> str:
    if price is None:
        return "unknown: no price is in force today; time is kept as unpriced"
    gpus = f", {price.per_hour / price.gpus:,.4f} for each of {price.gpus} GPUs" if price.gpus else ""
    since = f"since {price.effective_from}" if price.effective_from else "always"
    hours = f" at {price.hours}" if price.hours else ""
    return f"{price.per_hour:,.4f} {price.currency} per hour{gpus}{hours} ({since})"


def _reasons(price: Price | None, time_ns: int) -> Iterator[str]:
    """Where the price comes from, how old it is, and what was taken off it."""
    if price is None:
        return
    yield f"{price.origin} says so" + (f": {price.source}" if price.source else "")
    if price.note:
        yield price.note
    if price.discount_percent is not None:
        yield f"a discount of {price.discount_percent:f}% is taken off, as configured"
    if price.as_of or price.stale_from:
        yield f"it is {'of ' if price.as_of else ''}{dated(price, time_ns)}"


def _facts(settings: Settings, guard: Guard, price: Price | None, time_ns: int) -> dict[str, Any]:
    offer = settings.offer
    return {
        "config": str(settings.path),
        "provider": offer.provider,
        "region": offer.region,
        "instance_type": offer.instance_type,
        "pricing_model": offer.pricing_model,
        "per_hour": None if price is None else {price.currency: str(price.per_hour)},
        "gpus": None if price is None else price.gpus,
        "price": None if price is None else facts(price, time_ns),
        "tariffs": [
            {"hours": str(price.hours), "per_hour": {price.currency: str(price.per_hour)}}
            for price in settings.prices
            if price.hours is not None
        ],
        "detected": settings.detected,
        "storage": [
            {"name": volume.name, "per_hour": show({volume.rate.currency: volume.rate.device_per_hour()})}
            for volume in settings.volumes
        ],
        "transfer": None
        if settings.transfer is None
        else {"per_gb": {settings.transfer.currency: str(settings.transfer.price)}},
        "ledger": str(settings.ledger),
        "listen": f"{settings.listen[0]}:{settings.listen[1]}",
        "tls": guard.encrypts,
        "reading": guard.reading,
        "writing": guard.writing,
        "budgets": [
            {
                "budget": budget.name,
                "period": budget.period,
                "timezone": budget.timezone.key,
                "limit": {budget.currency: str(budget.limit)},
                "scope": dict(budget.scope),
                "thresholds": [str(threshold) for threshold in budget.thresholds],
            }
            for budget in settings.budgets
        ],
    }
