"""Every dashboard that is generated, by the name of its file."""

from collections.abc import Callable, Mapping

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards_src.budgets import budgets
from dashboards_src.cost_now import cost_now
from dashboards_src.gpus import gpus
from dashboards_src.itself import itself
from dashboards_src.providers import providers
from dashboards_src.serving import serving
from dashboards_src.training_run import training_run

DASHBOARDS: Mapping[str, Callable[[], Dashboard]] = {
    "cost-now": cost_now,
    "budgets": budgets,
    "gpus": gpus,
    "training-run": training_run,
    "providers": providers,
    "serving": serving,
    "itself": itself,
}
