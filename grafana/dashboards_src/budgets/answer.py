"""The head of the dashboard: which budgets are over, which will be, and how much of each is gone."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.budgets.selection import FORECAST, LIMIT, NAME, SPENT
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import NO_COLOUR, beyond, colours_of_counts, good_until
from dashboards_src.layer.panels import bars, values
from dashboards_src.layer.queries import now

_AT_MOST = 6


def how_many() -> Panel:
    """Budgets by how they stand."""
    over = f"{SPENT} >= {LIMIT}"
    will_be = f"{FORECAST} > {LIMIT} and {SPENT} < {LIMIT}"
    fine = f"{LIMIT} > {SPENT} unless {FORECAST} > {LIMIT}"
    none = f"0 * count({LIMIT})"
    return values(
        title="How budgets stand",
        description=(
            "Over: the limit is used up. Will be over: by the present rate and the recent past, before the period "
            "ends. Within: neither, or too young for a forecast."
        ),
        unit=units.COUNT,
        background=True,
        steps=NO_COLOUR,
        queries=[
            now(f"count({over}) or {none}", "over"),
            now(f"count({will_be}) or {none}", "will be over"),
            now(f"count({fine}) or {none}", "within"),
        ],
        no_value="no budget is set",
        overrides=colours_of_counts({"over": colours.BAD, "will be over": colours.WARNING, "within": colours.GOOD}),
    )


def spent() -> Panel:
    """Each budget's spent share of its limit."""
    return _of_limit(
        "Spent, of the limit",
        "What was spent in the period that runs now.",
        f"{SPENT} / {LIMIT}",
    )


def forecast() -> Panel:
    """Each budget's forecast share of its limit."""
    return _of_limit(
        "Forecast, of the limit",
        "What will have been spent when the period ends, by the present rate and the recent past.",
        f"{FORECAST} / {LIMIT}",
    )


def _of_limit(title: str, meaning: str, share: str) -> Panel:
    return bars(
        title=title,
        description=f"{meaning} The {_AT_MOST} highest of the chosen budgets; orange from 80%, vermillion from 100%.",
        unit=units.RATIO,
        decimals=0,
        maximum=1,
        steps=good_until(0.8, 1),
        mappings=beyond(10, "> 1,000%"),
        queries=[now(f"topk({_AT_MOST}, {share})", NAME)],
        no_value="no budget is set",
    )
