"""The filters at the top of the dashboards; a filter of one name is the same on each, so that links can carry it."""

from grafana_foundation_sdk.models.dashboard import VariableModel

from dashboards_src.layer.variables import label_filter
from dashboards_src.promql import HOST, select


def project() -> VariableModel:
    """Projects that had a run."""
    return label_filter(
        "project",
        label="Project",
        description="Whose money it is; time without a run belongs to no project",
        values="label_values(taximeter_run_info, project)",
    )


def run() -> VariableModel:
    """Runs of the chosen projects, and those with a price by hand, whose project nobody knows; needs `project`."""
    return label_filter(
        "run",
        label="Run",
        description="Runs of the chosen projects within the time range",
        values='label_values({__name__=~"taximeter_run_info|taximeter_training_cost", project=~"$project|"}, run)',
    )


def instance() -> VariableModel:
    """Hosts, by the address of their exporter."""
    return label_filter(
        "instance",
        label="Host",
        description="Hosts, by the address of their exporter",
        values="label_values(taximeter_build_info, instance)",
    )


def gpu() -> VariableModel:
    """GPUs of the chosen hosts, by their index there; needs `instance`."""
    return label_filter(
        "gpu",
        label="GPU",
        description="GPUs by their index on the chosen hosts; 0:2 is MIG instance 2 of GPU 0",
        values=f"label_values({select('taximeter_gpu_info', HOST)}, gpu)",
    )


def gpu_model() -> VariableModel:
    """GPU models of the chosen hosts, as the catalog of prices calls them; needs `instance`."""
    return label_filter(
        "gpu_model",
        label="GPU model",
        description="Models of the GPUs on the chosen hosts, as the catalog of prices calls them",
        values=f"label_values({select('taximeter_gpu_model_info', HOST)}, gpu_model)",
    )


def provider() -> VariableModel:
    """Providers that offer GPUs such as those that are here."""
    return label_filter(
        "provider",
        label="Provider",
        description="Providers to compare with; what is paid now is shown whoever is chosen",
        values="label_values(taximeter_offer_price_per_hour, provider)",
    )


def budget() -> VariableModel:
    """Budgets."""
    return label_filter(
        "budget",
        label="Budget",
        description="Budgets of the exporters' taximeter.yaml",
        values="label_values(taximeter_budget_limit, budget)",
    )


def currency() -> VariableModel:
    """Currencies of prices."""
    return label_filter(
        "currency",
        label="Currency",
        description="Amounts of different currencies are never added up",
        values="label_values(taximeter_price_per_hour, currency)",
    )
