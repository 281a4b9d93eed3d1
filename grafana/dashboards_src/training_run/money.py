"""Where each part of the money went, what it bought, and how much more it takes."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.barcharts import grouped_bars, stacked_bars
from dashboards_src.layer.fields import colour_of, colours_of_names, dashed, dotted, good_from, good_until
from dashboards_src.layer.panels import LAST, MAX, bars, lines
from dashboards_src.layer.queries import now, over_time, rows
from dashboards_src.promql import CURRENCY, RUN, kept_of_project, of_project, select
from dashboards_src.shared import runs
from dashboards_src.shared.ranking import AT_MOST

_NO_TRAINING = "no training"
_DEAREST = runs.dearest_trained(runs.kept_cost())


def by_phase() -> Panel:
    """Each run's money, divided by what its time went into."""
    parts = {}
    for phase in colours.PHASES:
        share = runs.share_of_phase(phase)
        if phase in runs.PROGRESS:
            share = f"({share} * on (run) (1 - {runs.lost_of_progress()}))"
        money = f"{_DEAREST} * on (run) group_left () {share}"
        parts[phase.replace("_", " ")] = rows(runs.with_curve(money))
    parts["lost"] = rows(runs.with_curve(f"{runs.lost_cost()} and on (run) {_DEAREST}"))
    return stacked_bars(
        title="Where the money went",
        description=(
            "What each run has cost so far, divided by the time that each phase took on its first rank. Lost: steps "
            "that a kill undid and that are in no other part. The twenty dearest runs."
        ),
        unit=units.MONEY,
        decimals=2,
        by="curve",
        parts=parts,
        no_value=_NO_TRAINING,
        overrides=[*colours_of_names(colours.PHASES), colour_of("^lost$", colours.LOST)],
    )


def goodput() -> Panel:
    """The part of each run's money that bought progress."""
    return bars(
        title="Progress, by run",
        description=(
            "Goodput: the share of a run's time, and so of its money, that went into steps of training which were "
            "kept. Orange below 80%, vermillion below 50%. The twenty dearest runs."
        ),
        unit=units.RATIO,
        decimals=0,
        maximum=1,
        steps=good_from(0.5, 0.8),
        queries=[now(f"{runs.goodput()} and on (run) {_DEAREST}", "{{run}}")],
        no_value=_NO_TRAINING,
    )


def cost_to_accuracy() -> Panel:
    """What each accuracy cost each run."""
    reached = kept_of_project(select("taximeter_training_cost_to_accuracy", RUN, CURRENCY))
    money = f"max by (run, accuracy, currency) {reached} and on (run) {_DEAREST}"
    return grouped_bars(
        title="Cost to reach an accuracy",
        description=(
            "What a run had cost when its validation accuracy first reached 10%, 20% and so on, and its target. An "
            "accuracy that a run never reached has no bar. The twenty dearest runs."
        ),
        unit=units.MONEY,
        decimals=2,
        group="accuracy",
        group_unit=units.RATIO,
        by="curve",
        query=rows(runs.with_curve(money)),
        no_value="no accuracy reached, or no price known",
    )


def time_to_accuracy() -> Panel:
    """How long each accuracy took each run."""
    reached = kept_of_project(select("taximeter_training_time_to_accuracy_seconds", RUN))
    return grouped_bars(
        title="Time to reach an accuracy",
        description=(
            "The run's time when its validation accuracy first reached 10%, 20% and so on, and its target; the time "
            "in which it was not carried out does not count. The twenty dearest runs."
        ),
        unit=units.SECONDS,
        decimals=1,
        group="accuracy",
        group_unit=units.RATIO,
        by="run",
        query=rows(f"max by (run, accuracy) {reached} and on (run) {_DEAREST}"),
        no_value="no accuracy reached",
    )


def fare() -> Panel:
    """Cost, forecast and budget of each run."""
    dearest = f"topk by (currency) ({AT_MOST}, {runs.cost()})"
    forecast, limit = (
        f"max by (run, currency) {of_project(select(metric, RUN, CURRENCY))} and on (run) {dearest}"
        for metric in ("taximeter_training_cost_forecast", "taximeter_training_budget_limit")
    )
    return lines(
        title="Cost, forecast and budget",
        description=(
            "What each run has cost since it began; dashed what it will have cost when its plan is done, "
            "dotted what its own budget allows. A forecast above the budget: the run will be stopped before its end. "
            "Of the twenty dearest runs at each moment."
        ),
        unit=units.MONEY,
        decimals=2,
        minimum=0,
        queries=[
            over_time(runs.of_training(dearest), "{{run}} ({{currency}})"),
            over_time(forecast, "{{run}} forecast ({{currency}})"),
            over_time(limit, "{{run}} budget ({{currency}})"),
        ],
        no_value="no run",
        overrides=[dashed(" forecast "), dotted(" budget ")],
    )


def budget_used() -> Panel:
    """The used part of each run's own budget."""
    limit = f"max by (run, currency) {kept_of_project(select('taximeter_training_budget_limit', RUN, CURRENCY))}"
    return bars(
        title="Run budget used",
        description=(
            "What a run has cost, of the budget that it was started with; it stops itself so as to stay below 100%. "
            "Orange from 80%, vermillion from 100%."
        ),
        unit=units.RATIO,
        decimals=1,
        maximum=1,
        steps=good_until(0.8, 1),
        queries=[now(f"topk({AT_MOST}, {runs.kept_cost()} / {limit})", "{{run}} ({{currency}})")],
        no_value="no budget",
    )


def remaining() -> Panel:
    """How long each run will go on."""
    seconds = of_project(select("taximeter_training_remaining_seconds", RUN))
    return lines(
        title="Time to finish",
        description="How long each run will go on until its planned epochs are done, at its mean pace so far.",
        unit=units.SECONDS,
        minimum=0,
        legend=(LAST, MAX),
        queries=[over_time(f"max by (run) {seconds}", "{{run}}")],
        no_value="no run has a plan",
    )
