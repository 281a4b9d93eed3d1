"""All budgets in numbers: those of each machine, and those that several machines spend together."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.budgets.selection import FORECAST, IDENTITY, LIMIT, SPENT, budgets, moment, together
from dashboards_src.layer import units
from dashboards_src.layer.fields import watched
from dashboards_src.layer.queries import rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import RUN, of_project, select
from dashboards_src.shared import runs
from dashboards_src.shared.links import TO_RUN
from dashboards_src.shared.ranking import ROWS


def of_machines() -> Panel:
    """Each exporter's budgets."""
    fullest = f"topk({ROWS}, {SPENT} / {LIMIT})"
    shown = f"and on ({IDENTITY}) {fullest}"
    burn = f"""{budgets("budget:taximeter_budget_spent_per_hour:rate1h")}
    / {budgets("budget:taximeter_budget_plan_per_hour:mean")}"""
    return table(
        title="Budgets",
        description=(
            f"Of the chosen budgets the {ROWS} of which most is gone. Burn: how many times faster the last hour "
            "spent than would last just to the period's end; 1 is on plan. Runway: how long what is left lasts at the "
            "rate of the last half hour. Burn and runway come from Taximeter's rules (prometheus/rules)."
        ),
        queries=[
            rows(fullest),
            rows(f"{SPENT} {shown}"),
            rows(f"{LIMIT} {shown}"),
            rows(f"({LIMIT} - {SPENT}) {shown}"),
            rows(f"{FORECAST} {shown}"),
            rows(f"({burn}) {shown}"),
            rows(f"3600 * {budgets('budget:taximeter_budget_runway:hours')} {shown}"),
            rows(f"{moment('end')} {shown}"),
        ],
        columns=[
            Column("budget", "Budget", width=130),
            Column("period", "Period", width=75),
            Column("Value #A", "Gone", units.RATIO, decimals=0, steps=watched(0.8, 1), width=75),
            Column("Value #D", "Left", units.MONEY, decimals=2, width=95),
            Column("Value #B", "Spent", units.MONEY, decimals=2, width=95),
            Column("Value #C", "Limit", units.MONEY, decimals=2, width=95),
            Column("Value #E", "Forecast", units.MONEY, decimals=2, width=95),
            Column("currency", "Currency", width=85),
            Column("Value #F", "Burn", units.COUNT, decimals=1, steps=watched(6, 14.4), width=70),
            Column("Value #G", "Runway", units.SECONDS, decimals=1, width=100),
            Column("Value #H", "Period ends", units.MOMENT, width=180),
            Column("run", "Run"),
            Column("instance", "Host"),
        ],
        sort_by="Gone",
        descending=True,
        no_value="no budget is set",
    )


def of_all_machines() -> Panel:
    """The budgets that more than one machine has a part in."""
    spent, limit = (together(f"fleet:taximeter_budget_{name}") for name in ("spent:sum", "limit:max"))
    several = f"and on (budget, period, currency) {together('fleet:taximeter_budget_spent:ratio')}"
    return table(
        title="Budgets of several machines",
        description=(
            "A budget of one name on several machines is one budget: what all spent, with the last amount of those "
            "that went away in the period, of the highest limit. From Taximeter's rules (prometheus/rules)."
        ),
        queries=[
            rows(together("fleet:taximeter_budget_spent:ratio")),
            rows(f"{spent} {several}"),
            rows(f"{limit} {several}"),
            rows(f"{together('fleet:taximeter_budget_forecast:sum')} {several}"),
            rows(f"{together('fleet:taximeter_budget_spent_per_hour:rate30m')} {several}"),
        ],
        columns=[
            Column("budget", "Budget"),
            Column("period", "Period", width=75),
            Column("Value #A", "Gone", units.RATIO, decimals=0, steps=watched(0.8, 1), width=75),
            Column("Value #B", "Spent", units.MONEY, decimals=2, width=95),
            Column("Value #C", "Limit", units.MONEY, decimals=2, width=95),
            Column("Value #D", "Forecast", units.MONEY, decimals=2, width=95),
            Column("Value #E", "Per hour", units.MONEY, decimals=2, width=95),
            Column("currency", "Currency", width=85),
        ],
        sort_by="Gone",
        descending=True,
        no_value="no budget has a part on more than one machine, or Taximeter's rules are not loaded",
    )


def spenders() -> Panel:
    """The runs that spend now."""
    spending = f"topk({ROWS}, {runs.cost_per_hour()} > 0)"
    return table(
        title="Who spends now",
        description=(
            "The chosen runs that spend at this moment, the dearest first. Which budget's scope takes a run in is said "
            "by the exporter's taximeter.yaml: a project, team, user, model or host."
        ),
        queries=[
            rows(spending, min_step=runs.BOOKED_EVERY),
            rows(f"{runs.cost()} and on (run) ({spending})", min_step=runs.BOOKED_EVERY),
            rows(
                f"""max by (run, project, team, user) {of_project(select("taximeter_run_info", RUN))}
                and on (run) ({spending})""",
                min_step=runs.BOOKED_EVERY,
            ),
        ],
        columns=[
            Column("run", "Run", link=TO_RUN),
            Column("Value #A", "Per hour", units.MONEY, decimals=2, width=95),
            Column("Value #B", "So far", units.MONEY, decimals=2, width=95),
            Column("currency", "Currency", width=85),
            Column("project", "Project"),
            Column("team", "Team", width=100),
            Column("user", "User", width=90),
        ],
        sort_by="Per hour",
        descending=True,
        no_value="no run spends",
    )
