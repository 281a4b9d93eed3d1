"""Whether devices are read, and what was read is booked."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.itself.selection import by_instance, of
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import watched, words
from dashboards_src.layer.panels import LAST, MAX, MIN, lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import EXPORTER, HOST, rate, select
from dashboards_src.shared.ranking import AT_MOST, highest, lowest

_LEGEND = "{{instance}}"
_NO_EXPORTER = "no exporter is scraped"
_NO_LEDGER = "no exporter that tells of its ledger's file"
_YES_NO = words({"1": ("yes", colours.GOOD), "0": ("no", colours.BAD)})


def exporters() -> Panel:
    """Each exporter: scraped, collecting, booking; and what it could not meter."""
    return table(
        title="Exporters",
        description=(
            "Up: Prometheus reaches it. Collecting: it reads its devices. Booking: when it last wrote to the ledger. "
            "Gaps are billed time in which the exporter was down while the machine was up; unpriced is time without "
            "a known price, which no cost contains."
        ),
        queries=[
            rows(f"max by (instance) ({select('up', EXPORTER, HOST)})"),
            rows(by_instance(of("taximeter_collect_success"))),
            rows(f"time() - {by_instance(of('taximeter_collect_last_success_timestamp_seconds'))}"),
            rows(f"time() - {by_instance(of('taximeter_ledger_last_write_timestamp_seconds'))}"),
            rows(f"sum by (instance) (increase({of('taximeter_ledger_write_failures_total')}[$__range]))"),
            rows(f"sum by (instance) ({of('taximeter_gap_seconds_total')})"),
            rows(f"sum by (instance) ({of('taximeter_unpriced_seconds_total')})"),
        ],
        columns=[
            Column("instance", "Exporter"),
            Column("Value #A", "Up", mappings=_YES_NO, width=60),
            Column("Value #B", "Collecting", mappings=_YES_NO, width=90),
            Column("Value #C", "Last read", units.SECONDS, decimals=0, steps=watched(15, 60), width=90),
            Column("Value #D", "Last booking", units.SECONDS, decimals=0, steps=watched(30, 60), width=110),
            Column("Value #E", "Failed writes", units.COUNT, steps=watched(1, 1), width=110),
            Column("Value #F", "Gaps", units.SECONDS, decimals=0, steps=watched(1, 3600), width=80),
            Column("Value #G", "Unpriced", units.SECONDS, decimals=0, steps=watched(1, 3600), width=90),
        ],
        sort_by="Exporter",
        no_value="no exporter is scraped",
    )


def duration() -> Panel:
    """How long devices take to answer."""
    return lines(
        title="Reading the devices took",
        description=(
            f"How long the slowest device of an exporter took to answer last: the {AT_MOST} slowest exporters. A "
            "driver that takes longer and longer is about to hang."
        ),
        unit=units.SECONDS,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(by_instance(of("taximeter_collect_duration_seconds")), by="instance"), _LEGEND)],
        no_value=_NO_EXPORTER,
    )


def age() -> Panel:
    """Since when not all devices answer."""
    ago = by_instance(f"time() - {of('taximeter_collect_last_success_timestamp_seconds')}")
    return lines(
        title="All devices answered last",
        description=(
            f"How long ago every device of an exporter had last answered: the {AT_MOST} exporters where that is "
            "longest."
        ),
        unit=units.SECONDS,
        decimals=0,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(ago, by="instance"), _LEGEND)],
        no_value=_NO_EXPORTER,
    )


def last_booking() -> Panel:
    """How long ago the ledger was written."""
    ago = by_instance(f"time() - {of('taximeter_ledger_last_write_timestamp_seconds')}")
    return lines(
        title="Ledger: last written",
        description=f"How long ago the ledger was last written: the {AT_MOST} exporters where that is longest.",
        unit=units.SECONDS,
        decimals=0,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(ago, by="instance"), _LEGEND)],
        no_value=_NO_EXPORTER,
    )


def failed_writes() -> Panel:
    """Writes that were tried again."""
    failures = f"sum by (instance) ({rate(of('taximeter_ledger_write_failures_total'))})"
    return lines(
        title="Ledger: failed writes",
        description=(
            f"Writes to the ledger that failed and were tried again, per second: the {AT_MOST} highest. Any is too "
            "many: look at the disk."
        ),
        unit=units.PER_SECOND,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(failures, by="instance"), _LEGEND)],
        no_value=_NO_EXPORTER,
    )


def room() -> Panel:
    """How much the ledger may still grow."""
    return lines(
        title="Ledger: room left",
        description=(
            f"Room on the ledger's file system: the {AT_MOST} exporters with least. When it is used up, nothing more "
            "is booked."
        ),
        unit=units.BYTES,
        minimum=0,
        legend=(LAST, MIN),
        queries=[over_time(lowest(by_instance(of("taximeter_ledger_free_bytes")), by="instance"), _LEGEND)],
        no_value=_NO_LEDGER,
    )


def size() -> Panel:
    """How large the ledgers are."""
    return lines(
        title="Ledger: size",
        description=(
            f"Size of the ledger with its write-ahead log: the {AT_MOST} largest. It grows with runs and changes, not "
            "with time."
        ),
        unit=units.BYTES,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(highest(by_instance(of("taximeter_ledger_size_bytes")), by="instance"), _LEGEND)],
        no_value=_NO_LEDGER,
    )
