"""The same money told apart by what it was spent on: now by the hour, today, and this month so far."""

from collections.abc import Sequence

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.cost_now.selection import HOST, IDLE, named, price, price_by_model, recorded_per_hour, spent
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import watched, words
from dashboards_src.layer.links import address
from dashboards_src.layer.queries import Query, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import select

_CURRENCY = Column("currency", "Currency", width=80)
_OF_LEDGER = "Today and this month are the ledgers', in the time zone that each exporter's budgets agree on, else UTC."


def _amounts(label: str, per_hour: str) -> list[Query]:
    return [
        rows(f"sum by ({label}, currency) ({per_hour})"),
        rows(f"sum by ({label}, currency) ({spent('day')})"),
        rows(f"sum by ({label}, currency) ({spent('month')})"),
        rows(f"sum by ({label}, currency) ({spent('month', *IDLE)})"),
    ]


def _columns(*, idle: bool = True) -> list[Column]:
    columns = [
        Column("Value #A", "Per hour now", units.MONEY, decimals=2, width=115),
        Column("Value #B", "Today", units.MONEY, decimals=2, width=90),
        Column("Value #C", "This month", units.MONEY, decimals=2, width=105),
    ]
    if idle:
        columns.append(Column("Value #D", "Idle this month", units.MONEY, decimals=2, width=130))
    return [*columns, _CURRENCY]


def _of_devices(reading: str) -> str:
    """What GPUs say, or the host where it is itself the device."""
    return " or ".join(select(f"taximeter_{kind}_{reading}", HOST) for kind in ("gpu", "host"))


def by_project() -> Panel:
    """A row for each project."""
    amounts = _amounts("project", recorded_per_hour())[:3]
    return table(
        title="By project",
        description=f"No run: idle and unattributed time, gaps, volumes; over all chosen hosts. {_OF_LEDGER}",
        queries=[rows(named(query.expr, "project", "no run")) for query in amounts],
        columns=[Column("project", "Project"), *_columns(idle=False)],
        sort_by="This month",
        descending=True,
        no_value="nothing spent",
    )


def by_host() -> Panel:
    """A row for each host."""

    def seconds(metric: str) -> str:
        return f"sum by (instance) ({select(metric, HOST)})"

    return table(
        title="By host",
        description=(
            f"Away: Prometheus does not reach the exporter. {_OF_LEDGER} In use: the mean utilisation "
            "of its devices. Gaps: device time since the ledger began in which the exporter was down while the machine "
            "was up; unpriced: for which no price was known."
        ),
        queries=[
            *_amounts("instance", price()),
            rows(f"avg by (instance) ({_of_devices('utilization_ratio')})"),
            rows(
                f"""sum by (instance) ({_of_devices("memory_used_bytes")})
                / sum by (instance) ({_of_devices("memory_total_bytes")})"""
            ),
            rows(f"""max by (instance) ({select("up", 'job="taximeter-exporter"', HOST)})"""),
            rows(seconds("taximeter_gap_seconds_total")),
            rows(seconds("taximeter_unpriced_seconds_total")),
            rows(
                f"""1000 * max by (instance, timezone)
                ({select("taximeter_period_start_timestamp_seconds", 'period="day"', HOST)})"""
            ),
        ],
        columns=[
            Column(
                "instance", "Host", link=(address("taximeter-gpus", instance="${__value.text}"), "GPUs of this host")
            ),
            Column(
                "Value #G",
                "State",
                mappings=words({"1": ("here", "transparent"), "0": ("away", colours.BAD)}, missing="away"),
                width=75,
            ),
            *_columns(),
            Column("Value #E", "In use", units.RATIO, decimals=0, width=75),
            Column("Value #F", "Memory", units.RATIO, decimals=0, width=75),
            Column("Value #H", "Gaps", units.SECONDS, decimals=0, steps=watched(1, 3600), width=80),
            Column("Value #I", "Unpriced", units.SECONDS, decimals=0, steps=watched(1, 3600), width=90),
            Column("Value #J", "Day began", units.MOMENT, width=165),
            Column("timezone", "Time zone", width=110),
        ],
        sort_by="This month",
        descending=True,
        no_value="no exporter is scraped",
    )


def by_model() -> Panel:
    """A row for each model of device."""
    return _by("model", "By GPU model", "Model", price_by_model())


def by_provider() -> Panel:
    """A row for each provider."""
    return _by("provider", "By provider", "Provider", price())


def by_terms() -> Panel:
    """A row for each pricing model."""
    return _by("pricing_model", "By pricing model", "Terms", price())


def _by(label: str, title: str, head: str, per_hour: str) -> Panel:
    return table(
        title=title,
        description=f"What the devices cost; this month volumes and transfer, too. {_OF_LEDGER}",
        queries=_amounts(label, per_hour),
        columns=[Column(label, head), *_columns()],
        sort_by="This month",
        descending=True,
        no_value="nothing spent",
    )


def prices() -> Panel:
    """The prices in force."""
    by = "provider, region, instance_type, pricing_model, currency"
    by_device = f"max by (instance, uuid, {by}) ({price()})"

    def of_price(metric: str) -> str:
        return f"max by ({by}) (0 * {by_device} + on (instance, uuid) group_left () max by (instance, uuid) ({metric}))"

    return table(
        title="Prices",
        description=(
            "What one device costs per hour at this moment, the dearest where they differ, how many there are, and how "
            "old the price is."
        ),
        queries=[
            rows(f"max by ({by}) ({price()})"),
            rows(f"count by ({by}) ({price()})"),
            rows(of_price(select("taximeter_price_age_seconds", HOST))),
            rows(of_price(select("taximeter_price_stale", HOST))),
        ],
        columns=_price_columns(),
        sort_by="Per hour",
        descending=True,
        no_value="no device has a price",
    )


def _price_columns() -> Sequence[Column]:
    return [
        Column("provider", "Provider"),
        Column("region", "Region"),
        Column("instance_type", "Instance type"),
        Column("pricing_model", "Terms"),
        Column("Value #A", "Per hour", units.MONEY, decimals=2, width=95),
        Column("currency", "Currency", width=80),
        Column("Value #B", "Devices", units.COUNT, width=75),
        Column("Value #C", "Age", units.SECONDS, decimals=0, width=90),
        Column(
            "Value #D",
            "Too old",
            mappings=words({"1": ("too old", colours.WARNING), "0": ("no", "transparent")}),
            width=75,
        ),
    ]
