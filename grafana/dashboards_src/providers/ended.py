"""Runs that ended: what they have cost, and what the same time on the same GPUs would have cost elsewhere."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import units
from dashboards_src.layer.fields import watched
from dashboards_src.layer.queries import rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import CURRENCY, HOST, MIG_INSTANCE, RUN, kept, kept_of_project, select
from dashboards_src.providers.market import CHEAPER, OFFER_COLUMNS, of_the_day, source_columns
from dashboards_src.providers.selection import (
    GPU_MODEL,
    MARKET,
    MODEL_INFO,
    MUCH,
    OFFER_AS_OF,
    OFFER_PRICE,
    TERMS_OF_COLUMNS,
    WORTH_A_LOOK,
    cheapest_offer,
    offers,
)
from dashboards_src.shared.columns import SIMULATED
from dashboards_src.shared.links import TO_RUN
from dashboards_src.shared.ranking import ROWS

_ASSUMPTION = (
    "Reckoned as the same device time on GPUs of the same model, at today's prices; a host's runs are taken to be on "
    "its GPUs, so only hosts count whose GPUs are all of one model and have no MIG instances."
)
_NO_RUN = "no run ended on a GPU that is offered"


def _model_of_host() -> str:
    """Hosts all of whose GPUs were of one model; they may be gone."""
    models = f"group by (instance, gpu_model) ({kept(select(MODEL_INFO, HOST))})"
    of_several = f"count by (instance) ({models}) > 1"
    divided = kept(select(MODEL_INFO, HOST, MIG_INSTANCE))
    chosen = f"group by (instance, gpu_model) ({kept(select(MODEL_INFO, HOST, GPU_MODEL))})"
    return f"({chosen} unless on (instance) {of_several} unless on (instance) {divided})"


def _of_model(series: str) -> str:
    """`series` by host with the model of the host's GPUs."""
    return f"({series}) * on (instance) group_left (gpu_model) {_model_of_host()}"


_ENDED = kept(select("taximeter_run_end_timestamp_seconds", RUN))
_COST = f"""(max by (instance, run, currency, simulated)
{kept_of_project(select("taximeter_run_cost_total", RUN, HOST, CURRENCY))} and on (run) {_ENDED})"""
_SECONDS = f"max by (instance, run) {kept_of_project(select('taximeter_run_device_seconds_total', RUN, HOST))}"


def cost(by: str) -> str:
    """Money of the chosen runs that ended."""
    return f"sum by ({by}) ({_of_model(_COST)})"


def hours(by: str) -> str:
    """Their device time in hours."""
    seconds = f"({_COST} * 0 + 1) * on (instance, run) group_left () {_SECONDS}"
    return f"sum by ({by}) ({_of_model(seconds)}) / 3600"


def offered(metric: str, *matchers: str) -> str:
    """What a metric says of each offer now, or where no host has such GPUs any more what it said last."""
    before = offers(metric, *matchers, look=kept)
    return f"({offers(metric, *matchers)} or {before} unless on (gpu_model, simulated) {select(MODEL_INFO, HOST)})"


def of_each_run() -> Panel:
    """Each run by the cheapest offer on each kind of terms."""
    run = f"run, {MARKET}"
    dearest = f"topk({ROWS}, {cost(run)})"
    shown = f"and on (run) {dearest}"
    first = cheapest_offer(offered(OFFER_PRICE))
    elsewhere = f"{hours(run)} * on ({MARKET}) group_left (cheapest) {first}"
    saved = f"({cost(run)} - on ({run}) sum by ({run}) ({elsewhere}))"
    on_terms = (f"min by ({MARKET}) ({offered(OFFER_PRICE, terms)})" for terms in TERMS_OF_COLUMNS.values())
    identity = kept(select("taximeter_run_info", RUN))
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
            rows(f"max by (run, model) ({identity}) {shown}"),
        ],
        columns=[
            Column("run", "Run", link=TO_RUN),
            Column("model", "Model", width=135),
            Column("gpu_model", "GPU", width=68),
            Column("Value #B", "Device time", units.SECONDS, decimals=1, width=100),
            Column("Value #A", "Cost", units.MONEY, decimals=2, width=62),
            *(
                Column(f"Value #{letter}", title, units.MONEY, decimals=2, width=93)
                for letter, title in zip("CDEF", TERMS_OF_COLUMNS, strict=True)
            ),
            Column("Value #G", "To save", units.MONEY, decimals=2, width=80),
            Column("Value #H", "Saved", units.RATIO, decimals=0, steps=watched(WORTH_A_LOOK, MUCH), width=70),
            Column("cheapest", "Cheapest at", width=145),
            Column("currency", "Currency", width=80),
            SIMULATED,
        ],
        sort_by="To save",
        descending=True,
        no_value=_NO_RUN,
    )


def by_offer() -> Panel:
    """The chosen runs together, at each offer."""
    would = f"{offered(OFFER_PRICE)} * on ({MARKET}) group_left () ({hours(MARKET)})"
    return table(
        title="These runs by each offer",
        description=(
            "What the chosen runs that ended would have cost together by each offer for their GPUs, and its difference "
            f"from what they have cost; choose one run above to see it alone. {_ASSUMPTION}"
        ),
        queries=[
            rows(would),
            rows(f"({would}) / on ({MARKET}) group_left () {cost(MARKET)} - 1"),
            rows(f"{of_the_day(offered(OFFER_AS_OF))} and on ({MARKET}) {cost(MARKET)}"),
            rows(f"time() - {offered(OFFER_AS_OF)} and on ({MARKET}) {cost(MARKET)}"),
            rows(f"{offered(OFFER_PRICE)} * 0 + on ({MARKET}) group_left () {cost(MARKET)}"),
        ],
        columns=[
            *OFFER_COLUMNS,
            Column("Value #A", "Would cost", units.MONEY, decimals=2, width=95),
            Column("Value #E", "Did cost", units.MONEY, decimals=2, width=80),
            Column("Value #B", "Difference", units.RATIO, decimals=0, steps=CHEAPER, width=85),
            *source_columns(as_of="C", age="D"),
            Column("currency", "Currency", width=80),
            SIMULATED,
        ],
        sort_by="Would cost",
        no_value=_NO_RUN,
    )
