"""What Prometheus reaches, how long that takes, and how much it gets."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.itself.selection import JOBS, LEGEND, TARGET, by_target
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import watched, words
from dashboards_src.layer.panels import LAST, MAX, lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.layer.timelines import timeline
from dashboards_src.promql import select
from dashboards_src.shared.ranking import AT_MOST, ROWS, highest, lowest

_REACHED = words({"1": ("reached", colours.GOOD), "0": ("not reached", colours.BAD)})
_UP = by_target(select("up", JOBS))
_DURATION = by_target(select("scrape_duration_seconds", JOBS))
_SAMPLES = by_target(select("scrape_samples_scraped", JOBS))


def targets() -> Panel:
    """A row for each target."""
    slowest = f"and on ({TARGET}) topk({ROWS}, {_DURATION} or {_UP})"
    return table(
        title="Targets",
        description=(
            f"What Prometheus scrapes, at most {ROWS}: those whose last scrape took longest. A training that has ended "
            "is not reached, and should be taken off the targets."
        ),
        queries=[rows(f"{_UP} {slowest}"), rows(f"{_DURATION} {slowest}"), rows(f"{_SAMPLES} {slowest}")],
        columns=[
            Column("job", "Job", width=150),
            Column("Value #A", "State", mappings=_REACHED, width=105),
            Column("instance", "Target"),
            Column("Value #B", "Scrape took", units.SECONDS, decimals=3, steps=watched(0.5, 1), width=100),
            Column("Value #C", "Samples", units.COUNT, decimals=0, width=85),
        ],
        sort_by="Job",
        no_value="nothing is scraped",
    )


def reached() -> Panel:
    """Which targets were reached when."""
    return timeline(
        title="Reached",
        description=(
            f"Whether Prometheus reached each target: at most {AT_MOST}, those that it reached least within the time "
            "range."
        ),
        queries=[over_time(lowest(_UP, by=TARGET), LEGEND)],
        mappings=_REACHED,
        no_value="nothing is scraped",
    )


def duration() -> Panel:
    """The slowest scrapes."""
    return lines(
        title="Scrapes: duration",
        description=(
            f"How long a scrape took: the {AT_MOST} slowest targets. An exporter answers from what it read last, so "
            "that more than a second is the machine or the network."
        ),
        unit=units.SECONDS,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(_DURATION, by=TARGET), LEGEND)],
    )


def samples() -> Panel:
    """The largest scrapes."""
    return lines(
        title="Scrapes: samples",
        description=(
            f"How many samples a scrape brought: the {AT_MOST} targets with most. It should stay level while the "
            "machine stays as it is."
        ),
        unit=units.COUNT,
        decimals=0,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(_SAMPLES, by=TARGET), LEGEND)],
    )


def series() -> Panel:
    """What Prometheus holds."""
    return lines(
        title="Series in Prometheus",
        description=(
            "Series that Prometheus holds in memory, of everything that it scrapes. It grows with runs and devices, "
            "and should not go on growing."
        ),
        unit=units.COUNT,
        decimals=0,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time("max by (instance) (prometheus_tsdb_head_series)", "{{instance}}")],
        no_value="Prometheus does not scrape itself",
    )
