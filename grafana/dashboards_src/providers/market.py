"""All offers for the GPUs that are here: each with its price, its date and its source."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.barcharts import grouped_bars
from dashboards_src.layer.fields import dashed, watched, words
from dashboards_src.layer.panels import LAST, MAX, MIN, lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.providers.selection import (
    DAY_SECONDS,
    MARKET,
    OFFER_AS_OF,
    OFFER_PRICE,
    OLD,
    TOO_OLD,
    gpus,
    of_all_gpus,
    offers,
    paid,
    prices,
    simulated_by_name,
)
from dashboards_src.shared.columns import SIMULATED
from dashboards_src.shared.ranking import AT_MOST

_LOOKED_AT_EVERY = "1m"
_MOMENTS = 100
"""Prices change at most every quarter of an hour, and each moment joins all devices of the fleet with their offers."""
_NO_OFFER = "no offer for the GPUs that are here"
CHEAPER = ((None, colours.GOOD), (0, "text"))
"""Of a difference in price, of a cell of a table."""
_CONFIDENCE = words({"low": ("rounded", colours.WARNING), "as_stated": ("as stated", "transparent")})

OFFER_COLUMNS = (
    Column("offered", "GPU", width=70),
    Column("provider", "Provider", width=88),
    Column("pricing_model", "Terms", width=116),
)
"""What is offered, by whom and how it is paid for; a phone has room for its price beside these."""
MACHINE_COLUMNS = (
    Column("region", "Region", width=92),
    Column("instance_type", "Machine", width=140),
    Column("gpus", "GPUs", width=58),
)
"""What has to be rented for it."""


def source_columns(as_of: str, age: str) -> list[Column]:
    """How far a price can be trusted: its date and age, from queries of these letters, and where it was read."""
    return [
        Column(f"Value #{as_of}", "Price of", units.DAY, width=92, missing="undated"),
        Column(f"Value #{age}", "Age", units.SECONDS, decimals=0, steps=watched(OLD, TOO_OLD), width=85),
        Column("confidence", "Figure", mappings=_CONFIDENCE, width=82),
        Column("source", "Source", long=True),
    ]


def of_the_day(as_of: str) -> str:
    """Moments in seconds at the beginning of a UTC day as milliseconds at its noon: the same day almost everywhere."""
    return f"1000 * ({as_of} + {DAY_SECONDS // 2})"


def all_offers() -> Panel:
    """Each offer in numbers."""
    for_all = of_all_gpus(prices())
    return table(
        title="All offers",
        description=(
            "For the models of GPU that are here the cheapest machine of each provider on each of its terms. For all: "
            "as many GPUs as are here, and its difference from what is paid for them now. The age is orange from 90 "
            "days, vermillion from 180. Rounded: the source gives a rounded figure or a range."
        ),
        queries=[
            rows(prices()),
            rows(for_all),
            rows(f"({for_all}) / on ({MARKET}) group_left () ({paid(MARKET)}) - 1"),
            rows(of_the_day(offers(OFFER_AS_OF))),
            rows(f"time() - {offers(OFFER_AS_OF)}"),
        ],
        columns=[
            *OFFER_COLUMNS,
            Column("Value #A", "Per GPU", units.MONEY_PER_HOUR, decimals=2, width=78),
            Column("Value #B", "For all", units.MONEY_PER_HOUR, decimals=2, width=80),
            Column("Value #C", "Difference", units.RATIO, decimals=0, steps=CHEAPER, width=92),
            *MACHINE_COLUMNS,
            *source_columns(as_of="D", age="E"),
            Column("currency", "Currency", width=80),
            SIMULATED,
        ],
        sort_by="Per GPU",
        no_value=_NO_OFFER,
    )


def by_provider() -> Panel:
    """The price of one GPU by provider and terms, as bars."""
    price = simulated_by_name(f"min by ({MARKET}, provider, pricing_model) ({prices()})")
    return grouped_bars(
        title="Per GPU and hour, by provider",
        description="What one GPU costs per hour at each provider, a bar for each of its terms.",
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        group="provider",
        group_unit=units.TEXT,
        by="offer",
        query=rows(f'sort(label_join({price}, "offer", ", ", "gpu_model", "pricing_model", "currency"))'),
        no_value=_NO_OFFER,
    )


def course() -> Panel:
    """How the cheapest offers and what is paid moved."""
    offer = f"{MARKET}, provider, pricing_model"
    # Ranked once, at the end of the time range, or ever other offers would come and go.
    last = offers(OFFER_PRICE, look=lambda series: f"{series} @ end()")
    lowest = f"min by ({offer}) ({prices()}) and on ({offer}) bottomk({AT_MOST}, min by ({offer}) ({last}))"
    paid_for_one = f"{paid(MARKET)} / {gpus(MARKET)}"
    return lines(
        title="Per GPU and hour, over time",
        description=(
            "What one GPU costs per hour by the twenty cheapest offers, and (dashed) what is paid for one on average. "
            "A step is a newer price."
        ),
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        minimum=0,
        legend=(LAST, MIN, MAX),
        most_points=_MOMENTS,
        queries=[
            over_time(
                f"max by ({offer}) ({simulated_by_name(lowest)})",
                "{{gpu_model}} {{provider}}, {{pricing_model}} ({{currency}})",
                min_step=_LOOKED_AT_EVERY,
            ),
            over_time(
                f"max by ({MARKET}) ({simulated_by_name(paid_for_one)})",
                "{{gpu_model}} paid ({{currency}})",
                min_step=_LOOKED_AT_EVERY,
            ),
        ],
        no_value=_NO_OFFER,
        overrides=[dashed(" paid ")],
    )
