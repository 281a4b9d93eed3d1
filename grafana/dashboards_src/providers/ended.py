"""Runs that ended: what they have cost, and what the same time on the same GPUs would have cost elsewhere."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import units
from dashboards_src.layer.fields import watched
from dashboards_src.layer.queries import rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import HOST
from dashboards_src.providers import past
from dashboards_src.providers.market import CHEAPER, MACHINE_COLUMNS, OFFER_COLUMNS, of_the_day, source_columns
from dashboards_src.providers.selection import (
    GPU_MODEL,
    MARKET,
    MUCH,
    OFFER_AS_OF,
    OFFER_PRICE,
    TERMS_OF_COLUMNS,
    WORTH_A_LOOK,
    cheapest_offer,
)
from dashboards_src.shared.columns import SIMULATED
from dashboards_src.shared.links import TO_RUN
from dashboards_src.shared.ranking import ROWS

_ASSUMPTION = (
    "Reckoned as the same device time on GPUs of the same model, at today's prices; a host's runs are taken to be on "
    "its GPUs, so only hosts count whose GPUs are all of one model and have no MIG instances."
)
_NO_RUN = "no run ended on a GPU that is offered, or Taximeter's rules are not loaded"


_OFFERED = (HOST, GPU_MODEL, 'gpu_model!=""')


def cost(by: str) -> str:
    """Money of the chosen runs that ended."""
    return f"sum by ({by}) {past.ended(past.COST, *_OFFERED)}"


def hours(by: str) -> str:
    """Their device time in hours."""
    return f"sum by ({by}) {past.ended(past.DEVICE_SECONDS, *_OFFERED)} / 3600"


def of_each_run() -> Panel:
    """Each run by the cheapest offer on each kind of terms."""
    run = f"run, {MARKET}"
    dearest = f"topk({ROWS}, {cost(f'{run}, model')})"
    shown = f"and on (run) {dearest}"
    first = cheapest_offer(past.offered(OFFER_PRICE))
    elsewhere = f"{hours(run)} * on ({MARKET}) group_left (cheapest) {first}"
    saved = f"({cost(run)} - on ({run}) sum by ({run}) ({elsewhere}))"
    on_terms = (f"min by ({MARKET}) ({past.offered(OFFER_PRICE, terms)})" for terms in TERMS_OF_COLUMNS.values())
    return table(
        title="Runs that ended, here and elsewhere",
        description=(
            f"The {ROWS} dearest of the chosen runs that ended: what each has cost, and what it would have cost by the "
            f"cheapest offer on each kind of terms; among the reserved are capacity blocks. {_ASSUMPTION}"
        ),
        queries=[
            rows(dearest),
            rows(f"3600 * {hours(run)} {shown}"),
            *(rows(f"{hours(run)} * on ({MARKET}) group_left () {price} {shown}") for price in on_terms),
            rows(f"{saved} {shown}"),
            rows(f"{saved} / {cost(run)} {shown}"),
            rows(f"{elsewhere} {shown}"),
        ],
        columns=[
            Column("run", "Run", link=TO_RUN),
            Column("Value #A", "Cost", units.MONEY, decimals=2, width=62),
            Column("Value #G", "To save", units.MONEY, decimals=2, width=95),
            Column("Value #H", "Saved", units.RATIO, decimals=0, steps=watched(WORTH_A_LOOK, MUCH), width=70),
            Column("cheapest", "Cheapest at", width=145),
            *(
                Column(f"Value #{letter}", title, units.MONEY, decimals=2, width=93)
                for letter, title in zip("CDEF", TERMS_OF_COLUMNS, strict=True)
            ),
            Column("model", "Model", width=135),
            Column("gpu_model", "GPU", width=68),
            Column("Value #B", "Device time", units.SECONDS, decimals=1, width=100),
            Column("currency", "Currency", width=80),
            SIMULATED,
        ],
        sort_by="To save",
        descending=True,
        no_value=_NO_RUN,
    )


def by_offer() -> Panel:
    """The chosen runs together, at each offer."""
    would = f"{past.offered(OFFER_PRICE)} * on ({MARKET}) group_left () ({hours(MARKET)})"
    return table(
        title="These runs by each offer",
        description=(
            "What the chosen runs that ended would have cost together by each offer for their GPUs, and its difference "
            f"from what they have cost; choose one run above to see it alone. {_ASSUMPTION}"
        ),
        queries=[
            rows(would),
            rows(f"({would}) / on ({MARKET}) group_left () {cost(MARKET)} - 1"),
            rows(f"{of_the_day(past.offered(OFFER_AS_OF))} and on ({MARKET}) {cost(MARKET)}"),
            rows(f"time() - {past.offered(OFFER_AS_OF)} and on ({MARKET}) {cost(MARKET)}"),
            rows(f"{past.offered(OFFER_PRICE)} * 0 + on ({MARKET}) group_left () {cost(MARKET)}"),
        ],
        columns=[
            *OFFER_COLUMNS,
            Column("Value #A", "Would cost", units.MONEY, decimals=2, width=94),
            Column("Value #E", "Did cost", units.MONEY, decimals=2, width=75),
            Column("Value #B", "Difference", units.RATIO, decimals=0, steps=CHEAPER, width=90),
            *MACHINE_COLUMNS,
            *source_columns(as_of="C", age="D"),
            Column("currency", "Currency", width=80),
            SIMULATED,
        ],
        sort_by="Would cost",
        no_value=_NO_RUN,
    )
