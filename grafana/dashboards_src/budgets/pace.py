"""How fast budgets are spent: the way down to the period's end, the burn rate, and the time that is left."""

from collections.abc import Callable

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.budgets.selection import FORECAST, IDENTITY, LIMIT, NAME, SPENT, budgets, moment
from dashboards_src.layer import units
from dashboards_src.layer.curves import curves
from dashboards_src.layer.fields import dashed
from dashboards_src.layer.panels import LAST, MAX, MEAN, MIN, lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.shared.ranking import highest, lowest, where_highest

_AT_MOST = 6
_LOWEST = -0.5
"""So far below zero a forecast is drawn: one of ten times the limit would leave nothing to see of the others."""


def burn_down() -> Panel:
    """What is left, from the period's beginning over now to its end."""
    end = moment("end")
    shown = f"and on ({IDENTITY}) topk({_AT_MOST}, {SPENT} / {LIMIT} and on ({IDENTITY}) {end})"
    course = [
        (f"{moment('start')} {shown}", f"{LIMIT} / {LIMIT} {shown}"),
        (f"1000 * time() + 0 * {end} {shown}", f"1 - {SPENT} / {LIMIT} {shown}"),
        (f"{end} {shown}", f"clamp_min(1 - {FORECAST} / {LIMIT}, {_LOWEST}) {shown}"),
    ]
    plan = [
        (f"min by (period) ({moment('start')} {shown})", f"group by (period) ({LIMIT} {shown})"),
        (f"max by (period) ({end} {shown})", f"0 * group by (period) ({LIMIT} {shown})"),
    ]
    ways = [(_named("$1 $2 $3", "budget", "currency", "instance"), course), (_named("even, a $1", "period"), plan)]
    x, y = (
        " or ".join(
            f'label_replace({named(point[axis])}, "point", "{number}", "", "")'
            for named, way in ways
            for number, point in enumerate(way)
        )
        for axis in (0, 1)
    )
    return curves(
        title="Burn-down to the period's end",
        description=(
            f"What is left of the limit until the period ends, of the {_AT_MOST} budgets of which most is gone: from "
            "all of it at the beginning to what is left now, and on to what is left at the end by forecast (drawn down "
            f"to {_LOWEST:.0%}); below zero the limit is passed. Even: spent so that it lasts just to the end. Budgets "
            "of single runs have no period."
        ),
        unit=units.RATIO,
        x_unit=units.DAY_AND_TIME,
        x_title="time",
        y_title="left",
        by="curve",
        x=rows(x),
        y=rows(y),
        no_value="no budget with a period is set",
    )


def _named(words: str, *labels: str) -> Callable[[str], str]:
    """Gives series a label ``curve`` made of their `labels`, which stand for $1, $2 … in `words`."""
    pattern = ";".join("(.*)" for _ in labels)
    listed = ", ".join(f'"{label}"' for label in labels)
    return lambda expr: (
        f'label_replace(label_join({expr}, "curve", ";", {listed}), "curve", "{words}", "curve", "{pattern}")'
    )


def left() -> Panel:
    """Money left over time."""
    return lines(
        title="Left",
        description="What is left of the limit, over time; below zero it is passed. The budgets of which most is gone.",
        unit=units.MONEY,
        decimals=2,
        legend=(LAST, MIN),
        queries=[over_time(where_highest(f"{LIMIT} - {SPENT}", f"{SPENT} / {LIMIT}", IDENTITY), NAME)],
        no_value="no budget is set",
    )


def burn_rate() -> Panel:
    """Burn by two windows."""
    plan = budgets("budget:taximeter_budget_plan_per_hour:mean")
    return lines(
        title="Burn rate",
        description=(
            "How many times faster money goes than would last just to the period's end, over the last hour and "
            "(dashed) the last six: 1 is on plan. Alerts speak from 14.4 over one hour, and from 6 over six. The "
            "highest. From Taximeter's rules (prometheus/rules)."
        ),
        unit=units.COUNT,
        decimals=1,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time(
                highest(f"{budgets(f'budget:taximeter_budget_spent_per_hour:rate{window}')} / {plan}", IDENTITY),
                f"{NAME} {window}",
            )
            for window in ("1h", "6h")
        ],
        no_value="no budget's period is old enough, or Taximeter's rules are not loaded",
        overrides=[dashed(" 6h$")],
    )


def spending_rate() -> Panel:
    """Money per hour by budget."""
    return lines(
        title="Spent per hour",
        description=(
            "What each budget's scope spends by the hour, over half an hour; the highest. From Taximeter's rules "
            "(prometheus/rules), out of the ledger's own sums."
        ),
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[over_time(highest(budgets("budget:taximeter_budget_spent_per_hour:rate30m"), IDENTITY), NAME)],
        no_value="no budget's period is old enough, or Taximeter's rules are not loaded",
    )


def runway() -> Panel:
    """How long the money lasts."""
    hours = budgets("budget:taximeter_budget_runway:hours")
    return lines(
        title="Runway",
        description=(
            "How long what is left lasts at the rate of the last half hour, if that is less than 90 days. Alerts speak "
            "from 2 hours, if the period does not end before. The shortest. From Taximeter's rules (prometheus/rules)."
        ),
        unit=units.SECONDS,
        minimum=0,
        legend=(LAST, MIN),
        queries=[over_time(lowest(f"3600 * ({hours} < 90 * 24)", IDENTITY), NAME)],
        no_value="nothing is spent, or Taximeter's rules are not loaded",
    )
