"""Every query of every dashboard, asked of a real Prometheus that scraped a real run: each answers with data."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from grafana.excuses import may_be_empty
from grafana.queries import Query, dashboard_queries
from integration.conftest import Asked, Chain

pytestmark = pytest.mark.binaries
DASHBOARDS = sorted((Path(__file__).parents[2] / "grafana" / "dashboards").glob("*.json"))
RANGE_SECONDS = 1800


def everything(path: Path) -> dict[str, str]:
    """Each variable of a dashboard set to All, and a resolution that shows what is a few seconds old."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return {**{variable["name"]: ".*" for variable in document["templating"]["list"]}, "__interval": "1s"}


def unanswered(asked: Asked, path: Path) -> list[Query]:
    """The queries of a dashboard to which Prometheus has no answer."""
    now = time.time()
    return [
        query
        for query in dashboard_queries(path, variables=everything(path))
        if not (
            asked.query(query.expr)
            if query.instant
            else asked.query_range(query.expr, start=now - RANGE_SECONDS, end=now)
        )
    ]


def named(queries: Iterable[Query]) -> set[tuple[str, str]]:
    return {(query.panel, query.ref_id) for query in queries}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_answers_or_is_known_to_be_empty_here(real_chain: Chain, path: Path) -> None:
    excused = {(entry.panel, entry.ref_id) for entry in may_be_empty}
    assert [query for query in unanswered(real_chain, path) if (query.panel, query.ref_id) not in excused] == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_answers_where_there_is_something_to_tell(
    real_chain: Chain, simulated_chain: Chain, full_house: Asked, sick_gpus: Asked, path: Path
) -> None:
    """What is empty on a host has data on eight simulated GPUs or in trouble: no excuse hides a broken query."""
    nowhere = [named(unanswered(asked, path)) for asked in (real_chain, simulated_chain, full_house, sick_gpus)]
    assert set.intersection(*nowhere) == set()


def test_there_are_dashboards_to_look_at() -> None:
    assert DASHBOARDS
