"""What Cost now says of today, this month and time not metered, reckoned by Prometheus from made-up amounts."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo.binaries import Tools
from grafana.queries import ALL

from grafana import reckoning

pytestmark = pytest.mark.binaries

_ON_DEMAND = 'provider="acme", model="H100", pricing_model="on_demand", currency="USD"'
_SPOT = 'provider="other", model="A100", pricing_model="spot", currency="EUR"'


def _series(metric: str, host: str, terms: str, period: str, share: str, project: str = "") -> str:
    target = f'job="taximeter-exporter", instance="{host}:9877"'
    return f'{metric}{{{target}, {terms}, category="compute", period="{period}", project="{project}", share="{share}"}}'


_SAID, _RECORDED = "taximeter_period_cost", "instance:taximeter_period_cost:last"
SERIES = {
    _series(_SAID, "here", _ON_DEMAND, "day", "active", "lab"): "3x30",
    _series(_SAID, "here", _ON_DEMAND, "day", "idle"): "0x30",
    _series(_SAID, "here", _ON_DEMAND, "month", "active", "lab"): "30x30",
    _series(_SAID, "here", _ON_DEMAND, "month", "idle"): "5x30",
    _series(_SAID, "here", _ON_DEMAND, "month", "gap"): "2x30",
    # Older than what the same host says, and not counted beside it.
    _series(_RECORDED, "here", _ON_DEMAND, "day", "active", "lab"): "2x30",
    # A spot machine that was taken.
    _series(_RECORDED, "gone", _SPOT, "day", "active", "lab"): "7x30",
    _series(_RECORDED, "gone", _SPOT, "month", "active", "lab"): "70x30",
    _series(_RECORDED, "gone", _SPOT, "month", "idle"): "11x30",
}


def asked(panel: str, part: str | None = None) -> str:
    """A query of the dashboard, with every filter at All."""
    return reckoning.query("cost-now", panel, part, filters=ALL)


def test_the_head_has_every_machine_once_and_no_two_currencies_together(tools: Tools, tmp_path: Path) -> None:
    usd, eur = '{currency="USD"}', '{currency="EUR"}'
    reckoning.reckon(
        tools,
        tmp_path,
        SERIES,
        {
            asked("Today"): {usd: 3, eur: 7},
            asked("This month"): {usd: 37, eur: 81},
            asked("Wasted on idle devices"): {usd: 0},
            asked("This month, by share"): {
                '{share="active", currency="USD"}': 30,
                '{share="idle", currency="USD"}': 5,
                '{share="gap", currency="USD"}': 2,
                '{share="active", currency="EUR"}': 70,
                '{share="idle", currency="EUR"}': 11,
            },
        },
    )


def test_each_way_to_tell_the_money_apart_adds_up_to_it(tools: Tools, tmp_path: Path) -> None:
    reckoning.reckon(
        tools,
        tmp_path,
        SERIES,
        {
            asked("By project", "This month"): {
                '{project="lab", currency="USD"}': 30,
                '{project="no run", currency="USD"}': 7,
                '{project="lab", currency="EUR"}': 70,
                '{project="no run", currency="EUR"}': 11,
            },
            **{
                asked(f"By {what}", column): {
                    f'{{{label}="{ours}", currency="USD"}}': usd,
                    f'{{{label}="{theirs}", currency="EUR"}}': eur,
                }
                for what, label, ours, theirs in (
                    ("host", "instance", "here:9877", "gone:9877"),
                    ("GPU model", "model", "H100", "A100"),
                    ("provider", "provider", "acme", "other"),
                    ("pricing model", "pricing_model", "on_demand", "spot"),
                )
                for column, usd, eur in (("Today", 3, 7), ("This month", 37, 81), ("Idle", 5, 11))
            },
        },
    )


def test_gaps_and_unpriced_time_are_each_in_their_column(tools: Tools, tmp_path: Path) -> None:
    host = '{instance="here:9877"}'
    reckoning.reckon(
        tools,
        tmp_path,
        {
            'taximeter_gap_seconds_total{instance="here:9877", uuid="GPU-0"}': "100x30",
            'taximeter_gap_seconds_total{instance="here:9877", uuid="GPU-1"}': "20x30",
            'taximeter_unpriced_seconds_total{instance="here:9877", uuid="GPU-1"}': "7x30",
        },
        {asked("By host", "Gaps"): {host: 120}, asked("By host", "Unpriced"): {host: 7}},
    )
