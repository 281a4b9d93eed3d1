"""The runs side by side: what each costs by what it does, and who and what it is."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, links, units
from dashboards_src.layer.fields import Steps, words
from dashboards_src.layer.queries import Query, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import CURRENCY, PROJECT, RUN, chosen, kept, kept_of_project, of_project, select
from dashboards_src.shared import runs
from dashboards_src.shared.columns import SIMULATED
from dashboards_src.shared.ranking import ROWS

_NO_RUN = "no run in this time range"
_THIS_RUN = (links.address("taximeter-training-run", run="${__value.text}"), "This run alone")
_PROGRESS: Steps = ((None, "text"), (0, colours.BAD), (0.5, colours.WARNING), (0.8, "text"))
"""What has no reading has no colour."""


def _per(quantity: str) -> str:
    return f"{runs.dearest(ROWS)} / on (run) group_left () ({quantity} > 0)"


def _dearest(expr: str) -> Query:
    return rows(f"({expr}) and on (run) {runs.dearest(ROWS)}")


def money() -> Panel:
    """What each run costs by epoch, sample and accuracy point."""
    active = of_project(select("taximeter_run_active", RUN))
    by_hand = of_project(select("taximeter_training_cost", RUN))
    limit = kept_of_project(select("taximeter_training_budget_limit", RUN, CURRENCY))
    simulated = select("taximeter_run_info", RUN, 'simulated="true"')
    return table(
        title="Runs compared",
        description=(
            f"Runs of the time range, at most the {ROWS} dearest, the most accurate first. Per epoch and per 1,000 "
            "samples: all that the run has cost, start-up and evaluation too, by what it has trained. Per point: by "
            "its best validation accuracy in percent. Progress: the share of the money that bought training which was "
            "kept. Lost: money for steps that a kill undid."
        ),
        queries=[
            rows(runs.dearest(ROWS)),
            _dearest(f"max by (run) {runs.of_training(active)} or max by (run) ({by_hand} * 0 + 1)"),
            _dearest(runs.best_accuracy()),
            rows(_per(runs.epochs())),
            rows(_per(f"({runs.counted_by('taximeter_training_samples_total')} / 1000)")),
            rows(_per(f"(100 * {runs.best_accuracy()})")),
            _dearest(runs.goodput()),
            _dearest(runs.lost_cost()),
            _dearest(runs.still_to_come()),
            _dearest(f"max by (run, currency) {of_project(select('taximeter_training_cost_forecast', RUN, CURRENCY))}"),
            _dearest(f"max by (run, currency) {limit}"),
            _dearest(f"max by (run) {of_project(select('taximeter_training_remaining_seconds', RUN))}"),
            _dearest(f"max by (run) {kept_of_project(select('taximeter_training_epoch', RUN))}"),
            _dearest(f"max by (run, simulated) {runs.of_training(kept_of_project(simulated))}"),
        ],
        columns=[
            Column("run", "Run", link=_THIS_RUN),
            Column(
                "Value #B",
                "State",
                mappings=words({"1": ("active", colours.GOOD), "0": ("ended", "transparent")}, missing="ended"),
                width=70,
            ),
            Column("Value #M", "Epoch", units.COUNT, width=60),
            Column("Value #C", "Accuracy", units.RATIO, decimals=1, width=95),
            Column("Value #A", "Cost", units.MONEY, decimals=2, width=75),
            Column("currency", "Currency", width=82),
            Column("Value #D", "Per epoch", units.MONEY, decimals=4, width=85),
            Column("Value #E", "Per 1k samples", units.MONEY, decimals=4, width=122),
            Column("Value #F", "Per point", units.MONEY, decimals=4, width=80),
            Column("Value #G", "Progress", units.RATIO, decimals=0, steps=_PROGRESS, width=82),
            Column("Value #H", "Lost", units.MONEY, decimals=2, width=60),
            Column("Value #I", "To finish", units.MONEY, decimals=2, width=75),
            Column("Value #J", "Forecast", units.MONEY, decimals=2, width=75),
            Column("Value #K", "Budget", units.MONEY, decimals=2, width=70),
            Column("Value #L", "Time left", units.SECONDS, decimals=0, width=80),
            SIMULATED,
        ],
        sort_by="Accuracy",
        descending=True,
        no_value=_NO_RUN,
    )


def identity() -> Panel:
    """Who and what each run is, when it ran and how it ended."""
    began = f"max by (run) {kept_of_project(select('taximeter_run_start_timestamp_seconds', RUN))}"
    latest = f"and on (run) topk({ROWS}, {began})"
    return table(
        title="Who, what and when",
        description=(
            f"Runs that an exporter knows, those that serve too: at most the {ROWS} that began last. Result: finished, "
            "failed, stopped, budget (its budget stopped it), expired (it was not heard of any more) or gone (no "
            "process of it was seen any more). Device time adds up all its devices, each by the run's share."
        ),
        queries=[
            rows(
                f"max by (run, project, team, user, model, dataset, simulated) "
                f"({kept(select('taximeter_run_info', RUN, PROJECT))}) {latest}"
            ),
            rows(f"1000 * topk({ROWS}, {began})"),
            rows(
                f"""1000 * max by (run, result) {kept_of_project(select("taximeter_run_end_timestamp_seconds", RUN))}
                {latest}"""
            ),
            rows(f"sum by (run) {kept_of_project(select('taximeter_run_device_seconds_total', RUN))} {latest}"),
            rows(f"sum by (run) {kept_of_project(select('taximeter_run_energy_joules_total', RUN))} {latest}"),
        ],
        columns=[
            Column("run", "Run"),
            Column("project", "Project", width=100),
            Column("Value #D", "Device time", units.SECONDS, decimals=1, width=100),
            Column("team", "Team", width=95),
            Column("user", "User", width=75),
            Column("model", "Model", width=120),
            Column("dataset", "Data set", width=90),
            Column("Value #B", "Started", units.MOMENT, width=185),
            Column("Value #C", "Ended", units.MOMENT, width=185),
            Column("result", "Result", width=80),
            Column("Value #E", "Energy", units.JOULES, decimals=1, width=85),
            SIMULATED,
        ],
        sort_by="Started",
        descending=True,
        no_value=_NO_RUN,
    )


def scores() -> Panel:
    """How good each run's model is."""
    best = f"topk({ROWS}, {runs.best_accuracy()})"
    measures = [
        rows(
            f"""max by (run) {kept_of_project(select(f"taximeter_training_{measure}_ratio", RUN, runs.VALIDATION))}
            and on (run) {best}"""
        )
        for measure in ("top5_accuracy", "precision", "recall", "f1")
    ]
    loss = f"min_over_time({select('taximeter_training_loss', RUN, runs.VALIDATION)}[$__range])"
    return table(
        title="How good the models are",
        description=(
            f"On the validation split, of at most {ROWS} runs: the best accuracy and the least loss within the time "
            "range; at the end of a training its best weights are judged by all measures: the right class among the "
            "five most probable, and precision, recall and F1 as means over the classes."
        ),
        queries=[rows(best), rows(f"min by (run) {chosen(loss)} and on (run) {best}"), *measures],
        columns=[
            Column("run", "Run"),
            Column("Value #A", "Accuracy", units.RATIO, decimals=1, width=80),
            Column("Value #B", "Loss", units.LOSS, decimals=3, width=60),
            Column("Value #C", "Top 5", units.RATIO, decimals=1, width=62),
            Column("Value #D", "Precision", units.RATIO, decimals=1, width=80),
            Column("Value #E", "Recall", units.RATIO, decimals=1, width=62),
            Column("Value #F", "F1", units.RATIO, decimals=1, width=60),
        ],
        sort_by="Accuracy",
        descending=True,
        no_value="no training",
    )
