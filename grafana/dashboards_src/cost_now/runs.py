"""The runs that spend now, and those that cost most within the time range."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import units
from dashboards_src.layer.queries import rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import CURRENCY, HOST, PROJECT, RUN, kept, select
from dashboards_src.shared.columns import SIMULATED
from dashboards_src.shared.links import TO_RUN
from dashboards_src.shared.ranking import ROWS

_RUN = Column("run", "Run", link=TO_RUN)
_INFO = select("taximeter_run_info", RUN, PROJECT, HOST)


def active() -> Panel:
    """A row for each run that holds devices."""
    going_on = f"({_INFO} and on (job, instance, run) {select('taximeter_run_active', RUN, HOST)} == 1)"

    def of(metric: str, *matchers: str) -> str:
        return f"{select(metric, RUN, HOST, *matchers)} and on (job, instance, run) {going_on}"

    cost = f"topk by (currency) ({ROWS}, sum by (run, currency) ({of('taximeter_run_cost_total', CURRENCY)}))"
    per_hour = select("run:taximeter_run_cost_per_hour:rate1m", RUN, CURRENCY)
    return table(
        title="Runs that spend now",
        description=(
            f"Runs that hold devices at this moment, at most {ROWS} of a currency, and what each has cost since it "
            "began. A click on one leads to what it got for its money."
        ),
        queries=[
            rows(cost),
            rows(f"sum by (run, currency) ({per_hour}) and on (run) {cost}"),
            rows(f"max by (run, project, user, simulated) ({going_on}) and on (run) {cost}"),
            rows(f"1000 * min by (run) ({of('taximeter_run_start_timestamp_seconds')}) and on (run) {cost}"),
            rows(f"sum by (run) ({of('taximeter_run_device_seconds_total')}) and on (run) {cost}"),
        ],
        columns=[
            _RUN,
            Column("Value #B", "Per hour", units.MONEY, decimals=2, width=90),
            Column("Value #A", "Cost so far", units.MONEY, decimals=2, width=100),
            Column("currency", "Currency", width=80),
            Column("project", "Project", width=180),
            Column("user", "User", width=140),
            Column("Value #D", "Started", units.MOMENT, width=190),
            Column("Value #E", "Device time", units.SECONDS, decimals=1, width=105),
            SIMULATED,
        ],
        sort_by="Per hour",
        descending=True,
        no_value="no run holds a device",
    )


def dearest() -> Panel:
    """The runs of the time range that cost most."""
    whose = "run, project, user, currency, simulated"
    live = f"""sum by (job, instance, {whose}) ({select("taximeter_run_cost_total", RUN, HOST, CURRENCY)}
    * on (job, instance, run) group_left (project, user) {_INFO})"""
    recorded = kept(select("instance_run:taximeter_run_cost_total:sum", RUN, PROJECT, HOST, CURRENCY))
    by_hand = f"max by (run, currency) ({select('taximeter_training_cost', RUN, CURRENCY)})"
    cost = f"topk by (currency) ({ROWS}, sum by ({whose}) ({live} or {recorded}) or {by_hand})"
    return table(
        title="Dearest runs",
        description=(
            f"The {ROWS} runs of the time range and of a currency that cost most, with what each cost since it began; "
            "also those that ended. A run with a price by hand, whose project nobody knows, only while it is scraped."
        ),
        queries=[rows(cost)],
        columns=[
            _RUN,
            Column("Value", "Cost", units.MONEY, decimals=2, width=80),
            Column("currency", "Currency", width=80),
            Column("project", "Project", width=120),
            Column("user", "User", width=90),
            SIMULATED,
        ],
        sort_by="Cost",
        descending=True,
        no_value="no run in this time range",
    )
