"""The budgets of the configuration, and the exchange rates by which spending in other currencies counts."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from taximeter_exporter.config.error import Refused
from taximeter_exporter.config.schema import ConfigFile, ExchangeRateSection
from taximeter_exporter.config.timezones import read_timezone
from taximeter_exporter.metering.budgets import Budget
from taximeter_exporter.metering.exchange import ExchangeRate, ExchangeTable
from taximeter_exporter.pricing.price import midnight_ns

log = logging.getLogger(__name__)

_END_OF_TIME_NS = 2**63 - 1


def read_budgets(file: ConfigFile, *, currencies: set[str]) -> Iterator[Budget]:
    """The budgets of this host, each with all exchange rates. `currencies` are those that this machine is paid for in.

    Raises `Refused`.
    """
    exchange = ExchangeTable(_exchange_rates(file.exchange_rates))
    names: set[str] = set()
    for place, section in enumerate(file.budgets):
        field = f"budgets[{place}]"
        if section.name in names:
            raise Refused(f"{field}.name", f"{section.name!r} is there twice; give each budget a name of its own")
        names.add(section.name)
        if not section.limit.is_finite() or section.limit <= 0:
            raise Refused(f"{field}.limit", f"{section.limit} is not a limit; write an amount above 0")
        for currency in sorted(currencies):
            if exchange.rate(currency, section.currency, _END_OF_TIME_NS) is None:
                raise Refused(
                    f"{field}.currency",
                    f"is {section.currency}, but this machine is paid for in {currency}; give the limit in that, or the"
                    " rate of the two under `exchange_rates`",
                )
        if section.scope.host not in (None, socket.gethostname()):
            log.info("budget %s is for host %s, and not for this one", section.name, section.scope.host)
            continue
        yield Budget(
            name=section.name,
            period=section.period,
            timezone=read_timezone(f"{field}.timezone", section.timezone),
            limit=section.limit,
            currency=section.currency,
            thresholds=_thresholds(f"{field}.thresholds", section.thresholds),
            scope={
                key: value
                for key in section.scope.__struct_fields__
                if key != "host" and (value := getattr(section.scope, key)) is not None
            },
            exchange=exchange,
        )


def _exchange_rates(sections: list[ExchangeRateSection]) -> Iterator[ExchangeRate]:
    seen: dict[tuple[frozenset[str], date | None], int] = {}
    for place, section in enumerate(sections):
        field = f"exchange_rates[{place}]"
        if section.currency == section.into:
            raise Refused(f"{field}.into", f"is {section.into} as well; name two currencies")
        if not section.rate.is_finite() or section.rate <= 0:
            raise Refused(f"{field}.rate", f"{section.rate} is not a rate; write what one {section.currency} is worth")
        pair = (frozenset((section.currency, section.into)), section.effective_from)
        if pair in seen:
            raise Refused(
                f"{field}.effective_from", f"the same as exchange_rates[{seen[pair]}], for the same pair; keep one"
            )
        seen[pair] = place
        yield ExchangeRate(
            currency=section.currency,
            into=section.into,
            rate=section.rate,
            start_ns=midnight_ns(section.effective_from) or 0,
        )


def _thresholds(field: str, thresholds: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
    for threshold in thresholds:
        if not threshold.is_finite() or not 0 < threshold <= 10:
            raise Refused(field, f"{threshold} is not a part of the limit; write for instance 0.8 for 80%")
    return tuple(sorted(set(thresholds)))
