"""All of it put together: the blocks of a fleet for what will be asked of them, and what comes after them."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from bench.fleet import head, recorded
from bench.fleet.blocks import write_blocks
from bench.fleet.hosts import Line, Moment, host
from bench.fleet.lookback import Stretch, Window, joined, seconds, windows
from bench.fleet.prometheus import Prometheus, prometheus
from bench.fleet.template import template
from demo.binaries import Tools
from demo.configs import REPOSITORY

RULES = sorted((REPOSITORY / "prometheus" / "rules").glob("*.yml"))
SCRAPE_SECONDS: float = seconds(
    yaml.safe_load((REPOSITORY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))["global"][
        "scrape_interval"
    ]
)
"""Rules that have no interval of their own are evaluated as often."""

HEAD_SECONDS = 1200.0
"""So much before the present Prometheus has in memory in any case: not in blocks if rules are evaluated."""
LATER_SECONDS = 600.0
"""Rules are evaluated at most so long after the blocks' end."""
_ISLAND_SECONDS = 15.0
"""Between samples that are looked at one at a time, at an offset: half a chunk of them."""

MOST_SCRAPED, MOST_RECORDED = 720, 8_640
"""Of one series at most so many samples in one stretch: an hour of scrapes, or 30 days of what is recorded every five
minutes. Where a query would look at more they are thinned, and how long it takes says nothing."""
_THIN = 100
"""So many are left of what was scraped, so that the blocks of a month can be made."""
_DENSE_SECONDS = 900.0
"""The end of what is thinned is not, so that a rate of what is now is right."""

_FIRST_LOOK = Stretch(Window(120.0, 0.0), 15.0)
"""Enough for Prometheus to say what it would record."""


@dataclass(frozen=True)
class Size:
    """How large a fleet."""

    hosts: int
    with_budgets: int
    """So many of the hosts have budgets. In a fleet that shares one taximeter.yaml all have: each exporter says of each
    budget what was spent on its machine."""
    budgets: int = 50
    """On each of these hosts."""


@dataclass(frozen=True)
class Asked:
    """Queries, all asked at the end, or over so many seconds before it."""

    queries: Sequence[str]
    over: float = 0.0


@dataclass(frozen=True)
class Made:
    """Blocks.

    Attributes:
        scraped_series: all that Prometheus would scrape; those of which nobody asks are not in the blocks.
        thinned: metrics of which a query would look at more samples than there are here.
    """

    moment: Moment
    scraped_series: int
    samples: int
    thinned: frozenset[str]


class Fleet:
    """Hosts that are all alike but for their names and by how much they do."""

    def __init__(self, tools: Tools, size: Size) -> None:
        """Looks at what a host exposes, which takes some seconds."""
        self._tools = tools
        self._size = size
        self._template = template(size.budgets)
        self._recordings = recorded.recordings(RULES, every=SCRAPE_SECONDS)
        self._scraped = {line.name for line in host(0, self._template, Moment(_now()))}

    def blocks_for(self, data: Path, asked: Iterable[Asked]) -> Made:
        """Make the blocks in which all that is asked is found, in the folder `data`."""
        names = self._scraped | self._recordings.keys()
        found = [windows(each.queries, names, over=each.over) for each in asked]
        wanted = {name: joined(window for each in found for window in each.get(name, ())) for name in names}
        return self._make(data, wanted, every=SCRAPE_SECONDS)

    def blocks_for_rules(self, data: Path) -> Made:
        """Make those that rules look back on, up to `HEAD_SECONDS` before now; `go_on` gives what comes after.

        What rules record at each evaluation, and nobody looks back on, is left to them.
        """
        found = windows(of_rules(), self._scraped | self._recordings.keys(), for_so_long=LATER_SECONDS)
        wanted = {
            name: [Window(each.since, max(each.until, HEAD_SECONDS)) for each in windows if each.since > HEAD_SECONDS]
            for name, windows in found.items()
        }
        return self._make(data, wanted, every=_ISLAND_SECONDS)

    def go_on(self, running: Prometheus, *, until: float) -> None:
        """Write what rules look at of the minutes before now, and of the time until then, into Prometheus."""
        now = _now()
        moments = {
            name: Stretch(Window(min(found[0].since, HEAD_SECONDS) + until - now, 0.0), SCRAPE_SECONDS).moments(until)
            for name, found in windows(of_rules(), self._scraped).items()
        }
        head.write(running.url, self._hosts(Moment(now)), moments)

    def _make(self, data: Path, wanted: Mapping[str, Sequence[Window]], *, every: float) -> Made:
        stretches, thinned = _stretches(wanted, self._recordings, every)
        moment = Moment(_now())
        names = [name for name in self._recordings if wanted.get(name)]
        lines = itertools.chain(self._hosts(moment), recorded.lines(self._shapes(data.parent, names), moment))
        samples = write_blocks(self._tools.promtool, data, lines, stretches, end=moment.end)
        return Made(moment, sum(1 for _ in self._hosts(moment)), samples, thinned)

    def _hosts(self, moment: Moment) -> Iterator[Line]:
        without = [each for each in self._template if not each.name.startswith("taximeter_budget_")]
        for number in range(self._size.hosts):
            yield from host(number, self._template if number < self._size.with_budgets else without, moment)

    def _shapes(self, folder: Path, names: Sequence[str]) -> list[recorded.Shape]:
        """What would be recorded, as a Prometheus says that has the last minutes of the fleet and nothing else."""
        now = _now()
        moments = dict.fromkeys(windows(of_rules(), self._scraped), _FIRST_LOOK.moments(now))
        with (
            tempfile.TemporaryDirectory(dir=folder) as data,
            prometheus(self._tools.prometheus, Path(data) / "tsdb") as running,
        ):
            head.write(running.url, self._hosts(Moment(now)), moments)
            return list(recorded.shapes(names, self._recordings, running, now))


def of_rules() -> list[str]:
    """The expressions of all rules."""
    return [
        rule["expr"]
        for path in RULES
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


def _now() -> float:
    return time.time() // SCRAPE_SECONDS * SCRAPE_SECONDS


def _stretches(
    wanted: Mapping[str, Sequence[Window]], recordings: Mapping[str, recorded.Recording], every: float
) -> tuple[dict[str, list[Stretch]], frozenset[str]]:
    """The samples that there have to be of each metric, and the metrics of which there would have to be more."""
    stretches: dict[str, list[Stretch]] = {}
    thinned = set()
    for name, each in wanted.items():
        apart, most, left = every, MOST_SCRAPED, _THIN
        if name in recordings:
            apart, most, left = recordings[name].every, MOST_RECORDED, MOST_RECORDED
        stretches[name] = []
        for window in each:
            length = window.since - window.until
            if length <= most * apart:
                stretches[name].append(Stretch(window, apart))
                continue
            thinned.add(name)
            dense = Window(window.until + _DENSE_SECONDS, window.until)
            thin = Stretch(Window(window.since, dense.since), length / left // SCRAPE_SECONDS * SCRAPE_SECONDS)
            stretches[name] += [thin, Stretch(dense, apart)]
    return stretches, frozenset(thinned)
