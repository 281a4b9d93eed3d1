"""The same money told apart by what it was spent on: now by the hour, today, and this month so far."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.cost_now.selection import IDLE, named, price, price_by_model, spent
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import watched, words
from dashboards_src.layer.links import address
from dashboards_src.layer.queries import Query, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import CURRENCY, EXPORTER, HOST, PROJECT, select
from dashboards_src.shared.links import TO_GPUS_OF_HOST

_CURRENCY = Column("currency", "Currency", width=78)
_OF_LEDGER = (
    "Per hour: now. Today and this month are the ledgers', in the time zone that each exporter's budgets agree on, "
    "else UTC."
)
_IDLE = "Idle: the part of this month's for devices that no run had and that were not in use."


def _amounts(label: str, per_hour: str) -> list[Query]:
    return [
        rows(f"sum by ({label}, currency) ({per_hour})"),
        rows(f"sum by ({label}, currency) ({spent('day')})"),
        rows(f"sum by ({label}, currency) ({spent('month')})"),
        rows(f"sum by ({label}, currency) ({spent('month', *IDLE)})"),
    ]


def _columns(*, idle: bool = True) -> list[Column]:
    columns = [
        Column("Value #A", "Per hour", units.MONEY, decimals=2, width=80),
        Column("Value #B", "Today", units.MONEY, decimals=2, width=75),
        Column("Value #C", "This month", units.MONEY, decimals=2, width=110),
    ]
    if idle:
        columns.append(Column("Value #D", "Idle", units.MONEY, decimals=2, width=70))
    return [*columns, _CURRENCY]


def _of_devices(reading: str) -> str:
    """What GPUs say, or the host where it is itself the device."""
    return " or ".join(select(f"taximeter_{kind}_{reading}", HOST) for kind in ("gpu", "host"))


def by_project() -> Panel:
    """A row for each project."""
    amounts = _amounts("project", select("project:taximeter_cost_per_hour:rate1m", PROJECT, CURRENCY))[:3]
    return table(
        title="By project",
        description=f"No run: idle and unattributed time, gaps, volumes. {_OF_LEDGER}",
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
            f"Away: Prometheus does not reach the exporter. {_OF_LEDGER} {_IDLE} In use: the mean utilisation "
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
            rows(f"max by (instance) ({select('up', EXPORTER, HOST)})"),
            rows(seconds("taximeter_gap_seconds_total")),
            rows(seconds("taximeter_unpriced_seconds_total")),
            rows(
                f"""1000 * max by (instance, timezone)
                ({select("taximeter_period_start_timestamp_seconds", 'period="day"', HOST)})"""
            ),
        ],
        columns=[
            Column("instance", "Host", link=TO_GPUS_OF_HOST),
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
            Column("Value #J", "Day began", units.MOMENT, width=190),
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
    link = (address("taximeter-providers"), "What these GPUs would cost elsewhere")
    return _by("provider", "By provider", "Provider", price(), link=link)


def by_terms() -> Panel:
    """A row for each pricing model."""
    return _by("pricing_model", "By pricing model", "Terms", price())


def _by(label: str, title: str, head: str, per_hour: str, link: tuple[str, str] | None = None) -> Panel:
    return table(
        title=title,
        description=f"What the devices cost; today and this month volumes and transfer, too. {_OF_LEDGER} {_IDLE}",
        queries=_amounts(label, per_hour),
        columns=[Column(label, head, link=link), *_columns()],
        sort_by="This month",
        descending=True,
        no_value="nothing spent",
    )
