"""The head of the dashboard: what is paid for the GPUs that are here, and what the same would cost elsewhere."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import NO_COLOUR, colours_of_counts, good_until, watched
from dashboards_src.layer.panels import values
from dashboards_src.layer.queries import now, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.providers.selection import (
    MARKET,
    MUCH,
    OFFER_AS_OF,
    OLD,
    TERMS,
    TERMS_OF_COLUMNS,
    WORTH_A_LOOK,
    cheapest,
    cheapest_offer,
    gpus,
    of_all_gpus,
    offers,
    paid,
    prices,
    simulated_by_name,
)
from dashboards_src.shared.columns import SIMULATED

_NO_GPU = "no GPU that the catalog of prices knows"
_SAVED = f"(1 - {of_all_gpus(cheapest(MARKET))} / {paid(MARKET)})"


def paid_now() -> Panel:
    """Money per hour for the GPUs that are here."""
    return values(
        title="Paid now",
        description="What the chosen hosts' GPUs cost per hour at this moment, by model.",
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        queries=[now(f"max by ({MARKET}) ({simulated_by_name(paid(MARKET))})", "{{gpu_model}} ({{currency}})")],
        no_value=_NO_GPU,
    )


def cheapest_on_same_terms() -> Panel:
    """Money per hour for the same GPUs by the cheapest offer that is like what is paid for now."""
    terms = f"{MARKET}, pricing_model"
    same = f"sum by ({MARKET}) ({of_all_gpus(cheapest(terms), by=terms)})"
    return values(
        title="Cheapest on the same terms",
        description=(
            "What the same GPUs would cost per hour at the cheapest provider on the terms on which they are paid for "
            "now: spot for spot, on demand for on demand. It may be the present one."
        ),
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        queries=[now(f"max by ({MARKET}) ({simulated_by_name(same)})", "{{gpu_model}} ({{currency}})")],
        no_value="no offer on the same terms",
    )


def cheapest_of_all() -> Panel:
    """Money per hour for the same GPUs by the cheapest offer of all."""
    price = of_all_gpus(cheapest_offer(prices()))
    return values(
        title="Cheapest on any terms",
        description=(
            "What the same GPUs would cost per hour by the cheapest offer of all, whatever its terms: spot may be "
            "taken away, a reservation binds for years. It may be the present one. The filter Provider "
            "leaves only those that are an option; how old its price is stands among all offers."
        ),
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        queries=[
            now(
                f"max by ({MARKET}, cheapest) ({simulated_by_name(price)})",
                "{{gpu_model}}: {{cheapest}} ({{currency}})",
            )
        ],
        no_value="no offer",
    )


def saved() -> Panel:
    """The part of the money that the cheapest offer would save."""
    return values(
        title="Could be saved",
        description=(
            "The part of what is paid now that the cheapest offer on any terms would save; below zero what is paid "
            "now is cheaper than every offer. Orange from 10%, vermillion from 30%. Moving costs, too, and is not "
            "counted."
        ),
        unit=units.RATIO,
        decimals=0,
        background=True,
        steps=good_until(WORTH_A_LOOK, MUCH),
        queries=[now(f"max by ({MARKET}) ({simulated_by_name(_SAVED)})", "{{gpu_model}} ({{currency}})")],
        no_value="nothing to compare",
    )


def ages() -> Panel:
    """How many of the offers have a price that can be trusted."""
    age = f"time() - {offers(OFFER_AS_OF)}"
    known = prices()
    return values(
        title="Prices by age",
        description=(
            "How many of the offers have a price of the last 90 days, an older one, and one whose source has no date. "
            "An old price says little; a new catalog brings newer ones (taximeter-exporter prices)."
        ),
        unit=units.COUNT,
        background=True,
        steps=NO_COLOUR,
        queries=[
            now(f"count ({age} < {OLD}) or 0 * count ({known})", "new"),
            now(f"count ({age} >= {OLD}) or 0 * count ({known})", "old"),
            now(f"count ({known} unless {offers(OFFER_AS_OF)}) or 0 * count ({known})", "undated"),
        ],
        no_value="no offer",
        overrides=colours_of_counts({"new": colours.GOOD, "old": colours.WARNING, "undated": colours.WARNING}),
    )


def here_and_elsewhere() -> Panel:
    """What is paid, and the cheapest offer on each kind of terms."""
    holding = f"{MARKET}, {TERMS}"
    count = gpus(holding)
    on_terms = [
        rows(f"{count} * on ({MARKET}) group_left () {cheapest(MARKET, terms)}") for terms in TERMS_OF_COLUMNS.values()
    ]
    saved = f"({paid(holding)} - {count} * on ({MARKET}) group_left () {cheapest(MARKET)})"
    return table(
        title="These GPUs, here and elsewhere",
        description=(
            "What the chosen hosts' GPUs cost per hour, and what as many of the same model would cost by the cheapest "
            "offer on each kind of terms; among the reserved are capacity blocks. To save: by the cheapest of all."
        ),
        queries=[
            rows(count),
            rows(f"{paid(holding)} / {count}"),
            rows(paid(holding)),
            *on_terms,
            rows(saved),
            rows(f"{saved} / {paid(holding)}"),
            rows(f"{count} * on ({MARKET}) group_left (cheapest) {cheapest_offer(prices())}"),
        ],
        columns=[
            Column("gpu_model", "GPU", width=58),
            Column("Value #A", "GPUs", units.COUNT, decimals=0, width=58),
            Column("Value #C", "Paid now", units.MONEY_PER_HOUR, decimals=2, width=80),
            Column("Value #H", "To save", units.MONEY_PER_HOUR, decimals=2, width=88),
            Column("Value #I", "Saved", units.RATIO, decimals=0, steps=watched(WORTH_A_LOOK, MUCH), width=60),
            Column("cheapest", "Cheapest at"),
            *(
                Column(f"Value #{letter}", title, units.MONEY_PER_HOUR, decimals=2, width=93)
                for letter, title in zip("DEFG", TERMS_OF_COLUMNS, strict=True)
            ),
            Column("Value #B", "Per GPU", units.MONEY_PER_HOUR, decimals=2, width=72),
            Column("provider", "Provider", width=85),
            Column("instance_type", "Machine", width=107),
            Column("pricing_model", "Terms", width=90),
            Column("currency", "Currency", width=80),
            SIMULATED,
        ],
        sort_by="To save",
        descending=True,
        no_value=_NO_GPU,
    )
