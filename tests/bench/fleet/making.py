"""All of it put together: the blocks of a fleet for what will be asked of them."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from bench.fleet import recorded
from bench.fleet.blocks import Stretch, write_blocks
from bench.fleet.hosts import Line, Moment, host
from bench.fleet.lookback import NOW, Window, joined, seconds, windows
from bench.fleet.prometheus import prometheus
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

MOST_SCRAPED, MOST_RECORDED = 720, 8_640
"""Of one series at most so many samples in one stretch: an hour of scrapes, or 30 days of what is recorded every five
minutes. Where a query would look at more they are thinned, and how long it takes says nothing."""
EVALUATED_SECONDS = 60.0
"""Rules are evaluated for so long after the end; what they look back on from there has to be there."""
_THIN = 100
"""So many are left of what was scraped, so that the blocks of a month can be made."""
_DENSE_SECONDS = 900.0
"""The end of what is thinned is not, so that a rate of what is now is right."""


_FIRST_LOOK = Stretch(Window(120.0, 0.0), 15.0)
"""Enough for Prometheus to say what it would record."""
_HEADROOM = 1.5
"""By so much the blocks may take longer to make than is expected."""


class TooBusy(Exception):
    """The machine became so much slower that the blocks were not ready in time. Says by how much."""


@dataclass(frozen=True)
class Size:
    """How large a fleet."""

    hosts: int
    budgets: int = 50
    """On each host. A fleet shares one taximeter.yaml, and each exporter says of each budget what was spent there."""


@dataclass(frozen=True)
class Asked:
    """Queries, all asked at the end, or over so many seconds before it."""

    queries: Sequence[str]
    over: float = 0.0


@dataclass(frozen=True)
class Made:
    """What was made."""

    moment: Moment
    scraped_series: int
    """All that Prometheus would scrape; those of which nobody asks are not in the blocks."""
    samples: int
    thinned: frozenset[str]
    """Metrics of which a query would look at more samples than there are here."""


def of_rules() -> list[str]:
    """The expressions of all rules."""
    return [
        rule["expr"]
        for path in RULES
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


def make(tools: Tools, data: Path, size: Size, *, asked: Iterable[Asked] = (), rules: bool = False) -> Made:
    """Make the blocks in the folder `data`: for what is asked at their end, or for `rules` that are evaluated after it.

    What rules record at each evaluation, and nobody looks back on, is left to them. The end is then in the future, by
    as much as making the blocks is expected to take. Raises `TooBusy`.
    """
    series = template(size.budgets)
    known = recorded.recordings(RULES, every=SCRAPE_SECONDS)
    wanted = _wanted({each.name for each in series} | {"up", "scrape_duration_seconds"}, known, asked, rules=rules)
    stretches, thinned = _stretches(wanted, known)

    def hosts(moment: Moment) -> Iterator[Line]:
        return itertools.chain.from_iterable(host(number, series, moment) for number in range(size.hosts))

    probe = Moment(_now())
    scraped = Counter(line.name for line in hosts(probe))
    first = {name: [_FIRST_LOOK] for name in windows(of_rules(), scraped)}
    with tempfile.TemporaryDirectory(dir=data.parent) as folder:
        before = Path(folder) / "tsdb"
        began = time.monotonic()
        count = write_blocks(tools.promtool, before, hosts(probe), first, end=probe.end)
        sample_seconds = (time.monotonic() - began) / count
        with prometheus(tools.prometheus, before) as running:
            shapes = list(recorded.shapes([name for name in known if wanted[name]], known, running, probe.end))

    series_of = scraped + Counter(name for name, _, _ in shapes)
    expected = sum(count * sum(len(each) for each in stretches.get(name, ())) for name, count in series_of.items())
    moment = Moment(_now() + (_HEADROOM * expected * sample_seconds if rules else 0))
    lines = itertools.chain(hosts(moment), recorded.lines(shapes, moment))
    samples = write_blocks(tools.promtool, data, lines, stretches, end=moment.end)
    if rules and (late := time.time() - moment.end) > 0:
        raise TooBusy(f"making the blocks took {late:.0f} s longer than the machine's speed made expect: try again")
    return Made(moment, scraped.total(), samples, thinned)


def _now() -> float:
    return time.time() // SCRAPE_SECONDS * SCRAPE_SECONDS


def _wanted(
    scraped: Iterable[str], known: Iterable[str], asked: Iterable[Asked], *, rules: bool
) -> dict[str, list[Window]]:
    """The windows of each metric, scraped or recorded, in which something is looked for."""
    names = {*scraped, *known}
    found = [windows(each.queries, names, over=each.over) for each in asked]
    if rules:
        of_all = windows(of_rules(), names, for_so_long=EVALUATED_SECONDS)
        found.append({name: each for name, each in of_all.items() if name not in known or each != [NOW]})
    return {name: joined([window for each in found for window in each.get(name, ())]) for name in names}


def _stretches(
    wanted: Mapping[str, Sequence[Window]], known: Mapping[str, recorded.Recording]
) -> tuple[dict[str, list[Stretch]], frozenset[str]]:
    """The samples that there have to be of each metric, and the metrics of which there would have to be more."""
    stretches: dict[str, list[Stretch]] = {}
    thinned = set()
    for name, each in wanted.items():
        every, most = (known[name].every, MOST_RECORDED) if name in known else (SCRAPE_SECONDS, MOST_SCRAPED)
        stretches[name] = []
        for window in each:
            length = window.since - window.until
            if length <= most * every:
                stretches[name].append(Stretch(window, every))
                continue
            thinned.add(name)
            dense = Window(window.until + _DENSE_SECONDS, window.until)
            thin = length / (most if name in known else _THIN) // SCRAPE_SECONDS * SCRAPE_SECONDS
            stretches[name] += [Stretch(Window(window.since, dense.since), thin), Stretch(dense, every)]
    return stretches, frozenset(thinned)
