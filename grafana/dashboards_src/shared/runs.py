"""What runs cost and reach, as PromQL by run, whether an exporter meters it or it has a price given by hand."""

from dashboards_src.promql import (
    CURRENCY,
    PER_HOUR,
    RUN,
    chosen,
    kept,
    kept_of_project,
    of_project,
    rate,
    select,
)
from dashboards_src.shared.ranking import AT_MOST

BOOKED_EVERY = "15s"
"""A leased device is booked when its lease is renewed: a rate over less shows the renewals, not the spending."""

PROGRESS = ("transfer", "forward_backward", "optimizer")
"""The phases in which a model learns; what they took is lost where a kill undoes it."""

FIRST_RANK = 'rank="0"'
VALIDATION = 'split="validation"'

_BY_LEDGER = select("taximeter_run_cost_total", RUN, CURRENCY)
_BY_HAND = select("taximeter_training_cost", RUN, CURRENCY)  # of the whole run; no exporter knows it then

_PHASE_SECONDS = "taximeter_training_phase_seconds_total"


def cost() -> str:
    """Money by run and currency, since the run began."""
    return f"(sum by (run, currency) {of_project(_BY_LEDGER)} or max by (run, currency) {of_project(_BY_HAND)})"


def kept_cost() -> str:
    """The same at the end of the time range, of runs that ended within it too."""
    return (
        f"(sum by (run, currency) {kept_of_project(_BY_LEDGER)} or max by (run, currency) {kept_of_project(_BY_HAND)})"
    )


def cost_per_hour() -> str:
    """Money per hour by run and currency; ask for it every `BOOKED_EVERY` at most."""
    by_hand = of_project(f"deriv({_BY_HAND}[$__rate_interval])")
    return f"{PER_HOUR} (sum by (run, currency) {of_project(rate(_BY_LEDGER))} or max by (run, currency) {by_hand})"


def of_training(expr: str) -> str:
    """`expr` with a label ``run``, but not runs that serve predictions."""
    return f"({expr} unless on (run) {kept('taximeter_serving_predictions_total')})"


def dearest(at_most: int) -> str:
    """The cost of the dearest runs of each currency that do not serve."""
    return f"topk by (currency) ({at_most}, {of_training(kept_cost())})"


def dearest_trained(cost: str) -> str:
    """`cost` by run and currency of the dearest that a trainer tells of: other programs are metered, too."""
    told = kept(select("taximeter_training_seconds_total", RUN, FIRST_RANK))
    return f"topk by (currency) ({AT_MOST}, {cost} and on (run) {told})"


def with_curve(cost: str) -> str:
    """Money by run and currency with a label ``curve`` that names both: ``demo-1 USD``."""
    return f'label_join({cost}, "curve", " ", "run", "currency")'


def counted_by(metric: str, *matchers: str) -> str:
    """What all ranks of each run have counted by the end of the time range.

    Counters are those of a process. Where one was started anew within the time range, they are taken as the increases
    of its parts: nearly all that was counted, but for what a part had before it was first scraped.
    """
    series = select(metric, RUN, *matchers)
    started_anew = f"resets({select('taximeter_training_steps_total', RUN)}[$__range]) > 0"
    parts = f"increase({series}[$__range]) + min_over_time({series}[$__range])"
    return f"sum by (run) ({kept(series)} unless on (instance, run, rank) {started_anew} or {parts})"


_SECONDS = counted_by("taximeter_training_seconds_total", FIRST_RANK)
_PROGRESS_SECONDS = counted_by(_PHASE_SECONDS, f'phase=~"{"|".join(PROGRESS)}"', FIRST_RANK)


def epochs() -> str:
    """Epochs done by each run: all ranks do the same ones."""
    return counted_by("taximeter_training_epochs_total", FIRST_RANK)


def best_accuracy() -> str:
    """The best validation accuracy of each run within the time range."""
    accuracy = select("taximeter_training_accuracy_ratio", RUN, VALIDATION)
    return f"max by (run) {chosen(f'max_over_time({accuracy}[$__range])')}"


def cost_per_point() -> str:
    """Money by run and currency for each percentage point of the run's best validation accuracy."""
    return f"{kept_cost()} / on (run) group_left () (100 * {best_accuracy()} > 0)"


def share_of_phase(phase: str) -> str:
    """The share of each run's time that a phase took; work that was lost later is in it.

    By the first rank, as goodput and what was lost: the others go in step with it, and a run may have hundreds.
    """
    of_phase = f'phase="{phase}"'
    return f"({counted_by(_PHASE_SECONDS, of_phase, FIRST_RANK)} / {_SECONDS})"


def share_of_progress() -> str:
    """The share of each run's time in which its model learned; work that was lost later is in it."""
    return f"({_PROGRESS_SECONDS} / {_SECONDS})"


def lost_of_progress() -> str:
    """The share of each run's time of learning that was lost; 0 where nothing was."""
    lost = kept(select("taximeter_training_lost_seconds_total", RUN, FIRST_RANK))  # of the whole run
    return f"clamp_max(max by (run) ({lost}) / ({_PROGRESS_SECONDS} > 0), 1)"


def goodput() -> str:
    """The share of each run's time, and so of its money, that bought progress which was kept."""
    return f"max by (run) {kept_of_project(select('taximeter_training_goodput_ratio', RUN, FIRST_RANK))}"


def lost_cost() -> str:
    """Money by run and currency that went into work which was lost."""
    return f"{kept_cost()} * on (run) group_left () ({share_of_progress()} * on (run) {lost_of_progress()})"


def still_to_come() -> str:
    """Money by run and currency that runs which go on will cost from now on, by their plan."""
    forecast = of_project(select("taximeter_training_cost_forecast", RUN, CURRENCY))
    return f"clamp_min(max by (run, currency) {forecast} - {cost()}, 0)"
