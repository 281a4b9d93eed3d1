"""Of many series a panel shows those that tell most, reckoned by Prometheus from one exporter more than it has room."""

from __future__ import annotations

from pathlib import Path

import pytest
from dashboards_src.shared.ranking import AT_MOST
from demo.binaries import Tools
from grafana.queries import ALL

from grafana import reckoning

pytestmark = pytest.mark.binaries

LEAST, MOST = 1, AT_MOST + 1
AT_THE_END = {LEAST: MOST, MOST: LEAST}
"""They change places for a moment: who is shown is not judged by that."""


@pytest.mark.parametrize(
    ("panel", "metric", "shown"),
    [
        ("Reading the devices took", "taximeter_collect_duration_seconds", range(LEAST + 1, MOST + 1)),
        ("Ledger: room left", "taximeter_ledger_free_bytes", range(LEAST, MOST)),
    ],
    ids=["highest", "lowest"],
)
def test_those_that_tell_most_over_the_whole_range_are_shown(
    tools: Tools, tmp_path: Path, panel: str, metric: str, shown: range
) -> None:
    courses = {number: f"{number}x29 {AT_THE_END.get(number, number)}" for number in range(LEAST, MOST + 1)}
    reckoning.reckon(
        tools,
        tmp_path,
        {f'{metric}{{instance="host-{number}"}}': course for number, course in courses.items()},
        {
            f"group by (instance) ({reckoning.query('itself', panel, filters={**ALL, '__interval': '1m'})})": {
                f'{{instance="host-{number}"}}': 1 for number in shown
            }
        },
    )
