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


@pytest.mark.parametrize(
    ("dashboard", "panel"),
    [
        ("training-run", "Where the money went"),
        ("training-run", "Progress, by run"),
        ("training-run", "Cost to reach an accuracy"),
        ("training-run", "Time to reach an accuracy"),
        ("providers", "Time to an accuracy, by provider"),
        ("providers", "Cost of an accuracy, by provider"),
    ],
)
def test_a_training_is_shown_however_many_dearer_programs_are_metered(
    tools: Tools, tmp_path: Path, dashboard: str, panel: str
) -> None:
    here = 'instance="host:9877"'
    trained = 'run="trained", rank="0"'
    series = {f'taximeter_price_per_hour{{{here}, uuid="GPU-0", provider="made-up", currency="USD"}}': "1x30"}
    for number in range(LEAST, MOST + 1):
        run = f'{here}, run="{"trained" if number == LEAST else f"other-{number}"}"'
        series |= {
            f'taximeter_run_info{{{run}, project="lab"}}': "1x30",
            f"taximeter_run_active{{{run}}}": "1x30",
            f'taximeter_run_cost_total{{{run}, currency="USD"}}': f"{number}x30",
        }
    series |= {
        f"taximeter_training_{name}": value
        for name, value in (
            (f"seconds_total{{{trained}}}", "8x30"),
            (f'phase_seconds_total{{{trained}, phase="startup"}}', "8x30"),
            (f"goodput_ratio{{{trained}}}", "0.5x30"),
            (f'cost_to_accuracy{{{trained}, accuracy="0.5", currency="USD"}}', "1x30"),
            (f'time_to_accuracy_seconds{{{trained}, accuracy="0.5"}}', "4x30"),
        )
    }
    shown = reckoning.query(dashboard, panel, filters=ALL)
    reckoning.reckon(tools, tmp_path, series, {f"count({shown})": {"{}": 1}})
