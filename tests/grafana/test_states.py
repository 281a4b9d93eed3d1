"""The dashboard "GPUs" tells apart what answers, what does not, whom nobody can ask, and what drivers do not tell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from dashboards_src.gpus.problems import PROBLEMS
from dashboards_src.gpus.readings import READINGS
from demo.binaries import Tools
from demo.web import get_json
from grafana.files import DASHBOARDS
from grafana.queries import ALL, dashboard_queries, panels
from grafana.sick_fleet import ILL, sick_fleet

pytestmark = pytest.mark.binaries
FILE = DASHBOARDS / "gpus.json"
VARIABLES = {**ALL, "__range": "5m", "__interval": "1s", "__rate_interval": "4s"}


@dataclass(frozen=True)
class Dashboard:
    """What its panels show, asked of a Prometheus."""

    prometheus: str

    def series(self, panel: str, ref_id: str) -> list[Any]:
        """Instant answers, also of queries that the panel asks over time."""
        (query,) = (
            query
            for query in dashboard_queries(FILE, variables=VARIABLES)
            if (query.panel, query.ref_id) == (panel, ref_id)
        )
        answer = get_json(f"{self.prometheus}/api/v1/query", query=query.expr)
        return list(answer["data"]["result"])

    def shown(self, panel: str, ref_id: str, column: str | None = None) -> dict[str, str]:
        """By UUID (by host where there is none) the words that stand for the value."""
        texts = words(panel, column)
        return {
            entry["metric"].get("uuid") or entry["metric"]["gpu"] + " of " + entry["metric"]["instance"]: texts[
                entry["value"][1]
            ]
            for entry in self.series(panel, ref_id)
        }


def words(panel: str, column: str | None) -> Mapping[str, str]:
    """The value mappings of a panel, or of a column of a table."""
    (found,) = (one for one in panels(json.loads(FILE.read_text(encoding="utf-8"))) if one["title"] == panel)
    config = found["fieldConfig"]
    if column is None:
        mappings = config["defaults"]["mappings"]
    else:
        (override,) = (one for one in config["overrides"] if one["matcher"]["options"] == column)
        (mappings,) = (one["value"] for one in override["properties"] if one["id"] == "mappings")
    return {
        value: result["text"]
        for each in mappings
        if each["type"] == "value"
        for value, result in each["options"].items()
    }


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Iterator[tuple[Dashboard, str]]:
    """What the dashboard shows of the hosts; and the address of the one that was never there."""
    with sick_fleet(tmp_path_factory.mktemp("fleet"), tools) as running:
        yield Dashboard(running.prometheus), running.never


STATES = {
    "GPU-well": "answers",
    "GPU-mute": "does not answer",
    "GPU-poor": "answers",
    "GPU-lying": "answers",
    "GPU-divided": "answers",
    "MIG-part": "answers",
    "GPU-taken": "not there any more",
    "GPU-far": "exporter not reachable",
    **dict.fromkeys(ILL, "answers"),
}


def test_each_device_is_in_the_state_that_it_is_in(fleet: tuple[Dashboard, str]) -> None:
    dashboard, _ = fleet
    assert dashboard.shown("State of each GPU", "A") == STATES
    assert dashboard.shown("GPUs and MIG instances", "A", "State") == STATES


def test_an_exporter_that_was_never_reached_has_a_row_of_its_own(fleet: tuple[Dashboard, str]) -> None:
    dashboard, never = fleet
    assert dashboard.shown("State of each GPU", "B") == {f"? of {never}": "exporter not reachable"}


def test_gpus_are_counted_without_mig_instances(fleet: tuple[Dashboard, str]) -> None:
    dashboard, _ = fleet
    counts = [dashboard.series("GPUs", ref_id)[0]["value"][1] for ref_id in "ABC"]
    assert counts == [str(5 - 1 + len(ILL)), "1", "1"]


NOT_SUPPORTED, NO_READING = "not supported", None
READ = {
    "GPU-well": ["read"] * len(READINGS),
    "GPU-mute": [NO_READING] * len(READINGS),
    "GPU-far": [NO_READING] * len(READINGS),
    "GPU-poor": ["read", *[NOT_SUPPORTED] * (len(READINGS) - 1)],
}


@pytest.mark.parametrize("uuid", READ)
def test_a_reading_that_is_not_supported_is_none_that_is_missing_now(fleet: tuple[Dashboard, str], uuid: str) -> None:
    dashboard, _ = fleet
    found = [
        dashboard.shown("Readings", ref_id, reading.title).get(uuid)
        for ref_id, reading in zip("BCDEFGHIJKLM", READINGS, strict=True)
    ]
    assert found == READ[uuid]


def test_a_refused_reading_and_those_of_mig_say_so(fleet: tuple[Dashboard, str]) -> None:
    dashboard, _ = fleet
    titles = [reading.title for reading in READINGS]
    memory, power = ("BCDEFGHIJKLM"[titles.index(title)] for title in ("Memory", "Power"))
    memories = dashboard.shown("Readings", memory, "Memory")
    powers = dashboard.shown("Readings", power, "Power")
    assert (powers["GPU-lying"], memories["GPU-lying"]) == ("refused", "not supported")
    assert (powers["GPU-divided"], memories["GPU-divided"]) == ("read", "by instances")
    assert (powers["MIG-part"], memories["MIG-part"]) == ("by its GPU", "read")


def test_each_problem_is_found_and_nothing_else(fleet: tuple[Dashboard, str]) -> None:
    dashboard, _ = fleet
    texts = words("What is wrong now", "Problem")
    found = {
        (entry["metric"]["uuid"], texts[entry["metric"]["problem"]])
        for entry in dashboard.series("What is wrong now", "A")
    }
    assert found == {
        *((problem, problem) for problem in ILL),
        ("GPU-mute", "does not answer"),
        ("GPU-far", "exporter not reachable"),
        ("GPU-lying", "impossible readings left out"),
    }
    assert {text for _, text in found} == {problem.text for problem in PROBLEMS}


def test_the_worst_problem_is_the_one_in_the_row_of_a_gpu(fleet: tuple[Dashboard, str]) -> None:
    dashboard, _ = fleet
    worst = dashboard.shown("GPUs and MIG instances", "B", "What is wrong")
    assert worst["GPU-far"] == "exporter not reachable"
    assert {worst[problem] for problem in ILL} == set(ILL)
    assert "GPU-well" not in worst
