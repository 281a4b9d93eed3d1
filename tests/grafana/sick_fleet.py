"""Hosts whose GPUs are in every state that the dashboard "GPUs" tells apart, and have every problem. Made up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from demo.binaries import Tools
from demo.interrupts import Interrupts
from demo.ports import ANY, HOST, free_ports
from demo.processes import Processes
from demo.stack import Starter
from demo.web import get_json
from support.exposition import serve_exposition
from support.programs import wait_for

ALL_READINGS: Mapping[str, float] = {
    "utilization_ratio": 0.9,
    "memory_used_bytes": 4e10,
    "power_watts": 500.0,
    "energy_joules_total": 1e6,
    "temperature_celsius": 60.0,
    'temperature_threshold_celsius{threshold="slowdown"}': 87.0,
    'clock_hertz{clock="sm"}': 1.9e9,
    'throttle_active{reason="sw_power_cap"}': 0.0,
    'fan_speed_ratio{fan="0"}': 0.5,
    "sm_activity_ratio": 0.8,
    'pcie_bytes_total{direction="receive"}': 1e9,
    'nvlink_bytes_total{direction="receive"}': 1e9,
    'ecc_errors_total{kind="uncorrected"}': 0.0,
    "nvlink_links": 18.0,
    "nvlink_links_active": 18.0,
    "pcie_generation": 5.0,
    "pcie_max_generation": 5.0,
    "pcie_lanes": 16.0,
    "pcie_max_lanes": 16.0,
}

ILL: Mapping[str, Mapping[str, float]] = {
    "XID error of the hardware": {'xid_last_timestamp_seconds{xid="79"}': float("nan")},
    "memory errors not corrected": {"ecc_uncorrected_errors_total": 2},
    "memory beyond repair": {'condition{condition="row_remap_failed"}': 1},
    "XID error": {'xid_last_timestamp_seconds{xid="45"}': float("nan")},
    "memory to be repaired at a reset": {'condition{condition="repair_pending"}': 1},
    "slowed down by heat or power supply": {'condition{condition="slowed_down"}': 1},
    "as hot as it may be": {'condition{condition="hot"}': 1},
    "NVLinks down": {"nvlink_links_active": 17},
    "PCIe lanes missing": {"pcie_lanes": 8},
    "PCIe slower than it can be": {"pcie_generation": 3},
    "XID error of a program": {'xid_last_timestamp_seconds{xid="31"}': float("nan")},
}
"""What a GPU tells that has the problem, besides or instead of the others; not a number: now."""


def well(gpu: str = "0", uuid: str = "GPU-well") -> str:
    """A GPU that answers, tells everything, and has no problem."""
    return "".join(_lines(gpu, uuid, {"up": 1, **ALL_READINGS}))


def in_every_state() -> str:
    """A host with a GPU for each of the states that a device, or one of its readings, can be in."""
    poor = {"up": 1.0, "utilization_ratio": 0.1}
    divided = {
        name: value for name, value in ALL_READINGS.items() if name not in ("memory_used_bytes", "sm_activity_ratio")
    }
    instance = {"up": 1.0, "memory_used_bytes": 1e9, "sm_activity_ratio": 0.5}
    return "".join(
        [
            well(),
            *_lines("1", "GPU-mute", {"up": 0}),
            *_lines("2", "GPU-poor", poor),
            *_lines("3", "GPU-lying", poor),
            'taximeter_refused_readings_total{gpu="3",uuid="GPU-lying",reading="gpu_power_watts"} 7\n',
            *_lines("4", "GPU-divided", {"up": 1, **divided}),
            *_lines("4:0", "MIG-part", instance),
            'taximeter_mig_instance_info{gpu="4:0",uuid="MIG-part",gpu_uuid="GPU-divided",gpu_instance="7"} 1\n',
        ]
    )


def with_every_problem() -> str:
    """A host with a GPU for each problem that a GPU which answers can have; its UUID is the problem's name."""
    return "".join(
        line
        for number, (problem, readings) in enumerate(ILL.items())
        for line in _lines(str(number), problem, {"up": 1, **ALL_READINGS, **readings})
    )


def _lines(gpu: str, uuid: str, readings: Mapping[str, float]) -> Iterator[str]:
    for series, value in readings.items():
        name, _, labels = series.partition("{")
        number = time.time() if math.isnan(value) else value
        identity = f'gpu="{gpu}",uuid="{uuid}"'
        yield f"taximeter_gpu_{name}{{{identity}{',' + labels if labels else '}'} {number}\n"


@dataclass(frozen=True)
class SickFleet:
    """By their addresses: the Prometheus that scraped it, and an exporter that was never there."""

    prometheus: str
    never: str


@contextmanager
def sick_fleet(folder: Path, tools: Tools) -> Iterator[SickFleet]:
    """Four hosts: with GPUs in every state, one of which was taken out; with every problem; gone; never there."""
    ports = free_ports(ANY)
    hosts = [f"{HOST}:{port}" for port in (ports.exporter, ports.trainer, ports.receiver, ports.grafana)]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "taximeter-exporter", "static_configs": [{"targets": hosts}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with ExitStack() as stack, ExitStack() as leaving:
        states, ill = (stack.enter_context(serve_exposition(port)) for port in (ports.exporter, ports.trainer))
        states.text = lambda: in_every_state() + well("5", "GPU-taken")
        ill.text = with_every_problem
        leaving.enter_context(serve_exposition(ports.receiver)).text = well("0", "GPU-far")
        processes = stack.enter_context(Processes())
        starter = Starter(folder, ports, processes, stack.enter_context(Interrupts()))
        fleet = SickFleet(starter.prometheus(tools.prometheus, folder / "prometheus.yml").url, never=hosts[3])

        def there_is(query: str) -> Callable[[], bool]:
            return lambda: bool(get_json(f"{fleet.prometheus}/api/v1/query", query=query)["data"]["result"])

        gpus = in_every_state().count("gpu_up{") + len(ILL) + 2
        scraped = f"count(count_over_time(taximeter_gpu_up[1m]) >= 3) == {gpus}"
        wait_for(there_is(scraped), "not all GPUs were scraped three times")
        states.text = in_every_state
        leaving.close()
        wait_for(there_is("count(up == 0) == 2"), "the host did not go away")
        wait_for(there_is('absent(taximeter_gpu_up{uuid="GPU-taken"})'), "the GPU did not go away")
        yield fleet
