"""`--start cheapest`: waits for the cheaper hours of a price with a schedule, before the meter starts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from taximeter.bill import show
from taximeter.exporter_client import ExporterClient, Refused, Unanswered
from taximeter.settings import Settings

_HORIZON = timedelta(days=7)
_LOOK_SECONDS = 600.0  # prices may change while it waits
_TIMEOUT_SECONDS = 5.0


class NoPrices(Exception):
    """It is not known what an hour costs, now or later; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What an hour of all devices together costs, from each moment to the next."""

    currency: str
    first: Decimal | None
    """Until the first change."""
    changes: tuple[tuple[datetime, Decimal | None], ...]
    """In the order of time; `None` where a device has no price."""

    def at(self, moment: datetime) -> Decimal | None:
        """The price at a moment."""
        return next((price for at, price in reversed(self.changes) if at <= moment), self.first)

    def cheapest(self, now: datetime, until: datetime) -> tuple[datetime, Decimal]:
        """The first moment from `now` on, but before `until`, with the lowest price. Raises `NoPrices`."""
        prices = [(now, self.at(now)), *((at, price) for at, price in self.changes if now < at < until)]
        known = [(price, at) for at, price in prices if price is not None]
        if not known:
            raise NoPrices("it has no price for all devices")
        price, at = min(known)
        return at, price


def wait_for_cheapest(
    settings: Settings,
    say: Callable[[str], object],
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Return when an hour is at its cheapest within the next seven days.

    Returns at once if that is now, if the price has no schedule, or if it is not known, and says so. Prices are asked
    for again meanwhile; if the exporter goes away, what it said last holds.
    """
    until = now() + _HORIZON
    try:
        course = ask(settings)
        start, price = course.cheapest(now(), until)
    except NoPrices as wrong:
        say(f"--start cheapest: starting now: {wrong}\n")
        return
    if not course.changes:
        say("--start cheapest: starting now: the price has no schedule\n")
        return
    said = None
    while (left := (start - now()).total_seconds()) > 0:
        if (start, price) != said:
            said = start, price
            say(_plan(course, now(), start, price))
        sleep(min(left, _LOOK_SECONDS))
        try:
            course = ask(settings)
            start, price = course.cheapest(now(), until)
        except NoPrices:
            continue
    say(f"--start cheapest: starting now, at {show({course.currency: price})} an hour\n")


def ask(settings: Settings) -> Course:
    """Ask the exporter for its prices. Raises `NoPrices`."""
    where = settings.exporter
    try:
        return course_of(ExporterClient(settings, timeout=_TIMEOUT_SECONDS).prices()["prices"])
    except Unanswered as away:
        raise NoPrices(f"no exporter at {where} ({away})") from None
    except Refused as refused:
        raise NoPrices(f"the exporter at {where} tells no prices ({refused})") from None
    except (AttributeError, KeyError, TypeError, ValueError, InvalidOperation):
        raise NoPrices(f"the answer of {where} is no list of prices") from None


def course_of(prices: Sequence[Mapping[str, Any]]) -> Course:
    """Add up the prices of all devices, each as the exporter tells it. Raises `NoPrices`."""
    # A device without any price has no currency either.
    currencies = {str(price["currency"]) for price in prices if price["currency"] is not None}
    if len(currencies) != 1:
        several = ", ".join(sorted(currencies))
        raise NoPrices(f"prices in {several} cannot be compared" if currencies else "the exporter has no prices")
    moments = sorted({_moment(change["at"]) for price in prices for change in price["changes"]})
    return Course(
        currency=currencies.pop(),
        first=_sum([_amount(price["per_hour"]) for price in prices]),
        changes=tuple((at, _sum([_at(price, at) for price in prices])) for at in moments),
    )


def _at(price: Mapping[str, Any], moment: datetime) -> Decimal | None:
    """A device's price at a moment: after its last change until then."""
    past = [change for change in price["changes"] if _moment(change["at"]) <= moment]
    last = max(past, key=lambda change: _moment(change["at"]), default=price)
    return _amount(last["per_hour"])


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment


def _amount(text: str | None) -> Decimal | None:
    if text is None:
        return None
    amount = Decimal(text)
    if not amount.is_finite():
        raise InvalidOperation(f"{text} is no price")
    return amount


def _plan(course: Course, now: datetime, start: datetime, price: Decimal) -> str:
    hours, minutes = divmod(math.ceil((start - now).total_seconds() / 60), 60)
    then, present = show({course.currency: price}), course.at(now)
    if present is None:
        why = f"{then} an hour from then on, and no price is known now"
    else:
        shown = show({course.currency: present})
        why = f"{then} an hour instead of {shown} saves {(present - price) / present:.0%}"
    local = start.astimezone().strftime("%a %d %b %H:%M %Z")
    return f"--start cheapest: waiting until {local} ({hours} h {minutes:02d} min): {why}; Ctrl-C ends the wait\n"
