"""Where the money goes: by share, phase, run and budget."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import colours_of_names, dashed, words
from dashboards_src.layer.panels import LAST, MEAN, bars, lines
from dashboards_src.layer.queries import now, over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import CURRENCY, PER_HOUR, PROJECT, RUN, kept, kept_of_project, of_project, rate, select

_SHARES = (
    "active: a run holds the device; idle: no run, and not in use; unattributed: in use, but by no run that Taximeter "
    "knows; gap: the exporter was down while the machine was up."
)
_COST = select("taximeter_cost_total", PROJECT, CURRENCY)
_RUN_COST = select("taximeter_run_cost_total", RUN, CURRENCY)
_BOOKED_EVERY = "15s"
"""A leased device is booked when its lease is renewed: a rate over less shows the renewals, not the spending."""

_PHASE_SECONDS = "taximeter_training_phase_seconds_total"


def by_share_over_time() -> Panel:
    """Measured spending per hour, stacked by share."""
    return lines(
        title="Spending per hour, by share",
        description=f"Measured from the cost booked. {_SHARES}",
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        minimum=0,
        stacked=True,
        legend=(LAST, MEAN),
        queries=[
            over_time(
                f"{PER_HOUR} sum by (share, currency) ({rate(_COST)})",
                "{{share}} ({{currency}})",
                min_step=_BOOKED_EVERY,
            )
        ],
        overrides=colours_of_names(colours.SHARES),
    )


def by_share() -> Panel:
    """All money since the ledger began, by share."""
    return bars(
        title="Cost so far, by share",
        description=f"Everything booked since the ledger began. {_SHARES}",
        unit=units.MONEY,
        decimals=2,
        queries=[now(f"sum by (share, currency) ({_COST})", "{{share}} ({{currency}})")],
        overrides=colours_of_names(colours.SHARES),
    )


def by_phase() -> Panel:
    """The runs' money divided by how long each phase of training took."""
    cost = f"sum by (run, currency) {kept_of_project(_RUN_COST)}"
    total = f"sum by (run) ({kept(select(_PHASE_SECONDS, RUN))})"
    queries = []
    for phase in colours.PHASES:
        of_phase = f'phase="{phase}"'
        seconds = f"sum by (run) ({kept(select(_PHASE_SECONDS, RUN, of_phase))})"
        queries.append(
            now(
                f"sum by (currency) ({cost} * on (run) group_left () ({seconds} / {total}))",
                f"{phase.replace('_', ' ')} ({{{{currency}}}})",
            )
        )
    return bars(
        title="Cost of training, by phase",
        description=(
            "What the chosen runs within the time range have cost so far, divided by the seconds that each phase of "
            "training took."
        ),
        unit=units.MONEY,
        decimals=2,
        queries=queries,
        no_value="no training",
        overrides=colours_of_names(colours.PHASES),
    )


def by_run_over_time() -> Panel:
    """The fare of each run."""
    return lines(
        title="Cost by run",
        description="What each run has cost since it started. A run that ended stays for an hour.",
        unit=units.MONEY,
        decimals=2,
        minimum=0,
        queries=[over_time(f"sum by (run, currency) {of_project(_RUN_COST)}", "{{run}} ({{currency}})")],
        no_value="no run",
    )


def budgets_over_time() -> Panel:
    """Spent and limit of each budget."""
    return lines(
        title="Budgets",
        description=(
            "Spent in the running period, and the limit (dashed). Not narrowed by project or run: a budget has a scope "
            "of its own."
        ),
        unit=units.MONEY,
        decimals=2,
        minimum=0,
        queries=[
            over_time(
                f"sum by (budget, period, run, currency) ({select(f'taximeter_budget_{quantity}', CURRENCY)})",
                f"{{{{budget}}}} {quantity} ({{{{currency}}}} a {{{{period}}}}) {{{{run}}}}",
            )
            for quantity in ("spent", "limit")
        ],
        no_value="no budget is set",
        overrides=[dashed(" limit ")],
    )


def runs() -> Panel:
    """The runs of the time range with their money."""
    cost = f"sum by (run, currency) {kept_of_project(_RUN_COST)}"
    samples = f"sum by (run) ({kept(select('taximeter_training_samples_total', RUN))})"
    validation = 'split="validation"'
    accuracy = kept_of_project(select("taximeter_training_accuracy_ratio", RUN, validation))
    return table(
        title="Runs",
        description=(
            "Runs of the time range, the latest first. A run spends only while its lease lives; what it has cost per "
            "1,000 samples counts the samples that it trained on."
        ),
        queries=[
            rows(cost),
            rows(
                f"""max by (run, project, model, simulated)
                ({kept(select("taximeter_run_info", RUN, PROJECT))})"""
            ),
            rows(f"max by (run) {of_project(select('taximeter_run_active', RUN))}"),
            rows(f"1000 * min by (run) {kept_of_project(select('taximeter_run_start_timestamp_seconds', RUN))}"),
            rows(f"sum by (run) {kept_of_project(select('taximeter_run_device_seconds_total', RUN))}"),
            rows(f"{PER_HOUR} sum by (run, currency) {of_project(rate(_RUN_COST))}", min_step=_BOOKED_EVERY),
            rows(f"avg by (run) {accuracy}"),
            rows(f"1000 * {cost} / on (run) group_left () {samples}"),
        ],
        columns=[
            Column("run", "Run", width=200),
            Column("Value #A", "Cost", units.MONEY, decimals=2, width=80),
            Column("currency", "Currency", width=80),
            Column("Value #F", "Per hour", units.MONEY, decimals=2, width=80),
            Column(
                "Value #C",
                "State",
                mappings=words({"1": ("active", colours.GOOD), "0": ("ended", "transparent")}, missing="ended"),
                width=75,
            ),
            Column("Value #G", "Accuracy", units.RATIO, decimals=1, width=85),
            Column("Value #H", "Per 1k samples", units.MONEY, decimals=4, width=120),
            Column("Value #D", "Started", units.MOMENT, width=190),
            Column("Value #E", "Device time", units.SECONDS, decimals=1, width=100),
            Column("project", "Project"),
            Column("model", "Model"),
            Column("simulated", "Simulated", mappings=words({"true": ("simulated", colours.SIMULATED)}), width=95),
        ],
        sort_by="Started",
        descending=True,
        no_value="no run in this time range",
    )
