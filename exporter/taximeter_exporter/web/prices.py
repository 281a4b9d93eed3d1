"""`/api/v1/prices`: what each device costs now, and from when on it will cost something else."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

from msgspec import Struct

from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.money import to_decimal
from taximeter_exporter.pricing.price import Rate
from taximeter_exporter.pricing.quote import Schedule
from taximeter_exporter.web.answers import Amount, Moment, moment

HORIZON_NS = 7 * 24 * NS_PER_HOUR


class PriceChange(Struct, kw_only=True):
    """From then on it costs something else."""

    at: Moment
    per_hour: Amount | None
    """`null`: no price is known, or none in this currency."""


class DevicePrice(Struct, kw_only=True):
    """What a device costs by the hour, now and within the next seven days as far as is known."""

    uuid: str
    currency: str | None
    """`null`: no price is known, not even for later."""
    per_hour: Amount | None
    changes: list[PriceChange]


class Prices(Struct):
    """Of all devices."""

    prices: list[DevicePrice]


def prices_answer(schedules: Mapping[str, Schedule], time_ns: int) -> Prices:
    """What each device costs, by its UUID, at a time of day and within seven days from then."""
    return Prices([_of(uuid, schedule, time_ns) for uuid, schedule in schedules.items()])


def _of(uuid: str, schedule: Schedule, time_ns: int) -> DevicePrice:
    moments = (time_ns, *schedule.changes_between(time_ns, time_ns + HORIZON_NS))
    rates = [(at_ns, schedule.at(at_ns)) for at_ns in moments]
    currency = next((rate.currency for _, rate in rates if rate is not None), None)
    course = [(at_ns, _per_hour(rate, currency)) for at_ns, rate in rates]
    changes = [
        PriceChange(at=moment(at_ns), per_hour=_shown(amount))
        for (_, before), (at_ns, amount) in pairwise(course)
        if amount != before
    ]
    return DevicePrice(uuid=uuid, currency=currency, per_hour=_shown(course[0][1]), changes=changes)


def _per_hour(rate: Rate | None, currency: str | None) -> Fraction | None:
    return None if rate is None or rate.currency != currency else rate.device_per_hour()


def _shown(amount: Fraction | None) -> str | None:
    return None if amount is None else str(to_decimal(amount))
