"""Whether devices are read, and what was read is booked."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.itself.selection import by_instance, of
from dashboards_src.layer import units
from dashboards_src.layer.panels import LAST, MAX, MIN, lines
from dashboards_src.layer.queries import over_time
from dashboards_src.promql import rate
from dashboards_src.shared.ranking import AT_MOST, highest, lowest

_LEGEND = "{{instance}}"
_NO_EXPORTER = "no exporter is scraped"
_NO_LEDGER = "no exporter that tells of its ledger's file"


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
