"""Where the money goes: by the hour within the time range, and in this month so far."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.cost_now.selection import named, spent
from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import colours_of_names
from dashboards_src.layer.panels import LAST, MEAN, bars, lines
from dashboards_src.layer.queries import now, over_time
from dashboards_src.promql import CURRENCY, PROJECT, select

_SHARES = (
    "active: a run holds the device; idle: no run, and not in use; unattributed: in use, but by no run that Taximeter "
    "knows; gap: the exporter was down while the machine was up."
)
_NOTHING = "nothing spent, or Taximeter's rules are not loaded"


def _mean(recorded: str) -> str:
    return f"avg_over_time({recorded}[$__rate_interval])"


def by_share() -> Panel:
    """Measured spending per hour, by share; not stacked, which would add up currencies."""
    return lines(
        title="Spending per hour, by share",
        description=f"Measured from the cost booked, over all hosts and projects. {_SHARES}",
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[
            over_time(
                f"sum by (share, currency) ({_mean(select('share:taximeter_cost_per_hour:rate1m', CURRENCY))})",
                "{{share}} ({{currency}})",
                min_step="15s",
            )
        ],
        no_value=_NOTHING,
        overrides=colours_of_names(colours.SHARES),
    )


def by_project() -> Panel:
    """Measured spending per hour, by project."""
    recorded = select("project:taximeter_cost_per_hour:avg1m", PROJECT, CURRENCY)
    return lines(
        title="Spending per hour, by project",
        description="Measured from the cost booked, over all hosts. No run: idle and unattributed time, gaps, volumes.",
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[
            over_time(
                f"sum by (project, currency) ({named(_mean(recorded), 'project', 'no run')})",
                "{{project}} ({{currency}})",
                min_step="1m",
            )
        ],
        no_value=_NOTHING,
    )


def month_by_share() -> Panel:
    """This month's money, by share."""
    return bars(
        title="This month, by share",
        description=f"What has been spent this month, as the ledgers have it. {_SHARES}",
        unit=units.MONEY,
        decimals=2,
        queries=[now(f"sum by (share, currency) ({spent('month')})", "{{share}} ({{currency}})")],
        no_value="nothing spent",
        overrides=colours_of_names(colours.SHARES),
    )
