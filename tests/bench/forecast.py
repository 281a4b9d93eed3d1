"""How far forecasts are off: the exporter's own beside three simpler ones, on made-up months.

Run with `tests` on PYTHONPATH: `python -m bench.forecast [--format json]`. Exit status 1 if the exporter's is not the
best, or as good as the best, over all kinds. Everything here is simulated, from fixed seeds.

Five kinds of use are each charged at one price, at a night tariff, and at prices that change on a day of the month. Of
each there are twenty months, with two weeks of the same before. From the second day on, every six hours, each method
forecasts the month's sum from what there has been by then; the figure is the mean of how far that is off, in percent
of the sum.

The exporter's alert is tried on a limit that the month ends 5% above: for how many days it has been told that the limit
will be reached, when it is. And on one that the month stays 5% below: how much of the month it is told so nevertheless.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from bench.forecast_months import BEFORE, LENGTH, MONTH, PRICES, QUARTERS_A_DAY, START_NS, USES, Month, make
from bench.show import show
from support.metered import GPU0, budget
from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.budget_forecast import BudgetForecast
from taximeter_exporter.metering.forecast import SOON_NS, WINDOW_NS
from taximeter_exporter.metering.outlook import Ahead, Now
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS
from taximeter_exporter.metering.recent import RecentPast
from taximeter_exporter.metering.usage import Category, Share, Usage
from taximeter_exporter.pricing.course import Course, known_ahead

MONTHS = 20
BESIDE = 0.05
"""So much of the month's sum the alert's limits are beside it."""
MOMENTS = range(BEFORE + QUARTERS_A_DAY, LENGTH, QUARTERS_A_DAY // 4)


@dataclass(frozen=True)
class _Past:
    """A month as the ledger has it."""

    month: Month

    def begun_ns(self) -> int:
        return START_NS

    def usage(self, *, start_ns: int, end_ns: int) -> Sequence[Usage]:
        first, after = (-(-(moment - START_NS) // QUARTER_HOUR_NS) for moment in (start_ns, end_ns))
        return [
            Usage(start_ns, GPU0.uuid, rate, "", Category.COMPUTE, Share.UNATTRIBUTED, round(used * QUARTER_HOUR_NS))
            for rate, used in self.month.used_between(first, after)
        ]


class Exporters:
    """The exporter's own, through a month."""

    def __init__(self, month: Month, *, by_price: bool) -> None:
        self._month = month
        self._by_price = by_price
        self._forecast = BudgetForecast(budget(), set())
        self._past = RecentPast(_Past(month))  # type: ignore[arg-type]
        self._course: Course | None = None

    def __call__(self, at: int) -> float:
        now_ns, month = START_NS + at * QUARTER_HOUR_NS, self._month
        if self._by_price and (self._course is None or not self._course.is_of(now_ns)):
            self._course = known_ahead(month.schedule, now_ns, since_ns=now_ns - WINDOW_NS)
        used = Fraction(month.use[at - 1])
        rate = month.schedule.at(now_ns)
        assert rate is not None
        now = Now(
            time_ns=now_ns,
            per_hour={"": {rate.currency: used * rate.device_per_hour()}},
            runs={},
            visible=(),
            recent=self._past.at(now_ns, self._course),
            ahead=None if self._course is None else Ahead(course=self._course, in_use={"": used}, beside_per_hour={}),
        )
        spent = Fraction(month.spent_between(BEFORE, at))
        return float(self._forecast.at(now, spent=spent, end_ns=START_NS + LENGTH * QUARTER_HOUR_NS))


def by_price(month: Month) -> Callable[[int], float]:
    """The exporter's."""
    return Exporters(month, by_price=True)


def by_money(month: Month) -> Callable[[int], float]:
    """The exporter's, if it knew of no price but the present one."""
    return Exporters(month, by_price=False)


def present_rate(month: Month) -> Callable[[int], float]:
    """What is running now goes on to the end, at the present price."""
    return lambda at: month.spent_between(BEFORE, at) + month.spent_between(at - 1, at) * (LENGTH - at)


def mean_of_the_month(month: Month) -> Callable[[int], float]:
    """The rest of the month is as its days so far."""
    return lambda at: month.spent_between(BEFORE, at) * MONTH / (at - BEFORE)


OURS = (by_price, by_money)
METHODS = (*OURS, present_rate, mean_of_the_month)


@dataclass
class _Told:
    """What an alert by a method would have told."""

    days_before: list[float] = field(default_factory=list)
    wrongly: list[float] = field(default_factory=list)

    def add(self, month: Month, said: Mapping[int, float]) -> None:
        due = month.spent_between(BEFORE, LENGTH)
        limit = due / (1 + BESIDE)
        reached = next(at for at in range(BEFORE, LENGTH + 1) if month.spent_between(BEFORE, at) >= limit)
        since = reached
        for at in reversed([at for at in MOMENTS if at < reached]):
            if said[at] <= limit:
                break
            since = at
        self.days_before.append((reached - since) / QUARTERS_A_DAY)
        self.wrongly.append(statistics.mean(amount > due * (1 + BESIDE) for amount in said.values()) * 100)

    def figures(self) -> dict[str, float]:
        return {"days_before": statistics.mean(self.days_before), "wrongly_percent": statistics.mean(self.wrongly)}


def measure() -> dict[str, Any]:
    """Mean error in percent, by price, use and method; and what the alert tells, by price and method."""
    errors: dict[str, dict[str, dict[str, float]]] = {}
    alerts: dict[str, dict[str, dict[str, float]]] = {}
    for prices in PRICES:
        rows: dict[str, dict[str, float]] = {}
        told = {method.__name__: _Told() for method in OURS}
        for use in USES:
            found: dict[str, list[float]] = {method.__name__: [] for method in METHODS}
            for month in (make(use, prices, seed) for seed in range(MONTHS)):
                due = month.spent_between(BEFORE, LENGTH)
                for method in METHODS:
                    forecast = method(month)
                    said = {at: forecast(at) for at in MOMENTS}
                    found[method.__name__].append(
                        statistics.mean(abs(each - due) for each in said.values()) / due * 100
                    )
                    if method in OURS:
                        told[method.__name__].add(month, said)
            rows[use.__name__] = {name: statistics.mean(each) for name, each in found.items()}
        rows["all"] = {
            method.__name__: statistics.mean(row[method.__name__] for row in rows.values()) for method in METHODS
        }
        errors[prices.__name__] = rows
        alerts[prices.__name__] = {name: each.figures() for name, each in told.items()}
    return {"errors": errors, "alerts": alerts}


def in_words(figures: dict[str, Any]) -> str:
    """The figures as tables."""
    names = [method.__name__ for method in METHODS]
    text = f"mean error of the month's sum, simulated; soon = {SOON_NS // NS_PER_HOUR} h\n"
    text += f"{'':<28}" + "".join(f"{name.replace('_', ' '):>19}" for name in names) + "\n"
    for prices, rows in figures["errors"].items():
        for use, row in rows.items():
            kind = f"{prices}, {use}".replace("_", " ")
            text += f"{kind:<28}" + "".join(f"{row[name]:>18.1f}%" for name in names) + "\n"
    text += f"\nthe alert: days before a limit {BESIDE:.0%} below the sum is reached;"
    text += f" part of the month in which one {BESIDE:.0%} above is said to be\n"
    for prices, told in figures["alerts"].items():
        words = (
            f"{name.replace('_', ' ')} {each['days_before']:.1f} d, {each['wrongly_percent']:.1f}%"
            for name, each in told.items()
        )
        text += f"{prices.replace('_', ' '):<28}" + "; ".join(words) + "\n"
    return text


def holds(figures: dict[str, Any]) -> bool:
    """Whether the exporter's is the best over all kinds of use at each kind of price."""
    return all(rows["all"]["by_price"] <= min(rows["all"].values()) for rows in figures["errors"].values())


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, holds))
