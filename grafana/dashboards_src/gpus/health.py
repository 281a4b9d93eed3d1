"""What the driver reports of broken hardware: XID errors, and the errors and repairs of the memory."""

from collections.abc import Mapping

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.gpus import states
from dashboards_src.gpus.problems import XID_OF_A_PROGRAM, XID_OF_HARDWARE
from dashboards_src.gpus.selection import DEVICE, by_device, of
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import watched, words
from dashboards_src.layer.panels import lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import gained
from dashboards_src.shared.ranking import ROWS

_SEVERITIES: Mapping[str, str] = {
    "critical": f'xid=~"{XID_OF_HARDWARE}"',
    "warning": f'xid!~"{XID_OF_HARDWARE}|{XID_OF_A_PROGRAM}"',
    "info": f'xid=~"{XID_OF_A_PROGRAM}"',
}
_XIDS: Mapping[str, str] = {
    "13": "graphics engine exception",
    "31": "memory page fault of a program",
    "32": "corrupted push buffer",
    "38": "driver firmware error",
    "43": "GPU stopped processing",
    "45": "work removed after earlier errors",
    "48": "memory error of two bits",
    "61": "microcontroller breakpoint",
    "62": "microcontroller halted",
    "63": "memory row remapping, or page retirement",
    "64": "memory row remapping failed",
    "74": "NVLink error",
    "79": "GPU fell off the bus",
    "92": "many corrected memory errors",
    "94": "memory error, contained",
    "95": "memory error, not contained",
    "109": "context switch timed out",
    "119": "GSP does not answer",
    "120": "GSP error",
    "154": "recovery action changed",
}
"""The commoner codes, in few words; after NVIDIA's list of XID errors."""


def xid_errors() -> Panel:
    """Each code that a GPU reported."""
    metric = "taximeter_gpu_xid_errors_total"
    code = f"{DEVICE}, xid"
    by_severity = " or ".join(
        f'label_replace(max by ({code}) ({of(metric, codes)}), "severity", "{severity}", "", "")'
        for severity, codes in _SEVERITIES.items()
    )
    new = f"sum by ({code}) ({gained(of(metric))})"
    return table(
        title="XID errors",
        description=(
            "What the driver reported since the exporter began, by code. Critical: the GPU, its memory or its links "
            "failed. Info: as a rule a program made the error. New: within the time range."
        ),
        queries=[
            rows(by_severity),
            rows(f'label_replace({new}, "meaning", "$1", "xid", "(.*)") > 0'),
        ],
        columns=[
            Column(
                "severity",
                "Severity",
                mappings=words({severity: (severity, colour) for severity, colour in colours.SEVERITIES.items()}),
                width=80,
            ),
            Column("instance", "Host"),
            Column("gpu", "GPU", width=55),
            Column("xid", "XID", width=55),
            Column("meaning", "Meaning", mappings=words({xid: (text, "transparent") for xid, text in _XIDS.items()})),
            Column("Value #B", "New", units.COUNT, decimals=0, width=60),
            Column("Value #A", "In all", units.COUNT, decimals=0, width=65),
        ],
        sort_by="Severity",
        no_value="no XID error",
    )


def xid_errors_over_time() -> Panel:
    """The counters themselves: each begins with its first error."""
    return lines(
        title="XID errors over time, by code",
        description=(
            "How often each code was reported since the exporters began, on all chosen GPUs. A line begins with the "
            "first error."
        ),
        unit=units.COUNT,
        decimals=0,
        minimum=0,
        queries=[over_time(f"sum by (xid) ({of('taximeter_gpu_xid_errors_total')})", "XID {{xid}}")],
        no_value="no XID error",
    )


def memory_health() -> Panel:
    """A row for each GPU: errors of its memory, and what was repaired."""
    flag = words({"1": ("yes", colours.BAD), "0": ("no", "transparent")})
    pending = words({"1": ("yes", colours.WARNING), "0": ("no", "transparent")})
    enabled = words({"1": ("on", "transparent"), "0": ("off", colours.WARNING)})

    def first(metric: str, *matchers: str) -> str:
        return states.first(by_device(of(metric, *matchers)))

    def summed(metric: str) -> str:
        return states.first(f"sum by ({DEVICE}) ({of(metric)})")

    corrected, uncorrected = 'kind="corrected"', 'kind="uncorrected"'
    return table(
        title="Health of the memory",
        description=(
            f"At most {ROWS} GPUs. Errors since the driver was loaded, and since the GPU was made; corrected ones are "
            "normal in small numbers. Rows are remapped on Ampere and later, pages retired before. Pending: done at "
            "the next reset. Failed: no spare rows are left. – is not supported, or has no reading."
        ),
        queries=[
            rows(first("taximeter_gpu_ecc_enabled")),
            rows(first("taximeter_gpu_ecc_errors_total", corrected)),
            rows(first("taximeter_gpu_ecc_errors_total", uncorrected)),
            rows(first("taximeter_gpu_ecc_lifetime_errors_total", corrected)),
            rows(first("taximeter_gpu_ecc_lifetime_errors_total", uncorrected)),
            rows(summed("taximeter_gpu_remapped_rows_total")),
            rows(summed("taximeter_gpu_retired_pages_total")),
            rows(first("taximeter_gpu_remapped_rows_pending")),
            rows(first("taximeter_gpu_retired_pages_pending")),
            rows(first("taximeter_gpu_row_remap_failed")),
        ],
        columns=[
            Column("instance", "Host"),
            Column("gpu", "GPU", width=55),
            Column("Value #A", "ECC", mappings=enabled, width=60),
            Column("Value #B", "Corrected", units.COUNT, decimals=0, width=90),
            Column("Value #C", "Not corrected", units.COUNT, decimals=0, steps=watched(1, 1), width=115),
            Column("Value #D", "Corrected, ever", units.COUNT, decimals=0, width=125),
            Column("Value #E", "Not corrected, ever", units.COUNT, decimals=0, steps=watched(1, 10), width=150),
            Column("Value #F", "Rows remapped", units.COUNT, decimals=0, width=130),
            Column("Value #G", "Pages retired", units.COUNT, decimals=0, width=110),
            Column("Value #H", "Remap pending", mappings=pending, width=130),
            Column("Value #I", "Retirement pending", mappings=pending, width=150),
            Column("Value #J", "Remap failed", mappings=flag, width=110),
        ],
        sort_by="Host",
        no_value="no GPU tells of its memory",
    )
