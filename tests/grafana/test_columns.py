"""Each column of a table shows what its head says, reckoned by Prometheus from readings that are all different."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from demo.binaries import Tools
from grafana.queries import ALL

from grafana import reckoning

pytestmark = pytest.mark.binaries


@dataclass(frozen=True)
class Shown:
    """A table, what it is made of, and the one row that it then has.

    Attributes:
        dashboard: the dashboard's file, without its ending.
        panel: the table's title.
        series: by each one's name what follows in its braces after `row`, and its values.
        row: what the row is of, and all that the series have in common.
        columns: the row's values by the heads of their columns.
    """

    dashboard: str
    panel: str
    series: Mapping[str, Mapping[str, str]]
    row: str
    columns: Mapping[str, float]


_DEVICE = "taximeter_gpu_"

TABLES = (
    Shown(
        "itself",
        "Exporters",
        {
            "up": {', job="taximeter-exporter"': "1x30"},
            "taximeter_collect_success": {"": "0x30"},
            "taximeter_collect_last_success_timestamp_seconds": {"": "1790x30"},
            "taximeter_ledger_last_write_timestamp_seconds": {"": "1780x30"},
            "taximeter_ledger_write_failures_total": {"": "0+2x30"},
            "taximeter_gap_seconds_total": {', uuid="GPU-0"': "100x30", ', uuid="GPU-1"': "20x30"},
            "taximeter_unpriced_seconds_total": {', uuid="GPU-1"': "7x30"},
        },
        'instance="here:9877"',
        {
            "Up": 1,
            "Collecting": 0,
            "Last read": 10,
            "Last booking": 20,
            "Failed writes": 60,
            "Gaps": 120,
            "Unpriced": 7,
        },
    ),
    Shown(
        "itself",
        "Notifications, by integration",
        {
            "alertmanager_notifications_total": {"": "0+10x30"},
            "alertmanager_notifications_failed_total": {"": "0+1x30"},
            "alertmanager_notification_requests_total": {"": "0+12x30"},
            "alertmanager_notification_requests_failed_total": {"": "0+3x30"},
            "alertmanager_notification_latency_seconds_sum": {"": "0+6x30"},
            "alertmanager_notification_latency_seconds_count": {"": "0+12x30"},
        },
        'integration="email"',
        {"Sent": 300, "Failed": 30, "Requests": 360, "Requests failed": 90, "Takes": 0.5},
    ),
    Shown(
        "gpus",
        "Hosts",
        {
            # Three GPUs, one of which does not answer, and a MIG instance, which is none.
            f"{_DEVICE}up": {
                ', gpu="0", uuid="GPU-0"': "1x30",
                ', gpu="1", uuid="GPU-1"': "1x30",
                ', gpu="1:0", uuid="MIG-0"': "1x30",
                ', gpu="2", uuid="GPU-2"': "0x30",
            },
            f"{_DEVICE}utilization_ratio": {', gpu="0", uuid="GPU-0"': "0.2x30", ', gpu="1", uuid="GPU-1"': "0.6x30"},
            f"{_DEVICE}memory_used_bytes": {', gpu="0", uuid="GPU-0"': "10x30", ', gpu="1", uuid="GPU-1"': "20x30"},
            f"{_DEVICE}memory_total_bytes": {', gpu="0", uuid="GPU-0"': "40x30", ', gpu="1", uuid="GPU-1"': "80x30"},
            f"{_DEVICE}power_watts": {', gpu="0", uuid="GPU-0"': "300x30", ', gpu="1", uuid="GPU-1"': "400x30"},
            f"{_DEVICE}temperature_celsius": {', gpu="0", uuid="GPU-0"': "60x30", ', gpu="1", uuid="GPU-1"': "71x30"},
            "taximeter_price_per_hour": {
                ', uuid="GPU-0", currency="USD"': "4x30",
                ', uuid="GPU-2", currency="USD"': "5x30",
                ', uuid="host", currency="USD"': "50x30",
            },
            "taximeter_host_rebalance_timestamp_seconds": {"": "1500x30"},
            "taximeter_host_reclaim_timestamp_seconds": {"": "1700x30"},
        },
        'instance="here:9877"',
        {
            "GPUs": 3,
            "Answer": 2,
            "Problems": 1,
            "Utilisation": 0.4,
            "Memory": 0.25,
            "Power": 700,
            "Hottest": 71,
            "Per hour": 9,
            "Warned of that": 1500e3,
            "Taken by the cloud": 1700e3,
        },
    ),
    Shown(
        "gpus",
        "Limits of power and temperature",
        {
            f"{_DEVICE}up": {"": "1x30"},
            f"{_DEVICE}power_limit_watts": {"": "600x30"},
            f"{_DEVICE}power_default_limit_watts": {"": "700x30"},
            f"{_DEVICE}power_min_limit_watts": {"": "200x30"},
            f"{_DEVICE}power_max_limit_watts": {"": "750x30"},
            f"{_DEVICE}temperature_threshold_celsius": {
                ', threshold="slowdown"': "87x30",
                ', threshold="shutdown"': "92x30",
                ', threshold="gpu_max"': "85x30",
                ', threshold="memory_max"': "95x30",
            },
        },
        'instance="here:9877", gpu="0", uuid="GPU-0"',
        {
            "Limit": 600,
            "At start": 700,
            "Lowest": 200,
            "Highest": 750,
            "Slows down": 87,
            "Shuts down": 92,
            "GPU at most": 85,
            "Memory at most": 95,
        },
    ),
    Shown(
        "gpus",
        "Links as they are, and could be",
        {
            f"{_DEVICE}up": {"": "1x30"},
            f"{_DEVICE}pcie_generation": {"": "4x30"},
            f"{_DEVICE}pcie_max_generation": {"": "5x30"},
            f"{_DEVICE}pcie_lanes": {"": "8x30"},
            f"{_DEVICE}pcie_max_lanes": {"": "16x30"},
            f"{_DEVICE}nvlink_links_active": {"": "17x30"},
            f"{_DEVICE}nvlink_links": {"": "18x30"},
        },
        'instance="here:9877", gpu="0", uuid="GPU-0"',
        {"PCIe": 4, "At most": 5, "Lanes": 8, "Lanes at most": 16, "NVLinks up": 17, "NVLinks": 18},
    ),
)

HERE = {**ALL, "instance": "here:.+"}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.panel)
def test_each_column_shows_what_it_says_and_of_chosen_hosts_alone(tools: Tools, tmp_path: Path, table: Shown) -> None:
    assert len(set(table.columns.values())) == len(table.columns), "columns that could be swapped"
    chosen = {
        f"{name}{{{table.row}{more}}}": values for name, parts in table.series.items() for more, values in parts.items()
    }
    others = {name.replace("here:", "there:"): values for name, values in chosen.items()}
    columns = {title: reckoning.query(table.dashboard, table.panel, title, filters=HERE) for title in table.columns}
    reckoning.reckon(
        tools,
        tmp_path,
        {**others, **chosen},
        {
            f"round(sum without (currency) ({columns[title]}), 1e-6)": {f"{{{table.row}}}": value}
            for title, value in table.columns.items()
        },
    )
