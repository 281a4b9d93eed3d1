"""The programs: which version runs with which configuration, and what they need of their machine."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.itself.selection import JOBS, LEGEND, TARGET, by_target
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import dashed, words
from dashboards_src.layer.panels import LAST, MAX, lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import EXPORTER, rate, select
from dashboards_src.shared.ranking import AT_MOST, ROWS, highest

_READ = words({"1": ("yes", "transparent"), "0": ("no", colours.BAD)})
_PROGRAMS = ("taximeter", "prometheus", "alertmanager")
_STARTED = by_target(select("process_start_time_seconds", JOBS))


def _of_any(metric: str) -> str:
    return " or ".join(f"{program}_{metric}" for program in _PROGRAMS)


def programs() -> Panel:
    """A row for each exporter, Prometheus and Alertmanager."""
    youngest = f"and on ({TARGET}) topk({ROWS}, {_STARTED})"
    return table(
        title="Programs",
        description=(
            f"Exporters, Prometheus and Alertmanager, at most {ROWS}: those started last. Configuration read: no means "
            "that the last reload failed, and that of before is in force."
        ),
        queries=[
            rows(f"max by ({TARGET}, version) ({_of_any('build_info')}) {youngest}"),
            rows(f"{by_target(_of_any('config_last_reload_successful'))} {youngest}"),
            rows(f"1000 * {by_target(_of_any('config_last_reload_success_timestamp_seconds'))} {youngest}"),
            rows(f"1000 * {_STARTED} {youngest}"),
        ],
        columns=[
            Column("job", "Job", width=170),
            Column("Value #B", "Configuration read", mappings=_READ, width=155),
            Column("instance", "Instance"),
            Column("version", "Version", width=110),
            Column("Value #C", "In force since", units.MOMENT, width=195),
            Column("Value #D", "Started", units.MOMENT, width=195),
        ],
        sort_by="Job",
        no_value="nothing is scraped",
    )


def processor() -> Panel:
    """Processor time."""
    return lines(
        title="Processor",
        description=f"Processors that each program keeps busy, 1 is one core: the {AT_MOST} highest.",
        unit=units.COUNT,
        decimals=3,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(by_target(rate(select("process_cpu_seconds_total", JOBS))), by=TARGET), LEGEND)],
    )


def memory() -> Panel:
    """Memory that is really used, and the exporters' address space."""
    resident = by_target(select("process_resident_memory_bytes", JOBS))
    virtual = select("process_virtual_memory_bytes", EXPORTER)
    return lines(
        title="Memory",
        description=(
            f"Resident memory of each program: the {AT_MOST} highest; dashed the largest address space of an exporter."
        ),
        unit=units.BYTES,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(resident, by=TARGET), LEGEND), over_time(f"max({virtual})", "exporter, virtual")],
        overrides=[dashed("^exporter, virtual$")],
    )


def open_files() -> Panel:
    """File descriptors, of those allowed."""
    used, allowed = (by_target(select(f"process_{kind}_fds", JOBS)) for kind in ("open", "max"))
    return lines(
        title="Open files",
        description=(
            f"File descriptors in use, of those that the program may have: the {AT_MOST} highest. At 100% it can take "
            "no more connections."
        ),
        unit=units.RATIO,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(f"{used} / {allowed}", by=TARGET), LEGEND)],
    )
