"""What the meter does not know: gaps, time without a price, prices that grow old, work that is nobody's."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.itself.selection import by_instance, of
from dashboards_src.layer import units
from dashboards_src.layer.panels import LAST, MAX, lines
from dashboards_src.layer.queries import over_time
from dashboards_src.promql import rate
from dashboards_src.shared.ranking import AT_MOST, highest


def price_age() -> Panel:
    """The oldest prices."""
    age = by_instance(of("taximeter_price_age_seconds"))
    return lines(
        title="Age of prices",
        description=(
            f"How old the oldest price of an exporter's devices is: the {AT_MOST} oldest; a price without a date has "
            "no age."
        ),
        unit=units.SECONDS,
        decimals=0,
        minimum=0,
        queries=[over_time(highest(age, by="instance"), "{{instance}}")],
        no_value="no price has a date",
    )


def stale() -> Panel:
    """Devices whose price is too old."""
    return lines(
        title="Devices with a stale price",
        description=(
            "Devices whose price is older than price_max_age of their exporter's configuration allows: look it up anew."
        ),
        unit=units.COUNT,
        decimals=0,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(f"sum({of('taximeter_price_stale')})", "devices")],
        no_value="no price",
    )


def unpriced() -> Panel:
    """Devices that cost nobody knows what."""
    return lines(
        title="Devices without a price",
        description="How many devices are metered without a known price: their time is in no cost.",
        unit=units.COUNT,
        decimals=1,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(f"sum({rate(of('taximeter_unpriced_seconds_total'))})", "devices")],
        no_value="no exporter is scraped",
    )


def gaps() -> Panel:
    """Time in which an exporter was down."""
    missing = f"sum by (instance) ({of('taximeter_gap_seconds_total')})"
    return lines(
        title="Gaps",
        description=(
            "Device time in which the exporter was down while the machine was up, since the ledger began: "
            f"the {AT_MOST} exporters with most. By gap_policy it is billed or left out."
        ),
        unit=units.SECONDS,
        decimals=1,
        minimum=0,
        queries=[over_time(highest(missing, by="instance"), "{{instance}}")],
        no_value="no exporter is scraped",
    )


def unattributed() -> Panel:
    """Processes that are no run's."""
    return lines(
        title="Processes that are no run's",
        description=(
            "Processes seen on devices, per hour, that could not be told to be a run's, by the reason; their time is "
            "unattributed."
        ),
        unit=units.PER_HOUR,
        decimals=1,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time(f"3600 * sum by (reason) ({rate(of('taximeter_unattributed_processes_total'))})", "{{reason}}")
        ],
        no_value="none was seen",
    )


def reclaim() -> Panel:
    """Whether notices of reclaim would be seen."""
    watched = of("taximeter_host_reclaim_watched")
    return lines(
        title="Spot machines: notices watched",
        description=(
            "Spot machines on which the exporter can ask the cloud whether the machine will be taken, and those on "
            "which it cannot: there an end comes without warning."
        ),
        unit=units.COUNT,
        decimals=0,
        minimum=0,
        queries=[
            over_time(f"sum by (provider) ({watched})", "{{provider}} watched"),
            over_time(f"count by (provider) ({watched}) - sum by (provider) ({watched})", "{{provider}} not watched"),
        ],
        no_value="no spot machine",
    )
