"""How far back queries look, for each metric: what blocks have to hold of it, and at which density."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LOOKBACK_SECONDS = 300.0
"""Prometheus finds the last sample of a series within five minutes."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0}
_SELECTOR = re.compile(
    r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{[^}]*\})?(?:\s*\[(?P<range>\w+)(?::\w*)?\])?(?P<end>\s+@ end\(\))?"
    r"(?:\s+offset\s+(?P<offset>\w+))?"
)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, order=True)
class Window:
    """Seconds before the end: from `since`, the longer ago, until `until`."""

    since: float
    until: float


@dataclass(frozen=True)
class Stretch:
    """Samples of a metric within a window, so many seconds apart."""

    window: Window
    every: float

    def moments(self, end: float) -> list[float]:
        """When, in seconds since 1970."""
        first, last = end - self.window.since, end - self.window.until
        return [step * self.every for step in range(int(first // self.every) + 1, int(last // self.every) + 1)]


def seconds(duration: str) -> float:
    """A duration as PromQL writes it, such as 1h30m."""
    return sum(float(count) * _UNITS[unit] for count, unit in re.findall(r"(\d+)(ms|[smhdw])", duration))


def windows(
    queries: Iterable[str], known: Iterable[str], *, over: float = 0.0, for_so_long: float = 0.0
) -> Mapping[str, list[Window]]:
    """The windows in which queries look for each of the known metrics; what is never asked for is not in it.

    They are asked at the end, and before it within a time range of `over` seconds, unless they look at its end alone
    (``@ end()``); and again `for_so_long` after it.
    """
    names = set(known)
    found: dict[str, set[Window]] = defaultdict(set)
    for query in queries:
        for match in _SELECTOR.finditer(_STRING.sub('""', query)):
            if match["name"] in names:
                offset = seconds(match["offset"] or "")
                reach = max(seconds(match["range"] or ""), LOOKBACK_SECONDS)
                since = offset + reach + (0.0 if match["end"] else over)
                found[match["name"]].add(Window(since, max(0.0, offset - for_so_long)))
    return {name: joined(each) for name, each in found.items()}


def joined(windows: Iterable[Window]) -> list[Window]:
    """The same, those that touch as one, the oldest first."""
    together: list[Window] = []
    for window in sorted(windows, reverse=True):
        if together and window.since >= together[-1].until:
            together[-1] = Window(together[-1].since, min(together[-1].until, window.until))
        else:
            together.append(window)
    return together
