"""The head of the dashboard: what the chosen runs cost, what they got for it, and what it still takes."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import coloured_from, good_from
from dashboards_src.layer.panels import values
from dashboards_src.layer.queries import now, over_time
from dashboards_src.shared import runs

_NO_RUN = "no run"


def cost() -> Panel:
    """Money of the chosen runs so far."""
    return values(
        title="Cost",
        description=(
            "What the chosen runs of the time range have cost since each began: by the ledger, or by the price given "
            "by hand where no exporter meters the run. Runs that serve are on the dashboard Serving."
        ),
        unit=units.MONEY,
        decimals=2,
        queries=[now(f"sum by (currency) {runs.of_training(runs.kept_cost())}", "{{currency}}")],
        no_value=_NO_RUN,
    )


def cost_per_hour() -> Panel:
    """Money per hour of the runs that go on."""
    return values(
        title="Per hour now",
        description="What the chosen runs that go on cost per hour at this moment.",
        unit=units.MONEY_PER_HOUR,
        decimals=2,
        queries=[
            over_time(
                f"sum by (currency) {runs.of_training(runs.cost_per_hour())}",
                "{{currency}}",
                min_step=runs.BOOKED_EVERY,
            )
        ],
        no_value="no run goes on",
    )


def still_to_come() -> Panel:
    """Money until the plans of the runs are done."""
    return values(
        title="Cost to finish",
        description=(
            "What the chosen runs that go on will still cost until their planned epochs are done, at the mean pace so "
            "far and the last known price. A run that stops earlier costs less."
        ),
        unit=units.MONEY,
        decimals=2,
        queries=[now(f"sum by (currency) ({runs.still_to_come()})", "{{currency}}")],
        no_value="no run with a plan",
    )


def best_run() -> Panel:
    """The most accurate run."""
    return values(
        title="Most accurate",
        description="The chosen run that reached the highest validation accuracy within the time range.",
        unit=units.RATIO,
        decimals=1,
        queries=[now(f"topk(1, {runs.best_accuracy()})", "{{run}}")],
        no_value="no accuracy yet",
    )


def cheapest_run() -> Panel:
    """The run that paid least for its accuracy."""
    return values(
        title="Cheapest per point",
        description=(
            "The chosen run with the least money per percentage point of its best validation accuracy: its cost so "
            "far, divided by that accuracy in percent. The first points are cheap, the last ones are dear."
        ),
        unit=units.MONEY,
        decimals=4,
        queries=[now(f"bottomk by (currency) (1, {runs.cost_per_point()})", "{{run}} ({{currency}})")],
        no_value="no accuracy yet",
    )


def goodput() -> Panel:
    """The part of the money that bought progress."""
    return values(
        title="Progress",
        description=(
            "Goodput: of the chosen runs' money, the share that went into steps of training which were kept. The rest "
            "is start-up, waiting for data, compilation, evaluation, checkpoints, and work that was lost. Orange "
            "below 80%, vermillion below 50%."
        ),
        unit=units.RATIO,
        decimals=0,
        steps=good_from(0.5, 0.8),
        background=True,
        queries=[
            now(
                f"""sum by (currency) ({runs.kept_cost()} * on (run) group_left () {runs.goodput()})
                / sum by (currency) ({runs.kept_cost()} and on (run) {runs.goodput()})""",
                "{{currency}}",
            )
        ],
        no_value="no training",
    )


def lost() -> Panel:
    """Money for work that was lost."""
    return values(
        title="Lost",
        description=(
            "Money for steps of training that a kill undid: done after the last checkpoint, paid for, and done again. "
            "Checkpoints more often make it less."
        ),
        unit=units.MONEY,
        decimals=2,
        background=True,
        steps=coloured_from(0.005, colours.LOST),
        queries=[now(f"sum by (currency) ({runs.lost_cost()})", "{{currency}}")],
        no_value="no training",
    )
