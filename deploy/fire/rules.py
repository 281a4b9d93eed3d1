"""Our rules, read where they are, and what has to be known of them to have one alert fire."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Rules:
    """All groups, by the name of their file."""

    files: Mapping[str, Sequence[Mapping[str, Any]]]

    @property
    def alerts(self) -> dict[str, list[Mapping[str, Any]]]:
        """The alerting rules of each name, in the order of the files; of some alerts there is one a severity."""
        alerts: dict[str, list[Mapping[str, Any]]] = {}
        for _, rule in self._all():
            if "alert" in rule:
                alerts.setdefault(rule["alert"], []).append(rule)
        return alerts

    @property
    def records(self) -> dict[str, Mapping[str, Any]]:
        """Recording rules by name."""
        return {rule["record"]: rule for _, rule in self._all() if "record" in rule}

    def file_of(self, alert: str) -> str:
        """The name of the file that has an alert."""
        return next(name for name, rule in self._all() if rule.get("alert") == alert)

    def hurried(self, *alerts: str) -> dict[str, Any]:
        """Each file with its recording rules and those alerts alone, which wait neither for their `for` nor for their
        group's own interval."""
        return {name: {"groups": [_hurried(group, alerts) for group in groups]} for name, groups in self.files.items()}

    def looked_back_on(self, alert: str, given: set[str]) -> list[list[str]]:
        """The recorded series of which an alert needs the past, but for those given; those others rest on first."""
        reached = self._reached(self.alerts[alert], given)
        texts = [_text(rule) for rule in (*self.alerts[alert], *(self.records[name] for name in reached))]
        left = {name for name in reached if any(_looks_back(text, name) for text in texts)}
        levels: list[list[str]] = []
        while left:
            resting = {name for name in left if (self._reached([self.records[name]], given) - {name}) & left}
            level = sorted(left - resting) or sorted(left)
            levels.append(level)
            left -= set(level)
        return levels

    def _all(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [(name, rule) for name, groups in self.files.items() for group in groups for rule in group["rules"]]

    def _reached(self, rules: Sequence[Mapping[str, Any]], given: set[str]) -> set[str]:
        """The recorded series that rules ask for, and those behind them."""
        reached: set[str] = set()
        left = list(rules)
        while left:
            text = _text(left.pop())
            new = {name for name in self.records if _names(text, name)} - reached - given
            reached |= new
            left += [self.records[name] for name in new]
        return reached


def read_rules(folder: Path) -> Rules:
    """The rule files of a folder."""
    return Rules(
        {path.name: yaml.safe_load(path.read_text(encoding="utf-8"))["groups"] for path in sorted(folder.glob("*.yml"))}
    )


def _hurried(group: Mapping[str, Any], alerts: Sequence[str]) -> dict[str, Any]:
    kept = [rule for rule in group["rules"] if "record" in rule or rule["alert"] in alerts]
    return {**_without("interval", group), "rules": [_without("for", rule) for rule in kept]}


def _without(field: str, mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key != field}


def _text(rule: Mapping[str, Any]) -> str:
    return "\n".join([rule["expr"], *rule.get("annotations", {}).values()])


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w:]){name}(?![\w:])", text) is not None


def _looks_back(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w:]){name}(\{{[^}}]*\}})?\s*(\[|offset\b)", text) is not None
