"""Runs of the same model at different providers: how accurate it became there, in what time and for what money."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import units
from dashboards_src.layer.barcharts import grouped_bars
from dashboards_src.layer.queries import rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import CURRENCY, HOST, PROJECT, RUN, kept_of_project, of_project, select
from dashboards_src.providers import past
from dashboards_src.providers.selection import simulated_by_name
from dashboards_src.shared import runs
from dashboards_src.shared.columns import SIMULATED

_PLACE = "provider, instance_type, pricing_model, simulated"
_TRAINING = f"model, dataset, {_PLACE}"
_NO_RUN = "no run finished, or no exporter metered it"

_PLACE_OF_HOST = f"group by (instance, {_PLACE}) ({select('taximeter_price_per_hour', HOST)})"
_HOST_OF_RUN = f"max by (instance, run) {of_project(select('taximeter_run_active', RUN, HOST))} ^ 0"
_PLACE_OF_RUN = f"{_HOST_OF_RUN} * on (instance) group_left ({_PLACE}) topk by (instance) (1, {_PLACE_OF_HOST})"
_MODEL_OF_RUN = f"group by (run, model, dataset) ({select('taximeter_run_info', RUN, PROJECT)})"
_TRAINING_NOW = f"""topk by (run) (1, {_MODEL_OF_RUN}) * on (run) group_left ({_PLACE})
topk by (run) (1, group by (run, {_PLACE}) ({_PLACE_OF_RUN}))"""
_MONEY = f"(sum by (run, currency) {past.ended(past.COST)} or {runs.cost()})"


def _of_training(expr: str) -> str:
    """`expr` with a label ``run``, with what the run trains and where, or did."""
    before = f"group by (run, {_TRAINING}) (topk by (run) (1, {past.ended(past.COST, HOST)}))"
    return f"{expr} * on (run) group_left ({_TRAINING}) ({_TRAINING_NOW} or on (run) {before})"


def _finished(expr: str) -> str:
    """`expr` with a label ``run``, of the runs that finished."""
    return _of_training(f"({expr} and on (run) {past.finished()})")


def by_provider() -> Panel:
    """Each model at each provider, on average over its runs."""
    money = f"{_TRAINING}, currency"
    accuracy = runs.best_accuracy()
    return table(
        title="The same model at different providers",
        description=(
            "Runs that finished, by what they trained and by the machine and terms of their host. Time: from a run's "
            "start to its end, with every interruption. Per point: by the best validation accuracy in percent. On "
            "average over the runs; runs with a price given by hand have no provider. The terms are those of the "
            "host now, or when the run ended."
        ),
        queries=[
            rows(f"count by ({_TRAINING}) ({_of_training(past.finished())})"),
            rows(f"max by ({_TRAINING}) ({_finished(accuracy)})"),
            rows(f"avg by ({_TRAINING}) ({_finished(accuracy)})"),
            rows(f"avg by ({_TRAINING}) ({_of_training(past.finished())})"),
            rows(f"avg by ({money}) ({_finished(_MONEY)})"),
            rows(f"avg by ({money}) ({_finished(f'({_MONEY} / on (run) group_left () (100 * {accuracy} > 0))')})"),
        ],
        columns=[
            Column("model", "Model"),
            Column("provider", "Provider", width=105),
            Column("Value #C", "Accuracy", units.RATIO, decimals=1, width=95),
            Column("Value #D", "Time", units.SECONDS, decimals=1, width=90),
            Column("Value #E", "Cost", units.MONEY, decimals=2, width=85),
            Column("Value #F", "Per point", units.MONEY, decimals=4, width=95),
            Column("currency", "Currency", width=82),
            Column("Value #B", "Best accuracy", units.RATIO, decimals=1, width=120),
            Column("Value #A", "Runs", units.COUNT, decimals=0, width=65),
            Column("dataset", "Data set", width=110),
            Column("instance_type", "Machine"),
            Column("pricing_model", "Terms", width=105),
            SIMULATED,
        ],
        sort_by="Model",
        no_value=_NO_RUN,
    )


def _bars(title: str, what: str, unit: str, metric: str, *, and_by: tuple[str, ...] = ()) -> Panel:
    reached = f"max without (instance, job, rank) {kept_of_project(metric)}"
    place = ("model", "dataset", "provider", "instance_type", *and_by)
    mean = f"""avg by (accuracy, simulated, {", ".join(place)})
    ({_of_training(f"({reached} and on (run) {runs.dearest_trained(_MONEY)})")})"""
    names = ", ".join(f'"{label}"' for label in place)
    return grouped_bars(
        title=title,
        description=(
            f"{what} when the validation accuracy first reached 10%, 20% and so on, and its target; the average of a "
            "model's runs on a provider's machines. An accuracy that was never reached has no bar. The twenty dearest "
            "runs."
        ),
        unit=unit,
        decimals=2,
        group="accuracy",
        group_unit=units.RATIO,
        by="place",
        query=rows(f'label_join({simulated_by_name(mean, "model")}, "place", ", ", {names})'),
        no_value="no accuracy reached, or no exporter metered the run",
    )


def time_to_accuracy() -> Panel:
    """How long each accuracy took at each provider."""
    return _bars(
        "Time to an accuracy, by provider",
        "A run's time",
        units.SECONDS,
        select("taximeter_training_time_to_accuracy_seconds", RUN),
    )


def cost_to_accuracy() -> Panel:
    """What each accuracy cost at each provider."""
    return _bars(
        "Cost of an accuracy, by provider",
        "What a run had cost",
        units.MONEY,
        select("taximeter_training_cost_to_accuracy", RUN, CURRENCY),
        and_by=("pricing_model", "currency"),
    )
