"""What goes over the GPUs' links, and how the links are: PCIe, NVLink, and memory mapped over PCIe."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.gpus.selection import DEVICE, LEGEND, highest, of
from dashboards_src.layer import units
from dashboards_src.layer.panels import LAST, MAX, MEAN, lines
from dashboards_src.layer.queries import Query, over_time
from dashboards_src.promql import rate
from dashboards_src.shared import ranking
from dashboards_src.shared.ranking import AT_MOST


def _highest(series: str) -> Query:
    return over_time(ranking.highest(series, by=f"{DEVICE}, direction"), f"{LEGEND}: {{{{direction}}}}")


def pcie() -> Panel:
    """Bytes over PCIe, by GPU."""
    counted, measured = rate(of("taximeter_gpu_pcie_bytes_total")), of("taximeter_gpu_pcie_bytes_per_second")
    return lines(
        title="PCIe",
        description=(
            f"Sent (transmit) and received (receive) over PCIe: the {AT_MOST} highest of the chosen GPUs. Counted "
            "where the driver counts, else as it was measured over 20 ms."
        ),
        unit=units.BYTES_PER_SECOND,
        minimum=0,
        legend=(LAST, MEAN, MAX),
        queries=[_highest(f"{counted} or 0 + {measured}")],
        no_value="no GPU that tells its PCIe traffic",
    )


def nvlink() -> Panel:
    """Bytes over NVLink, by GPU."""
    return lines(
        title="NVLink",
        description=(
            f"Sent (transmit) and received (receive) over all NVLinks of a GPU: the {AT_MOST} highest of the chosen."
        ),
        unit=units.BYTES_PER_SECOND,
        minimum=0,
        legend=(LAST, MEAN, MAX),
        queries=[_highest(rate(of("taximeter_gpu_nvlink_bytes_total")))],
        no_value="no GPU with NVLink",
    )


def directions() -> Panel:
    """Which way all the bytes go."""
    return lines(
        title="Both ways",
        description="Sent (transmit) and received (receive) by all chosen GPUs, over PCIe and over NVLink.",
        unit=units.BYTES_PER_SECOND,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[
            over_time(f"sum by (direction) ({rate(of('taximeter_gpu_pcie_bytes_total'))})", "PCIe {{direction}}"),
            over_time(f"sum by (direction) ({rate(of('taximeter_gpu_nvlink_bytes_total'))})", "NVLink {{direction}}"),
        ],
        no_value="no GPU that counts them",
    )


def errors() -> Panel:
    """What had to be sent again, or failed."""
    replays = rate(of("taximeter_gpu_pcie_replays_total"))
    return lines(
        title="Errors on links",
        description=(
            "By kind, per second, on all chosen GPUs: packets sent again over PCIe, and errors on NVLinks. A few are "
            "normal; steady ones point to a bad slot, cable or link."
        ),
        unit=units.PER_SECOND,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time(f"sum({replays})", "PCIe replays"),
            over_time(f"sum by (kind) ({rate(of('taximeter_gpu_nvlink_errors_total'))})", "NVLink {{kind}}"),
        ],
    )


def bar1() -> Panel:
    """The fullest windows over PCIe."""
    used, total = (of(f"taximeter_gpu_bar1_memory_{kind}_bytes") for kind in ("used", "total"))
    return lines(
        title="Mapped over PCIe (BAR1)",
        description=(
            f"Used share of the window through which others reach the GPU's memory over PCIe: the {AT_MOST} fullest of "
            "the chosen GPUs. When it is full, transfers between GPUs fail or take a detour."
        ),
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        legend=(LAST, MAX),
        queries=[over_time(highest(f"{used} / {total}"), LEGEND)],
    )


def bar1_in_bytes() -> Panel:
    """The same in bytes, of all."""
    return lines(
        title="BAR1 of all",
        description="Memory mapped for access over PCIe, of all chosen GPUs: in use and free.",
        unit=units.BYTES,
        minimum=0,
        stacked=True,
        queries=[over_time(f"sum({of(f'taximeter_gpu_bar1_memory_{kind}_bytes')})", kind) for kind in ("used", "free")],
    )
