"""Made-up months for `bench.forecast`: how many devices are in use in each quarter hour, and what one costs."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from support.metered import GPU0, price, time_ns
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS
from taximeter_exporter.pricing.hours import parse_hours
from taximeter_exporter.pricing.price import Price, Rate
from taximeter_exporter.pricing.quote import Schedule, schedule_for

QUARTERS_A_DAY = 96
BEFORE, MONTH = 14 * QUARTERS_A_DAY, 30 * QUARTERS_A_DAY
LENGTH = BEFORE + MONTH
FIRST_DAY = date(2026, 6, 1)
"""Of the month, by UTC. It is a Monday, as is the day two weeks before it."""
START_NS = time_ns(f"{FIRST_DAY}T00:00:00") - BEFORE * QUARTER_HOUR_NS

Use = Sequence[float]
"""Devices in use in each quarter hour: of the two weeks before the month, then of the month."""


def always_on(rng: random.Random) -> Use:
    """A machine that is rented all the time."""
    return [rng.uniform(1, 10)] * LENGTH


def nightly(rng: random.Random) -> Use:
    """A training each night, of about eight hours."""
    use = [0.0] * LENGTH
    for day in range(LENGTH // QUARTERS_A_DAY):
        start = day * QUARTERS_A_DAY + 80
        for quarter in range(start, min(LENGTH, start + rng.randint(24, 40))):
            use[quarter] = 5.0
    return use


def office_hours(rng: random.Random) -> Use:
    """Experiments on working days from nine to six."""
    use = [0.0] * LENGTH
    for quarter in range(LENGTH):
        day, of_day = divmod(quarter, QUARTERS_A_DAY)
        if day % 7 < 5 and 36 <= of_day < 72:
            use[quarter] = rng.choice((0.0, 2.0, 4.0, 8.0))
    return use


def now_and_then(rng: random.Random) -> Use:
    """Long runs that begin at any time, every other day or so."""
    use = [0.0] * LENGTH
    at = 0.0
    while (at := at + rng.expovariate(1 / (2 * QUARTERS_A_DAY))) < LENGTH:
        length = int(rng.lognormvariate(math.log(72), 0.6))
        for quarter in range(int(at), min(LENGTH, int(at) + length)):
            use[quarter] += 6.0
    return use


def growing(rng: random.Random) -> Use:
    """Working days that grow by half within the month."""
    return [devices * (1 + 0.5 * place / LENGTH) for place, devices in enumerate(office_hours(rng))]


def one_price(_: random.Random) -> Sequence[Price]:
    """All the time the same."""
    return [price("1", gpus=1)]


def night_tariff(_: random.Random) -> Sequence[Price]:
    """From 22:00 to 06:00 and at weekends 40% of what it is by day."""
    zone, cheap = ZoneInfo("Europe/Berlin"), price("0.4", gpus=1)
    return [
        price("1", gpus=1),
        replace(cheap, hours=parse_hours("22:00-06:00", range(7), zone)),
        replace(cheap, hours=parse_hours("06:00-22:00", (5, 6), zone)),
    ]


def price_change(rng: random.Random) -> Sequence[Price]:
    """On a day of the month another price begins, a third less or half as much again, as the configuration has it."""
    day = FIRST_DAY + timedelta(days=rng.randint(5, 25))
    other = replace(price(rng.choice(("0.67", "1.5")), gpus=1), effective_from=day)
    return [replace(price("1", gpus=1), effective_to=day), other]


USES: tuple[Callable[[random.Random], Use], ...] = (always_on, nightly, office_hours, now_and_then, growing)
PRICES: tuple[Callable[[random.Random], Sequence[Price]], ...] = (one_price, night_tariff, price_change)


@dataclass(frozen=True, slots=True)
class Month:
    """With the two weeks before it."""

    use: Use
    schedule: Schedule
    used: Mapping[Rate, Sequence[float]]
    """At each rate before each quarter hour, and in the end; in quarter hours of a device."""
    spent: Sequence[float]
    """The money for it, likewise."""

    def used_between(self, first: int, after: int) -> Iterator[tuple[Rate, float]]:
        """At each rate in these quarter hours."""
        return ((rate, used[after] - used[first]) for rate, used in self.used.items())

    def spent_between(self, first: int, after: int) -> float:
        """What was spent in them."""
        return self.spent[after] - self.spent[first]


def make(use: Callable[[random.Random], Use], prices: Callable[[random.Random], Sequence[Price]], seed: int) -> Month:
    """One month of a kind."""
    devices = use(random.Random(seed))  # noqa: S311 (nothing secret)
    schedule = schedule_for(prices(random.Random(seed)), [GPU0])  # noqa: S311
    rates = [schedule.at(START_NS + place * QUARTER_HOUR_NS) for place in range(LENGTH)]
    used = {
        each: _sums(n if rate == each else 0.0 for n, rate in zip(devices, rates, strict=True))
        for each in set(rates)
        if each is not None
    }
    spent = _sums(n * float(rate.price) / 4 for n, rate in zip(devices, rates, strict=True) if rate is not None)
    return Month(devices, schedule, used, spent)


def _sums(amounts: Iterable[float]) -> Sequence[float]:
    return list(accumulate(amounts, initial=0.0))
