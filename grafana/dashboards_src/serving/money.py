"""What the predictions cost."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, links, units
from dashboards_src.layer.fields import watched, words
from dashboards_src.layer.panels import LAST, MAX, MEAN, MIN, lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import PROJECT, RUN, kept, kept_of_project, of_project, select
from dashboards_src.serving import quantities
from dashboards_src.shared import runs
from dashboards_src.shared.columns import SIMULATED

_NOBODY = "nothing is served"


def price() -> Panel:
    """What 1,000 predictions cost by run."""
    return lines(
        title="Cost per 1,000 predictions, by run",
        description=(
            "What 1,000 predictions cost by the price at present and the predictions of the last minute, as each run "
            "tells it; none while nobody asks."
        ),
        unit=units.MONEY,
        decimals=4,
        minimum=0,
        legend=(LAST, MEAN, MIN, MAX),
        queries=[over_time(f"max by (run, currency) {of_project(quantities.PRICE)}", "{{run}} ({{currency}})")],
        no_value="no predictions",
    )


def cost_per_hour() -> Panel:
    """Money per hour by run."""
    return lines(
        title="Cost per hour, by run",
        description="What each run that serves costs per hour, whether anybody asks or not.",
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        minimum=0,
        legend=(LAST, MEAN),
        queries=[over_time(quantities.cost_per_hour(), "{{run}} ({{currency}})", min_step=runs.BOOKED_EVERY)],
        no_value=_NOBODY,
    )


def servers() -> Panel:
    """Each run that serves, with what it did and cost."""
    predictions = quantities.served(quantities.PREDICTIONS)
    requests = quantities.served(quantities.REQUESTS)
    failed = quantities.served(quantities.REQUESTS, quantities.FAILED)
    return table(
        title="What serves",
        description=(
            "Runs that serve predictions within the time range, the dearest first. Per 1,000 so far: all that the run "
            "has cost, start-up and waiting too, by all that it has predicted; now: by the last minute alone."
        ),
        queries=[
            rows(f"{predictions} and on (run) {kept_of_project(select(quantities.PREDICTIONS, RUN))}"),
            rows(
                f"""max by (run, project, user, model, simulated) ({kept(select("taximeter_run_info", RUN, PROJECT))})
                and on (run) {kept(select(quantities.PREDICTIONS, RUN))}"""
            ),
            rows(f"max by (run) (group by (run) {of_project(select(quantities.PREDICTIONS, RUN))})"),
            rows(quantities.cost()),
            rows(quantities.cost_per_hour(), min_step=runs.BOOKED_EVERY),
            rows(f"1000 * {quantities.cost()} / on (run) group_left () ({predictions} > 0)"),
            rows(f"max by (run, currency) {of_project(quantities.PRICE)}"),
            rows(requests),
            rows(f"({failed} or 0 * {requests}) / ({requests} > 0)"),
            rows(quantities.quantile(0.95, "run")),
        ],
        columns=[
            Column("run", "Run", link=(links.address("taximeter-serving", run="${__value.text}"), "This run alone")),
            Column(
                "Value #C",
                "State",
                mappings=words({"1": ("active", colours.GOOD)}, missing="ended"),
                width=70,
            ),
            Column("Value #G", "Per 1,000 now", units.MONEY, decimals=4, width=120),
            Column("Value #F", "Per 1,000 so far", units.MONEY, decimals=4, width=125),
            Column("Value #E", "Per hour", units.MONEY, decimals=2, width=85),
            Column("Value #D", "Cost", units.MONEY, decimals=2, width=80),
            Column("currency", "Currency", width=80),
            Column("Value #A", "Predictions", units.COUNT, decimals=0, width=100),
            Column("Value #H", "Requests", units.COUNT, decimals=0, width=85),
            Column("Value #I", "Errors", units.RATIO, decimals=1, steps=watched(0.01, 0.05), width=75),
            Column("Value #J", "p95 now", units.SECONDS, width=85),
            Column("project", "Project", width=100),
            Column("user", "User", width=80),
            Column("model", "Model", width=110),
            SIMULATED,
        ],
        sort_by="Cost",
        descending=True,
        no_value="nothing was served in this time range",
    )
