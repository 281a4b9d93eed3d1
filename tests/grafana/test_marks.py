"""What marks say of how runs ended, reckoned by Prometheus from runs that ended in every way."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo.binaries import Tools
from grafana.files import DASHBOARDS
from grafana.full_house import ENDED
from grafana.queries import ALL, dashboard_queries

from grafana import reckoning

pytestmark = pytest.mark.binaries

MARKS = {
    "Run ends": {"finished"},
    "Budget stops": {"budget"},
    "Run stopped or lost": {"failed", "stopped", "expired", "gone"},
}


def test_there_is_a_mark_for_each_way_to_end() -> None:
    assert set().union(*MARKS.values()) == set(ENDED)


@pytest.mark.parametrize("dashboard", ["training-run", "cost-now"])
def test_each_end_of_a_run_has_one_mark_of_its_kind_at_its_time(tools: Tools, tmp_path: Path, dashboard: str) -> None:
    queries = dashboard_queries(DASHBOARDS / f"{dashboard}.json", variables={**ALL, "project": "lab"})
    exprs = {query.panel.removeprefix("annotation "): query.expr for query in queries if not query.ref_id}
    ended = {
        f'taximeter_run_end_timestamp_seconds{{run="{result}", result="{result}"}}': f"{600 + number}x30"
        for number, result in enumerate(ENDED)
    }
    theirs = {
        'taximeter_run_end_timestamp_seconds{run="theirs", result="finished"}': "600x30",
        'taximeter_run_info{run="theirs", project="another"}': "1x30",
    }
    reckoning.reckon(
        tools,
        tmp_path,
        {**ended, **theirs},
        {
            exprs[mark]: {
                f'{{run="{result}", result="{result}"}}': 1000 * (600 + ENDED.index(result)) for result in results
            }
            for mark, results in MARKS.items()
        },
    )
