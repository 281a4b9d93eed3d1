"""The prices by which money is reckoned, and how old they are."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.cost_now.selection import price
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import words
from dashboards_src.layer.queries import rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import HOST, select


def in_force() -> Panel:
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
        columns=[
            Column("provider", "Provider", width=130),
            Column("pricing_model", "Terms", width=130),
            Column("Value #A", "Per hour", units.MONEY, decimals=2, width=95),
            Column("currency", "Currency", width=80),
            Column("region", "Region"),
            Column("instance_type", "Machine"),
            Column("Value #B", "Devices", units.COUNT, width=75),
            Column("Value #C", "Age", units.SECONDS, decimals=0, width=90),
            Column(
                "Value #D",
                "Too old",
                mappings=words({"1": ("too old", colours.WARNING), "0": ("no", "transparent")}),
                width=75,
            ),
        ],
        sort_by="Per hour",
        descending=True,
        no_value="no device has a price",
    )
