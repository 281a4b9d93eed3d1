"""How densely Grafana asks for a range, by its own rules.

They are those of its front end for a panel (`calculateInterval` and `roundInterval` of @grafana/data) and of its
Prometheus data source for a query (pkg/promlib).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from bench.fleet.lookback import seconds
from grafana.queries import Resolution

COLUMNS = 24
MOST_POINTS = 11_000
"""As many Prometheus answers with at most."""

_ROUND = (5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_UNTIL = (7.5, 12.5, 17.5, 25, 45, 90, 210, 450, 750, 1050, 1500, 2700, 5400, 9000, 16_200, 32_400, 86_400)
"""Seconds that intervals are rounded to, and up to which interval each holds. None is shorter than a scrape here."""


@dataclass(frozen=True)
class Steps:
    """In seconds.

    Attributes:
        step: between the points of a range; its ends are multiples of it.
        rate: what ``$__rate_interval`` is.
    """

    step: float
    rate: float


def steps(resolution: Resolution, *, over: float, pixels: int, every: float) -> Steps:
    """How a range of `over` seconds is asked for in a window `pixels` wide; `every` so many seconds is scraped."""
    points = resolution.most_points or pixels * resolution.columns // COLUMNS
    of_panel = _interval(over / points, seconds(resolution.interval) if resolution.interval else every)
    shortest = seconds(resolution.min_step) if resolution.min_step else None
    step = max(_interval(over / points, shortest or of_panel), _rounded(over / MOST_POINTS))
    scraped = shortest or every
    return Steps(step, max(of_panel + scraped, 4 * scraped))


def _interval(wanted: float, shortest: float) -> float:
    return shortest if wanted < shortest else _rounded(wanted)


def _rounded(wanted: float) -> float:
    return _ROUND[bisect_left(_UNTIL, wanted)]
