"""The configuration as the program uses it, checked for what its shape alone cannot tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.schema import BudgetSection, ConfigFile, PriceSection
from taximeter_exporter.config.source import read
from taximeter_exporter.devices.open import DeviceChoice
from taximeter_exporter.metering.budgets import Budget
from taximeter_exporter.pricing.price import Offer, Price
from taximeter_exporter.pricing.quote import PriceError, find_prices

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m)$")
_UNIT_NS = {"ms": NS_PER_SECOND // 1000, "s": NS_PER_SECOND, "m": 60 * NS_PER_SECOND}
_DAYS = re.compile(r"^(\d{1,5})d$")
_LISTEN = re.compile(r"^(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that `serve` needs to know."""

    path: Path
    listen: tuple[str, int]
    sample_interval_ns: int
    ledger: Path
    bill_gaps: bool
    devices: DeviceChoice
    offer: Offer
    prices: tuple[Price, ...]
    """Of `offer`, by the day from which they hold; at least one."""
    budgets: tuple[Budget, ...]


class _Refused(ValueError):
    """A field's value cannot be."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read and check the whole configuration. Raises `ConfigError`."""
    file, overridden = read(path, environ)
    try:
        prices = _prices(file)
        settings = Settings(
            path=path,
            listen=_listen(file.listen),
            sample_interval_ns=_interval_ns(file.sample_interval),
            # A path in the file is relative to the file; one in the environment to where the program was started.
            ledger=Path(file.ledger) if "ledger" in overridden else path.parent / file.ledger,
            bill_gaps=file.gap_policy == "bill",
            devices=file.devices,
            offer=Offer(
                provider=file.host.provider,
                region=file.host.region,
                instance_type=file.host.instance_type,
                pricing_model=file.host.pricing_model,
            ),
            prices=prices,
            budgets=tuple(_budgets(file.budgets, currencies={price.currency for price in prices})),
        )
    except (_Refused, PriceError) as error:
        variable = overridden.get(error.field)
        where = f"environment variable {variable}" if variable else str(path)
        raise ConfigError(where, error.field, str(error)) from error
    return settings


def _listen(text: str) -> tuple[str, int]:
    match = _LISTEN.match(text)
    if not match or int(match["port"]) > 65535:
        raise _Refused("listen", f"{text!r} is not an address; write host:port, for instance 127.0.0.1:9877")
    return match["v6"] or match["host"], int(match["port"])


def _interval_ns(text: str) -> int:
    match = _DURATION.match(text)
    ns = int(Decimal(match[1]) * _UNIT_NS[match[2]]) if match else 0
    if not _UNIT_NS["ms"] * 100 <= ns <= _UNIT_NS["m"]:
        raise _Refused("sample_interval", f"{text!r} is not a time from 100ms to 1m; write for instance 1s")
    return ns


def _max_age(text: str) -> timedelta:
    match = _DAYS.match(text)
    if not match or int(match[1]) < 1:
        raise _Refused("price_max_age", f"{text!r} is not a number of days; write for instance 180d")
    return timedelta(days=int(match[1]))


def _prices(file: ConfigFile) -> tuple[Price, ...]:
    max_age = _max_age(file.price_max_age)
    priced = [(_price(place, section, max_age), place) for place, section in enumerate(file.prices)]
    by_offer: dict[Offer, list[tuple[Price, int]]] = {}
    for price, place in priced:
        by_offer.setdefault(price.offer, []).append((price, place))
    for offer, group in by_offer.items():
        group.sort(key=lambda entry: entry[0].effective_from or date.min)
        for (earlier, earlier_place), (later, later_place) in pairwise(group):
            if (earlier.effective_to or date.max) > (later.effective_from or date.min):
                raise _Refused(
                    f"prices[{later_place}].effective_from",
                    f"overlaps prices[{earlier_place}], both for {offer}; end that one with `effective_to`",
                )
    wanted = file.host
    offer = Offer(
        provider=wanted.provider,
        region=wanted.region,
        instance_type=wanted.instance_type,
        pricing_model=wanted.pricing_model,
    )
    return find_prices(offer, [price for price, _ in priced])


def _price(place: int, section: PriceSection, max_age: timedelta) -> Price:
    field = f"prices[{place}]"
    if not section.per_hour.is_finite() or section.per_hour < 0:
        raise _Refused(
            f"{field}.per_hour",
            f"{section.per_hour} cannot be a price; write what the whole instance costs by the hour",
        )
    if section.effective_from and section.effective_to and section.effective_from >= section.effective_to:
        raise _Refused(f"{field}.effective_to", f"{section.effective_to} is not after {section.effective_from}")
    return Price(
        offer=Offer(
            provider=section.provider,
            region=section.region,
            instance_type=section.instance_type,
            pricing_model=section.pricing_model,
        ),
        per_hour=section.per_hour,
        currency=section.currency,
        gpus=section.gpus,
        gpu_model=section.gpu_model,
        effective_from=section.effective_from,
        effective_to=section.effective_to,
        as_of=section.as_of,
        source=section.source,
        stale_from=section.as_of + max_age if section.as_of else None,
    )


def _budgets(sections: list[BudgetSection], *, currencies: set[str]) -> Iterator[Budget]:
    names: set[str] = set()
    for place, section in enumerate(sections):
        field = f"budgets[{place}]"
        if section.name in names:
            raise _Refused(f"{field}.name", f"{section.name!r} is there twice; give each budget a name of its own")
        names.add(section.name)
        if not section.limit.is_finite() or section.limit <= 0:
            raise _Refused(f"{field}.limit", f"{section.limit} is not a limit; write an amount above 0")
        if section.currency not in currencies:
            raise _Refused(
                f"{field}.currency",
                f"is {section.currency}, but this machine is paid for in {', '.join(sorted(currencies))};"
                " give the limit in that",
            )
        yield Budget(
            name=section.name,
            period=section.period,
            timezone=_timezone(f"{field}.timezone", section.timezone),
            limit=section.limit,
            currency=section.currency,
            thresholds=_thresholds(f"{field}.thresholds", section.thresholds),
            scope={
                key: value
                for key in section.scope.__struct_fields__
                if (value := getattr(section.scope, key)) is not None
            },
        )


def _timezone(field: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _Refused(field, f"{name!r} is not a time zone; write an IANA name, for instance Europe/Berlin") from error


def _thresholds(field: str, thresholds: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
    for threshold in thresholds:
        if not threshold.is_finite() or not 0 < threshold <= 10:
            raise _Refused(field, f"{threshold} is not a part of the limit; write for instance 0.8 for 80%")
    return tuple(sorted(set(thresholds)))
