"""Colours change where the descriptions say, and the worse a value is, the worse its colour."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dashboards_src.layer import colours
from grafana.files import DASHBOARDS
from grafana.queries import panels

_SAID = re.compile(
    r"[Oo]range (?P<way>from|below) (?P<orange>\d+)(?P<unit>%| s), vermillion (?P=way) (?P<vermillion>\d+)"
)
_RANKS = {colours.ORANGE: 1, colours.VERMILLION: 2}
_A_LITTLE = 1e-6

Step = Mapping[str, Any]


def colour(steps: Sequence[Step], value: float) -> str:
    """The colour of a value: that of the last step which it has reached, as Grafana takes it."""
    reached = steps[0]
    for step in steps[1:]:
        if value < step["value"]:
            break
        reached = step
    return str(reached["color"])


def all_steps(dashboard: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Step]]]:
    """The thresholds of panels, and of columns and series of theirs, each with a name."""
    for panel in panels(dashboard):
        config = panel["fieldConfig"]
        yield panel["title"], config["defaults"]["thresholds"]["steps"]
        for override in config["overrides"]:
            for each in override["properties"]:
                if each["id"] == "thresholds":
                    yield f"{panel['title']}: {override['matcher']['options']}", each["value"]["steps"]


def test_thresholds_rise_and_colours_only_grow_worse_or_only_better(dashboard: dict[str, Any]) -> None:
    for name, steps in all_steps(dashboard):
        values = [step["value"] for step in steps[1:]]
        assert values == sorted(values), name
        ranks = [_RANKS.get(step["color"], 0) for step in steps]
        if values[:1] == [0] and steps[0]["color"] == "text":
            del ranks[0]  # of what has no reading
        assert ranks in (sorted(ranks), sorted(ranks, reverse=True)), name


def test_colours_change_where_the_description_says(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        title, steps = panel["title"], panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        said = _SAID.search(panel["description"])
        two = {colours.ORANGE, colours.VERMILLION} <= {step["color"] for step in steps}
        assert " vermillion " in panel["description"] or not two, f"{title}: from where is it orange or vermillion?"
        if said is None:  # see the test of heat below
            continue
        scale = 100 if said["unit"] == "%" else 1
        orange, vermillion = float(said["orange"]) / scale, float(said["vermillion"]) / scale
        # Where a value has reached both, and where neither: which side that is, the description says.
        worse = _A_LITTLE if said["way"] == "from" else -_A_LITTLE
        assert _RANKS.get(colour(steps, orange - worse), 0) == 0, title
        assert colour(steps, orange + worse) == colours.ORANGE, title
        assert colour(steps, vermillion - worse) == colours.ORANGE, title
        assert colour(steps, vermillion + worse) == colours.VERMILLION, title


def test_a_gpu_that_slows_down_by_heat_is_worse_than_one_that_is_about_to() -> None:
    gpus = json.loads((DASHBOARDS / "gpus.json").read_text(encoding="utf-8"))
    degrees_left = dict(all_steps(gpus))["Heat"]
    ranks = [_RANKS.get(colour(degrees_left, degrees), 0) for degrees in (0, 5, 6)]
    assert ranks == [2, 1, 0]
