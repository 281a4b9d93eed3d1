"""The head of the dashboard: the answer before any reason."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.cost_now.selection import IDLE, price, spent
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import (
    NO_COLOUR,
    beyond,
    coloured_from,
    colours_of_counts,
    good_until,
    thresholds_of,
    unit_of,
)
from dashboards_src.layer.panels import bars, values
from dashboards_src.layer.queries import Query, now
from dashboards_src.promql import CURRENCY, HOST, firing_alerts, select

_CALENDAR = "in the time zone that the budgets of an exporter agree on, else UTC"
_BUDGETS = 4


def spending_rate() -> Panel:
    """Money per hour at this moment."""
    return values(
        title="Spending now",
        description=(
            "What all metered devices together cost per hour now, whether a run uses them or not. The prices "
            "are those of the exporter's taximeter.yaml. Not narrowed by project or run."
        ),
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        queries=[now(f"sum by (currency) ({price()})", "{{currency}}")],
        no_value="no price",
    )


def today() -> Panel:
    """Money since midnight."""
    return values(
        title="Today",
        description=(
            f"What has been spent since midnight ({_CALENDAR}), as the ledgers have it; also by hosts that went away "
            "today. Of a chosen project only what its runs spent."
        ),
        unit=units.MONEY,
        decimals=2,
        queries=[now(f"sum by (currency) ({spent('day')})", "{{currency}}")],
        no_value="nothing spent",
    )


def this_month() -> Panel:
    """Money since the month began."""
    return values(
        title="This month",
        description=(
            f"What has been spent since the first of the month ({_CALENDAR}), as the ledgers have it; also by hosts "
            "that went away this month. Of a chosen project only what its runs spent."
        ),
        unit=units.MONEY,
        decimals=2,
        queries=[now(f"sum by (currency) ({spent('month')})", "{{currency}}")],
        no_value="nothing spent",
    )


def wasted() -> Panel:
    """Money for devices that nobody used."""
    return values(
        title="Wasted on idle devices",
        description=(
            "Money for devices that no run had and that were not in use. It belongs to no project. Time in which a run "
            "had a device and did not use it is not in it."
        ),
        unit=units.MONEY,
        decimals=2,
        background=True,
        steps=coloured_from(0.005, colours.SHARES["idle"]),
        queries=[
            now(f"sum by (currency) ({spent('day', *IDLE)})", "today {{currency}}"),
            now(f"sum by (currency) ({spent('month', *IDLE)})", "month {{currency}}"),
        ],
        no_value="nothing",
    )


def not_metered() -> Panel:
    """What the meter does not know, or knows too late."""

    def last_day(metric: str) -> str:
        seconds = select(metric, HOST)
        return f"sum(clamp_min({seconds} - {seconds} offset 1d, 0) or {seconds})"

    return values(
        title="Gaps and unpriced time",
        description=(
            "Device time of the last 24 hours in which an exporter was down while its machine was up (gap), and for "
            "which there was no price, so that no cost contains it (unpriced); and what gaps cost this month. By host "
            "in the table below."
        ),
        unit=units.SECONDS,
        decimals=0,
        background=True,
        steps=coloured_from(0.5, colours.WARNING),
        queries=[
            now(last_day("taximeter_gap_seconds_total"), "gap"),
            now(last_day("taximeter_unpriced_seconds_total"), "unpriced"),
            now(f"""sum by (currency) ({spent("month", 'share="gap"')})""", "gaps this month, {{currency}}"),
        ],
        no_value="no exporter",
        overrides=[
            unit_of("^gaps ", units.MONEY, 2),
            thresholds_of("unpriced", coloured_from(0.5, colours.BAD)),
        ],
    )


def _of_limit(quantity: str) -> Query:
    """What is ``spent`` of budgets' limits, or the ``forecast``: by all machines, or for budgets of a single run."""
    amount, limit = (
        f"""sum by (budget, period, run, currency) ({select(f"taximeter_budget_{name}", CURRENCY, 'run!=""')})"""
        for name in (quantity, "limit")
    )
    amount_of_all, highest_limit = (
        select(f"fleet:taximeter_budget_{name}", CURRENCY) for name in (f"{quantity}:sum", "limit:max")
    )
    of_all = f"{amount_of_all} / {highest_limit}"
    return now(f"topk({_BUDGETS}, {of_all} or {amount} / {limit})", "{{budget}} {{run}} ({{currency}} a {{period}})")


def budget_spent() -> Panel:
    """Each budget's spent share of its limit."""
    return bars(
        title="Budget spent",
        description=(
            f"Spent in the budget's running period by all machines, of its limit: the {_BUDGETS} highest. Orange from "
            "80%, vermillion from 100%. Not narrowed by project, run or host: a budget has a scope of its own."
        ),
        unit=units.RATIO,
        decimals=1,
        maximum=1,
        steps=good_until(0.8, 1),
        mappings=beyond(10, "> 1,000%"),
        queries=[_of_limit("spent")],
        no_value="no budget, or rules not loaded",
    )


def budget_forecast() -> Panel:
    """Each budget's forecast share of its limit."""
    return bars(
        title="Budget forecast",
        description=(
            "What will have been spent when the budget's period ends, by the present rate and the last week, of its "
            f"limit: the {_BUDGETS} highest. Orange from 80%, vermillion from 100%."
        ),
        unit=units.RATIO,
        decimals=1,
        maximum=1,
        steps=good_until(0.8, 1),
        mappings=beyond(10, "> 1,000%"),
        queries=[_of_limit("forecast")],
        no_value="no budget, or rules not loaded",
    )


def alerts_firing() -> Panel:
    """Firing alerts by severity."""
    severities = dict(reversed(colours.SEVERITIES.items()))
    return values(
        title="Alerts firing",
        description="Taximeter's alerts that fire now, by severity. The table below names them.",
        unit=units.COUNT,
        background=True,
        steps=NO_COLOUR,
        queries=[now(f"count({firing_alerts(severity)}) or vector(0)", severity) for severity in severities],
        overrides=colours_of_counts(severities),
    )


def devices_metered() -> Panel:
    """Real and simulated devices: the money of simulated ones is not real."""
    return values(
        title="Devices",
        description="Devices with a price, real and simulated. The money of simulated devices is not real.",
        unit=units.COUNT,
        background=True,
        steps=NO_COLOUR,
        queries=[
            now(f"""count({select("taximeter_price_per_hour", HOST, 'simulated!="true"')}) or vector(0)""", "real"),
            now(f"""count({select("taximeter_price_per_hour", HOST, 'simulated="true"')}) or vector(0)""", "simulated"),
        ],
        overrides=colours_of_counts({"real": colours.GOOD, "simulated": colours.SIMULATED}),
    )
