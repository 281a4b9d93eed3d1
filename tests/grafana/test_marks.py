"""What is marked on panels over time, and when, reckoned by Prometheus from made-up runs, alerts and machines."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo.binaries import Tools
from grafana.files import DASHBOARDS, FILES
from grafana.full_house import ENDED
from grafana.queries import ALL, dashboard_queries

from grafana import reckoning

pytestmark = pytest.mark.binaries

MARKS = {
    "Run ends": {"finished"},
    "Budget stops": {"budget"},
    "Run stopped or lost": {"failed", "stopped", "expired", "gone"},
}


def asked(dashboard: str) -> dict[str, str]:
    """The PromQL of the dashboard's marks, by their names."""
    queries = dashboard_queries(DASHBOARDS / f"{dashboard}.json", variables={**ALL, "project": "lab"})
    return {query.panel.removeprefix("annotation "): query.expr for query in queries if not query.ref_id}


def test_there_is_a_mark_for_each_way_to_end() -> None:
    assert set().union(*MARKS.values()) == set(ENDED)


@pytest.mark.parametrize("dashboard", ["training-run", "cost-now"])
def test_each_end_of_a_run_has_one_mark_of_its_kind_at_its_time(tools: Tools, tmp_path: Path, dashboard: str) -> None:
    exprs = asked(dashboard)
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


ALERT = 'alertname="TaximeterBudgetThreshold", severity="warning", budget="lab"'
WAITS = 'alertname="TaximeterGpuHot", severity="warning", instance="here:9877"'
WATCHDOG = 'alertname="Watchdog", severity="none"'
NOT_OURS = 'alertname="DiskFull", severity="critical", instance="here:9100"'


@pytest.mark.parametrize("dashboard", [path.stem for path in FILES if "Alerts" in asked(path.stem)])
def test_alerts_of_ours_that_fire_are_marked_where_they_began(tools: Tools, tmp_path: Path, dashboard: str) -> None:
    since = {ALERT: 600, WAITS: 1200, WATCHDOG: 0, NOT_OURS: 900}
    states = {ALERT: "firing", WAITS: "pending", WATCHDOG: "firing", NOT_OURS: "firing"}
    reckoning.reckon(
        tools,
        tmp_path,
        {
            **{f"ALERTS_FOR_STATE{{{alert}}}": f"{began}x30" for alert, began in since.items()},
            **{f'ALERTS{{{alert}, alertstate="{state}"}}': "1x30" for alert, state in states.items()},
        },
        {asked(dashboard)["Alerts"]: {f"{{{ALERT}}}": 600e3}},
    )


@pytest.mark.parametrize("dashboard", [path.stem for path in FILES if "Spot machine is taken" in asked(path.stem)])
def test_each_spot_machine_is_marked_once_when_it_is_taken(tools: Tools, tmp_path: Path, dashboard: str) -> None:
    """On the dashboard of runs only those on which one is."""
    taken = 'instance="here:9877", provider="acme", action="terminate"'
    later = 'instance="there:9877", provider="acme", action="stop"'
    unused = 'instance="unused:9877", provider="acme", action="stop"'
    moment = "taximeter_host_reclaim_timestamp_seconds"
    marks = {f"{{{taken}}}": 1700e3, f"{{{later}}}": 1900e3}
    reckoning.reckon(
        tools,
        tmp_path,
        {
            # Scraped by two jobs.
            f'{moment}{{{taken}, job="taximeter-exporter"}}': "1700x30",
            f'{moment}{{{taken}, job="agent"}}': "1700x30",
            f'{moment}{{{later}, job="taximeter-exporter"}}': "1900x30",
            f'{moment}{{{unused}, job="taximeter-exporter"}}': "1800x30",
            'taximeter_run_active{instance="here:9877", run="demo"}': "1x30",
            'taximeter_run_active{instance="there:9877", run="demo"}': "1x30",
            'taximeter_run_active{instance="unused:9877", run="ended"}': "0x30",
        },
        {
            asked(dashboard)["Spot machine is taken"]: (
                marks if dashboard == "training-run" else {**marks, f"{{{unused}}}": 1800e3}
            )
        },
    )
