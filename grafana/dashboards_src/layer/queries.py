"""Queries of panels: Prometheus, through the data source variable."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

DATASOURCE_VARIABLE = "datasource"
DATASOURCE = DataSourceRef(type_val="prometheus", uid=f"${{{DATASOURCE_VARIABLE}}}")


@dataclass(frozen=True)
class Query:
    """One PromQL expression.

    Attributes:
        expr: PromQL; Grafana's and the dashboard's variables are allowed.
        legend: the series' name, with ``{{label}}``; unused by tables.
        instant: evaluated once at the end of the time range, not along it.
        form: a series for each set of labels, a table with a column for each label, or buckets of a histogram.
        min_step: the shortest step, such as ``15s``; rates then look back four times as far at least. For series that
            grow in jumps. None takes the data source's.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    form: PromQueryFormat = PromQueryFormat.TIME_SERIES
    min_step: str | None = None


def over_time(expr: str, legend: str, *, min_step: str | None = None) -> Query:
    """A line for each series."""
    return Query(expr, legend, min_step=min_step)


def now(expr: str, legend: str) -> Query:
    """One value for each series, at the end of the time range."""
    return Query(expr, legend, instant=True)


def rows(expr: str, *, min_step: str | None = None) -> Query:
    """A table row for each series, at the end of the time range."""
    return Query(expr, instant=True, form=PromQueryFormat.TABLE, min_step=min_step)


def rows_over_time(expr: str) -> Query:
    """A table row for each series and moment of the time range."""
    return Query(expr, form=PromQueryFormat.TABLE)


def buckets_over_time(expr: str) -> Query:
    """The buckets of a histogram, by their upper limit in the label ``le``, at each moment of the time range."""
    return Query(expr, "{{le}}", form=PromQueryFormat.HEATMAP)


def targets(queries: Sequence[Query]) -> Iterable[Dataquery]:
    """The SDK's form, with refIds A, B, C … in order.

    Raises:
        ValueError: more queries than letters.
    """
    if len(queries) > len(ascii_uppercase):
        raise ValueError(f"{len(queries)} queries in one panel, at most {len(ascii_uppercase)}")
    for ref_id, query in zip(ascii_uppercase, queries, strict=False):
        target = (
            Dataquery()
            .expr(" ".join(query.expr.split()))
            .ref_id(ref_id)
            .datasource(DATASOURCE)
            .editor_mode(QueryEditorMode.CODE)
            .format(query.form)
            .legend_format(query.legend)
        )
        if query.min_step is not None:
            target.interval(query.min_step)
        yield target.instant() if query.instant else target.range()
