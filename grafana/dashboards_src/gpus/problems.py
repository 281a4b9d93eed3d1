"""What can be wrong with a device, the worst first, and how it is seen.

The conditions are those of the alerts in prometheus/rules/gpu.yml, without their patience: a dashboard shows at once
what an alert waits a while for, and XID errors for an hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import ValueMapping

from dashboards_src.gpus.selection import by_device, of
from dashboards_src.gpus.states import SILENT, UNREACHABLE, in_state
from dashboards_src.layer import colours
from dashboards_src.layer.fields import words
from dashboards_src.promql import grown

XID_OF_HARDWARE = "48|62|64|74|79|95|119|120"
"""The GPU, its memory or its links failed."""

XID_OF_A_PROGRAM = "13|31|43"
"""As a rule a program made the error."""

SLOWDOWNS = "hw_slowdown|sw_thermal_slowdown|hw_thermal_slowdown|hw_power_brake_slowdown"
"""Throttling by heat or by the power supply: not what a GPU does to keep to its power limit, or when it is idle."""


@dataclass(frozen=True)
class Problem:
    """One of them.

    Attributes:
        text: what it is called.
        severity: as of an alert.
        expr: PromQL that has a value, any, for each device that has the problem.
    """

    text: str
    severity: str
    expr: str


def _condition(name: str) -> str:
    """As the exporter judges it."""
    return of("taximeter_gpu_condition", f'condition="{name}"')


def _new_xid(*matchers: str) -> str:
    """Reported within the last hour."""
    return f"time() - {of('taximeter_gpu_xid_last_timestamp_seconds', *matchers)} < 3600"


def _new_ecc() -> str:
    return grown(of("taximeter_gpu_ecc_uncorrected_errors_total"), within="1h")


def _slow_pcie() -> str:
    """The generation falls while a GPU is idle, and shall."""
    generation, most = of("taximeter_gpu_pcie_generation"), of("taximeter_gpu_pcie_max_generation")
    return f"{generation} < {most} and {of('taximeter_gpu_utilization_ratio')} > 0.5"


def _missing_nvlinks() -> str:
    """Where none stands, there is nothing that they could lead to."""
    active = of("taximeter_gpu_nvlink_links_active")
    return f"{active} < {of('taximeter_gpu_nvlink_links')} and {active} > 0"


def _refused() -> str:
    return grown(of("taximeter_refused_readings_total"), within="10m")


PROBLEMS: Sequence[Problem] = (
    Problem("exporter not reachable", "critical", in_state(UNREACHABLE)),
    Problem("does not answer", "critical", in_state(SILENT)),
    Problem("XID error of the hardware", "critical", _new_xid(f'xid=~"{XID_OF_HARDWARE}"')),
    Problem("memory errors not corrected", "critical", _new_ecc()),
    Problem("memory beyond repair", "critical", _condition("row_remap_failed")),
    Problem("XID error", "warning", _new_xid(f'xid!~"{XID_OF_HARDWARE}|{XID_OF_A_PROGRAM}"')),
    Problem("memory to be repaired at a reset", "warning", _condition("repair_pending")),
    Problem("slowed down by heat or power supply", "warning", _condition("slowed_down")),
    Problem("as hot as it may be", "warning", _condition("hot")),
    Problem("NVLinks down", "warning", _missing_nvlinks()),
    Problem(
        "PCIe lanes missing",
        "warning",
        f"{of('taximeter_gpu_pcie_lanes')} < {of('taximeter_gpu_pcie_max_lanes')}",
    ),
    Problem("PCIe slower than it can be", "warning", _slow_pcie()),
    Problem("XID error of a program", "info", _new_xid(f'xid=~"{XID_OF_A_PROGRAM}"')),
    Problem("impossible readings left out", "info", _refused()),
)


def each() -> str:
    """A series for each device and problem, with the problem's number as the label ``problem`` and as the value."""
    return "\nor ".join(
        f'label_replace(0 * {by_device(problem.expr)} + {number}, "problem", "{number:02}", "", "")'
        for number, problem in enumerate(PROBLEMS, start=1)
    )


def worst() -> str:
    """For each device that has one, the number of its worst problem."""
    return "\nor ".join(f"0 * {by_device(problem.expr)} + {number}" for number, problem in enumerate(PROBLEMS, start=1))


def of_severity(severity: str) -> str:
    """A series for each device that has a problem of the severity."""
    return "\nor ".join(by_device(problem.expr) for problem in PROBLEMS if problem.severity == severity)


def in_words(number_format: str = "d") -> list[ValueMapping]:
    """Words instead of numbers, coloured by severity."""
    return words(
        {
            format(number, number_format): (problem.text, colours.SEVERITIES[problem.severity])
            for number, problem in enumerate(PROBLEMS, start=1)
        }
    )
