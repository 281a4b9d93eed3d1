"""The head of the dashboard: the answer before any reason."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import beyond, good_until, thresholds_of
from dashboards_src.layer.panels import bars, values
from dashboards_src.layer.queries import now, over_time
from dashboards_src.promql import CURRENCY, RUN, of_project, select

_PRICE = select("taximeter_price_per_hour", CURRENCY)


def _of_limit(quantity: str) -> str:
    amount, limit = (select(f"taximeter_budget_{name}", CURRENCY) for name in (quantity, "limit"))
    return f"sum by (budget, period, run, currency) ({amount}) / sum by (budget, period, run, currency) ({limit})"


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
        queries=[over_time(f"sum by (currency) ({_PRICE})", "{{currency}}")],
        no_value="no price",
    )


def current_runs() -> Panel:
    """Money spent by the runs that hold a lease now."""
    cost = of_project(select("taximeter_run_cost_total", RUN, CURRENCY))
    return values(
        title="Spent by current runs",
        description="What the runs that are active now have spent since each started; 0 when no run is active.",
        unit=units.MONEY,
        decimals=2,
        queries=[
            now(
                f"""sum by (currency) ({cost} and on (run) taximeter_run_active == 1)
                or 0 * sum by (currency) ({_PRICE})""",
                "{{currency}}",
            )
        ],
        no_value="no price",
    )


def budget_spent() -> Panel:
    """Each budget's spent share of its limit."""
    return bars(
        title="Budget spent",
        description=(
            "Spent in the budget's running period, of its limit. Orange from 80%, vermillion from 100%. Not "
            "narrowed by project or run: a budget has a scope of its own."
        ),
        unit=units.RATIO,
        maximum=1,
        steps=good_until(0.8, 1),
        mappings=beyond(10, "> 1,000%"),
        queries=[now(_of_limit("spent"), "{{budget}}, {{period}} {{run}}, {{currency}}")],
        no_value="no budget is set",
    )


def budget_forecast() -> Panel:
    """Each budget's forecast share of its limit."""
    return bars(
        title="Budget forecast",
        description=(
            "What will have been spent when the budget's period ends, by the present rate and the last week, of its "
            "limit. Orange from 80%, vermillion from 100%."
        ),
        unit=units.RATIO,
        maximum=1,
        steps=good_until(0.8, 1),
        mappings=beyond(10, "> 1,000%"),
        queries=[now(_of_limit("forecast"), "{{budget}}, {{period}} {{run}}, {{currency}}")],
        no_value="no budget is set",
    )


def alerts_firing() -> Panel:
    """Firing alerts by severity."""
    severities = ("critical", "warning", "info")
    return values(
        title="Alerts firing",
        description="Taximeter's alerts that fire now, by severity. The table below names them.",
        unit=units.COUNT,
        background=True,
        steps=((None, "transparent"),),
        queries=[
            now(
                f'count(ALERTS{{alertname=~"Taximeter.*", alertstate="firing", severity="{severity}"}}) or vector(0)',
                severity,
            )
            for severity in severities
        ],
        overrides=[
            thresholds_of(severity, ((None, "transparent"), (1, colours.SEVERITIES[severity])))
            for severity in severities
        ],
    )


def devices_metered() -> Panel:
    """Real and simulated devices: the money of simulated ones is not real."""
    return values(
        title="Devices",
        description="Devices with a price, real and simulated. The money of simulated devices is not real.",
        unit=units.COUNT,
        background=True,
        steps=((None, "transparent"),),
        queries=[
            now('count(taximeter_price_per_hour{simulated!="true"}) or vector(0)', "real"),
            now('count(taximeter_price_per_hour{simulated="true"}) or vector(0)', "simulated"),
        ],
        overrides=[
            thresholds_of("real", ((None, "transparent"), (1, colours.GOOD))),
            thresholds_of("simulated", ((None, "transparent"), (1, colours.SIMULATED))),
        ],
    )
