"""What the recording rules would have recorded: Prometheus itself says which series they make of the fleet.

Their history is made up around the value that each has at the end, at the interval of its rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from bench.fleet.hosts import DAY, HOUR, Course, Line, Moment
from bench.fleet.lookback import seconds
from bench.fleet.prometheus import Prometheus
from bench.fleet.template import ENDED

_DAYS = 30
_A_MINUTE = "[1m:15s]"
"""In place of every range of what is recorded: the last two minutes of the fleet are there, and a rate that knows of a
part of the first alone would be a value that the series never has."""
_DEEPEST = 5
"""So many rules may be made of one another; then one of them looks at itself, and has nothing there yet."""


@dataclass(frozen=True)
class Recording:
    """A recording rule."""

    expr: str
    every: float
    """Seconds from one evaluation to the next."""


def recordings(rules: Iterable[Path], *, every: float) -> dict[str, Recording]:
    """All recording rules by what they record; `every` holds for groups that have no interval of their own."""
    return {
        rule["record"]: Recording(rule["expr"], seconds(group["interval"]) if "interval" in group else every)
        for path in rules
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "record" in rule
    }


Shape = tuple[str, dict[str, str], float]
"""Name, labels and value of a series."""


def shapes(names: Iterable[str], known: Mapping[str, Recording], prometheus: Prometheus, at: float) -> Iterator[Shape]:
    """The series that some rules make of the fleet at a moment, when Prometheus has nothing recorded yet."""
    for name in names:
        for result in prometheus.query(_in_full(name, known), at):
            labels = {label: value for label, value in result["metric"].items() if label != "__name__"}
            yield name, labels, float(result["value"][1])


def lines(shapes: Iterable[Shape], moment: Moment, *, alive: bool = False) -> Iterator[Line]:
    """The same over time. A series of a run is there for a day, of one that ended for the hour in which it is exposed.

    On each of 30 days before was another of its kind. Only what is there now if it is to be `alive`.
    """
    for name, labels, value in shapes:
        course = _course(name, value)
        if alive or "run" not in labels:
            yield Line(name, labels, course)
            continue
        lived = HOUR if labels["run"].startswith(ENDED) else DAY
        for day in range(_DAYS):
            last = moment.end - day * DAY
            run = f"{labels['run']}-{day}" if day else labels["run"]
            yield Line(name, {**labels, "run": run}, course, (last - lived, last))


def _course(name: str, value: float) -> Course:
    if "timestamp" in name:
        return lambda _: value
    return lambda at: value * (1 + 0.1 * ((at * 0.618) % 1))


def _in_full(name: str, known: Mapping[str, Recording], depth: int = 0) -> str:
    """A rule's expression with the rules that it is made of in their place."""
    others = re.compile(
        rf"(?<![\w:])(?P<name>{'|'.join(known)})(?![\w:])(?:\{{[^}}]*\}})?(?P<range>\s*\[\w+\])?(?:\s+offset\s+\w+)?"
    )

    def replaced(match: re.Match[str]) -> str:
        if depth == _DEEPEST or match["name"] == name:
            return match[0]
        within = f"({_in_full(match['name'], known, depth + 1)})"
        return within + _A_MINUTE if match["range"] else within

    return others.sub(replaced, known[name].expr)
