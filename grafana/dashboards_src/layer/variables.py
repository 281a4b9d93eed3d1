"""Dashboard variables: the data source, and label filters with "All"."""

from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable
from grafana_foundation_sdk.models.dashboard import VariableModel, VariableOption, VariableRefresh, VariableSort

from dashboards_src.layer.queries import DATASOURCE, DATASOURCE_VARIABLE


def datasource() -> VariableModel:
    """The Prometheus to ask: the default one until the reader picks another."""
    return (
        DatasourceVariable(DATASOURCE_VARIABLE)
        .label("Data source")
        .description("The Prometheus that scrapes Taximeter")
        .type("prometheus")
        .current(VariableOption(selected=True, text="default", value="default"))
        .build()
    )


def label_filter(name: str, *, label: str, description: str, values: str) -> VariableModel:
    """A filter by a label's values, several at once, at first All (which matches also where the label is absent).

    Args:
        name: the variable's name.
        label: what the reader sees.
        description: shown beside it.
        values: a ``label_values(…)`` query.
    """
    return (
        QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(DATASOURCE)
        .query({"qryType": 1, "query": values, "refId": f"variable-{name}"})
        .definition(values)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
        .build()
    )
