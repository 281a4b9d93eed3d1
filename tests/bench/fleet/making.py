"""All of it put together: the blocks of a fleet for what will be asked of them, and what comes after them."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from bench.fleet import head, recorded
from bench.fleet.blocks import write_blocks
from bench.fleet.hosts import Line, Moment, host
from bench.fleet.lookback import LOOKBACK_SECONDS, Stretch, Window, joined, seconds, windows
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
"""So much before the present Prometheus has in memory in any case: not in blocks where it is to be like that."""
_ISLAND_SECONDS = 15.0
"""Between samples that are looked at one at a time, at an offset: half a chunk of them."""
_MOST_SCRAPED = 720
"""Of a scraped series at most so many samples, an hour of them. Where a query would look at more there are none but the
last, for the blocks would take all day: how long such a query takes says nothing."""
_MOST_RECORDED = 10_000_000
"""Samples of one recorded metric, all series together: a month of 1,000 series every five minutes, or of 50 every 15
seconds. Where a query would look at more there are fewer here, and how long it takes is too little."""
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
        end: their end, in seconds since 1970.
        scraped_series: all that Prometheus would scrape; those of which nobody asks are not in the blocks.
        left_out: scraped metrics of which a query would look at more than an hour.
        thinned: recorded ones of which a query would look at more samples than there are here.
    """

    end: float
    scraped_series: int
    samples: int
    left_out: frozenset[str]
    thinned: frozenset[str]


class Fleet:
    """Hosts that are all alike but for their names and by how much they do."""

    def __init__(self, tools: Tools, size: Size) -> None:
        """Looks at what a host exposes, which takes some seconds."""
        self._tools = tools
        self._size = size
        self._template = template(size.budgets)
        self._recordings = recorded.recordings(RULES, every=SCRAPE_SECONDS)
        # Two, for every other host is of another kind.
        self._scraped = {line.name for number in range(2) for line in host(number, self._template, self._moment())}

    def blocks(
        self, data: Path, asked: Iterable[Asked], *, for_so_long: float = 0.0, recent: float = HEAD_SECONDS
    ) -> Made:
        """Make the blocks in which is found what is asked now and `for_so_long`, up to `recent` seconds ago.

        They are made in the folder `data`.
        """
        moment = self._moment()
        stretches: dict[str, list[Stretch]] = {}
        left_out, thinned = set(), set()
        wanted = self._wanted(asked, for_so_long=for_so_long)
        shapes = self._shapes([name for name in self._recordings if name in wanted])
        series = Counter(name for name, _, _ in shapes)
        for name, all_windows in wanted.items():
            windows = [Window(each.since, max(each.until, recent)) for each in all_windows if each.since > recent]
            every = self._recordings[name].every if name in self._recordings else _ISLAND_SECONDS
            longest = max((each.since - each.until for each in windows), default=0.0)
            if name in self._recordings and series[name] * longest > _MOST_RECORDED * every:
                thinned.add(name)
                every = series[name] * longest / _MOST_RECORDED
            if name not in self._recordings and longest > _MOST_SCRAPED * SCRAPE_SECONDS:
                left_out.add(name)
                windows = [Window(recent + LOOKBACK_SECONDS, recent)]
            stretches[name] = [Stretch(each, every) for each in windows]
        lines = itertools.chain(self._hosts(moment), recorded.lines(shapes, moment))
        samples = write_blocks(self._tools.promtool, data, lines, stretches, end=moment.end)
        return Made(moment.end, sum(1 for _ in self._hosts(moment)), samples, frozenset(left_out), frozenset(thinned))

    def go_on(self, running: Prometheus, asked: Iterable[Asked], *, until: float, records: bool) -> None:
        """Write what is asked of the last minutes, and of the time until then, into Prometheus.

        That which rules have recorded only if it `records` nothing itself.
        """
        moment = self._moment()
        moments = {
            name: Stretch(
                Window(min(windows[0].since, HEAD_SECONDS) + until - moment.end, 0.0),
                self._recordings[name].every if name in self._recordings else SCRAPE_SECONDS,
            ).moments(until)
            for name, windows in self._wanted(asked).items()
        }
        lines = self._hosts(moment)
        if not records:
            shapes = self._shapes([name for name in self._recordings if name in moments])
            lines = itertools.chain(lines, recorded.lines(shapes, moment, alive=True))
        head.write(running.url, lines, moments)

    def _wanted(self, asked: Iterable[Asked], *, for_so_long: float = 0.0) -> dict[str, list[Window]]:
        """The windows in which something is looked for, by metric, whether scraped or recorded; the oldest first."""
        names = self._scraped | self._recordings.keys()
        found = [windows(each.queries, names, over=each.over, for_so_long=for_so_long) for each in asked]
        return {
            name: joined(window for each in found for window in each.get(name, ()))
            for name in set().union(*(each.keys() for each in found))
        }

    def _moment(self) -> Moment:
        """Now."""
        return Moment(time.time() // SCRAPE_SECONDS * SCRAPE_SECONDS, sharing=self._size.with_budgets)

    def _hosts(self, moment: Moment) -> Iterator[Line]:
        without = [each for each in self._template if not each.name.startswith("taximeter_budget_")]
        for number in range(self._size.hosts):
            yield from host(number, self._template if number < self._size.with_budgets else without, moment)

    def _shapes(self, names: Sequence[str]) -> list[recorded.Shape]:
        """What would be recorded, as a Prometheus says that has the last minutes of the fleet and nothing else."""
        moment = self._moment()
        moments = dict.fromkeys(windows(of_rules(), self._scraped), _FIRST_LOOK.moments(moment.end))
        with (
            tempfile.TemporaryDirectory() as folder,
            prometheus(self._tools.prometheus, Path(folder) / "tsdb") as running,
        ):
            head.write(running.url, self._hosts(moment), moments)
            return list(recorded.shapes(names, self._recordings, running, moment.end))


def of_rules() -> list[str]:
    """The expressions of all rules."""
    return [
        rule["expr"]
        for path in RULES
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]
