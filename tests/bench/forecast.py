"""How far forecasts are off: the exporter's own beside two simpler ones, on made-up months of five kinds.

Run with `tests` on PYTHONPATH: `python -m bench.forecast [--format json]`. Exit status 1 if the exporter's is not the
best, or as good as the best, over all kinds. Everything here is simulated, from fixed seeds.

A month is spending by the quarter hour. Each kind has twenty of them, each with two weeks of the same kind before it.
From the second day on, every six hours, each method forecasts the month's sum from what has been spent by then; the
figure is the mean of how far that is off, in percent of the sum.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from fractions import Fraction

from bench.show import show
from taximeter_exporter.clock import NS_PER_HOUR
from taximeter_exporter.metering.forecast import SOON_NS, WINDOW_NS, forecast
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS

QUARTERS_A_DAY = 96
BEFORE, MONTH = 14 * QUARTERS_A_DAY, 30 * QUARTERS_A_DAY
MONTHS = 20
WINDOW = WINDOW_NS // QUARTER_HOUR_NS
QUARTERS_AN_HOUR = NS_PER_HOUR // QUARTER_HOUR_NS

History = Sequence[float]
"""Spending in each quarter hour: the two weeks before the month, then the month."""


def always_on(rng: random.Random) -> History:
    """A machine that is rented all the time."""
    rate = rng.uniform(1, 10)
    return [rate] * (BEFORE + MONTH)


def nightly(rng: random.Random) -> History:
    """A training each night, of about eight hours."""
    history = [0.0] * (BEFORE + MONTH)
    for day in range(len(history) // QUARTERS_A_DAY):
        start = day * QUARTERS_A_DAY + 80
        for quarter in range(start, min(len(history), start + rng.randint(24, 40))):
            history[quarter] = 5.0
    return history


def office_hours(rng: random.Random) -> History:
    """Experiments on working days from nine to six."""
    history = [0.0] * (BEFORE + MONTH)
    for quarter in range(len(history)):
        day, of_day = divmod(quarter, QUARTERS_A_DAY)
        if day % 7 < 5 and 36 <= of_day < 72:
            history[quarter] = rng.choice((0.0, 2.0, 4.0, 8.0))
    return history


def now_and_then(rng: random.Random) -> History:
    """Long runs that begin at any time, every other day or so."""
    history = [0.0] * (BEFORE + MONTH)
    at = 0.0
    while (at := at + rng.expovariate(1 / (2 * QUARTERS_A_DAY))) < len(history):
        length = int(rng.lognormvariate(math.log(72), 0.6))
        for quarter in range(int(at), min(len(history), int(at) + length)):
            history[quarter] += 6.0
    return history


def growing(rng: random.Random) -> History:
    """Working days that grow by half within the month."""
    history = office_hours(rng)
    return [amount * (1 + 0.5 * place / len(history)) for place, amount in enumerate(history)]


def ours(history: History, at: int) -> float:
    """The exporter's."""
    recent = Fraction(sum(history[at - WINDOW : at])) / WINDOW * QUARTERS_AN_HOUR
    spent = Fraction(sum(history[BEFORE:at]))
    now = Fraction(history[at - 1]) * QUARTERS_AN_HOUR
    return float(
        forecast(spent, now_per_hour=now, recent_per_hour=recent, left_ns=(len(history) - at) * QUARTER_HOUR_NS)
    )


def present_rate(history: History, at: int) -> float:
    """What is running now goes on to the end."""
    return sum(history[BEFORE:at]) + history[at - 1] * (len(history) - at)


def mean_of_the_month(history: History, at: int) -> float:
    """The rest of the month is as its days so far."""
    return sum(history[BEFORE:at]) * MONTH / (at - BEFORE)


KINDS: tuple[Callable[[random.Random], History], ...] = (always_on, nightly, office_hours, now_and_then, growing)
METHODS: tuple[Callable[[History, int], float], ...] = (ours, present_rate, mean_of_the_month)


def measure() -> dict[str, dict[str, float]]:
    """Mean error in percent, by kind and method."""
    errors: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        histories = [kind(random.Random(seed)) for seed in range(MONTHS)]  # noqa: S311 (nothing secret)
        errors[kind.__name__] = {
            method.__name__: statistics.mean(_errors(method, history) for history in histories) for method in METHODS
        }
    errors["all"] = {
        method.__name__: statistics.mean(errors[kind.__name__][method.__name__] for kind in KINDS) for method in METHODS
    }
    return errors


def _errors(method: Callable[[History, int], float], history: History) -> float:
    due = sum(history[BEFORE:])
    moments = range(BEFORE + QUARTERS_A_DAY, len(history), QUARTERS_A_DAY // 4)
    return statistics.mean(abs(method(history, at) - due) / due * 100 for at in moments)


def in_words(errors: dict[str, dict[str, float]]) -> str:
    """The figures as a table."""
    names = [method.__name__ for method in METHODS]
    text = f"mean error of the month's sum, simulated; soon = {SOON_NS // NS_PER_HOUR} h\n"
    text += f"{'':<14}" + "".join(f"{name.replace('_', ' '):>20}" for name in names) + "\n"
    for kind, row in errors.items():
        text += f"{kind.replace('_', ' '):<14}" + "".join(f"{row[name]:>19.1f}%" for name in names) + "\n"
    return text


def holds(errors: dict[str, dict[str, float]]) -> bool:
    """Whether the exporter's is the best over all kinds."""
    return errors["all"]["ours"] <= min(errors["all"].values())


if __name__ == "__main__":
    raise SystemExit(show(__doc__, measure, in_words, holds))
