"""`taximeter-exporter check`: what this machine costs, and why."""

from __future__ import annotations

import argparse
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from taximeter_exporter.cli.options import add_config, add_format
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.config.settings import Settings, load
from taximeter_exporter.pricing.price import Price

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command and its options."""
    parser = commands.add_parser("check", help="validate the configuration; print what this machine costs and why")
    add_config(parser)
    add_format(parser, "table", "json")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print it. Opens and starts nothing. Raises `ConfigError`."""
    print(_report(load(args.config, os.environ), as_json=args.format == "json"))
    return 0


def _report(settings: Settings, *, as_json: bool) -> str:
    now = datetime.now(UTC)
    price = _price_at(settings, int(now.timestamp()) * NS_PER_SECOND)
    if as_json:
        return json.dumps(_facts(settings, price), indent=2)
    offer = settings.offer
    lines = [
        f"{settings.path}: valid",
        f"machine   {offer.provider} {offer.instance_type} in {offer.region}, {offer.pricing_model}",
        f"costs     {_cost(price)}",
        f"ledger    {settings.ledger}",
        f"listen    {settings.listen[0]}:{settings.listen[1]}",
    ]
    for budget in settings.budgets:
        scope = ", ".join(f"{key} {value}" for key, value in budget.scope.items()) or "the whole machine"
        warns = ", ".join(f"{threshold:.0%}" for threshold in budget.thresholds)
        limit = f"{budget.limit:,.2f} {budget.currency} a {budget.period} ({budget.timezone.key})"
        lines.append(f"budget    {budget.name}: {limit} for {scope}; warns at {warns}")
    return "\n".join(lines)


def _price_at(settings: Settings, time_ns: int) -> Price | None:
    for price in settings.prices:
        start, end = price.start_ns(), price.end_ns()
        if (start is None or start <= time_ns) and (end is None or time_ns < end):
            return price
    return None


def _cost(price: Price | None) -> str:
    if price is None:
        return "unknown: no price is in force today; time is kept as unpriced"
    gpus = f", {price.per_hour / price.gpus:,.4f} for each of {price.gpus} GPUs" if price.gpus else ""
    since = f"since {price.effective_from}" if price.effective_from else "since ever"
    return f"{price.per_hour:,.4f} {price.currency} per hour{gpus} ({since}, from `prices`)"


def _facts(settings: Settings, price: Price | None) -> dict[str, Any]:
    offer = settings.offer
    return {
        "config": str(settings.path),
        "provider": offer.provider,
        "region": offer.region,
        "instance_type": offer.instance_type,
        "pricing_model": offer.pricing_model,
        "per_hour": None if price is None else {price.currency: str(price.per_hour)},
        "gpus": None if price is None else price.gpus,
        "ledger": str(settings.ledger),
        "listen": f"{settings.listen[0]}:{settings.listen[1]}",
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
