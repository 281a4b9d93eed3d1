"""Marks on every panel over time."""

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery as Builder
from grafana_foundation_sdk.models.dashboard import AnnotationQuery

from dashboards_src.layer.queries import DATASOURCE


def mark(
    name: str,
    *,
    expr: str,
    title: str,
    text: str,
    colour: str,
    tags: str = "",
    value_is_time: bool = False,
    can_be_hidden: bool = True,
) -> AnnotationQuery:
    """A mark where `expr` has a value: a region for as long as it has, or a line at the value in milliseconds.

    Args:
        name: the name of the switch at the top of the dashboard.
        expr: PromQL.
        title: the head of the tooltip, with ``{{label}}``.
        text: its text, with ``{{label}}``.
        colour: of the mark.
        tags: labels to show as tags, separated by commas.
        can_be_hidden: the reader gets a switch for it.
        value_is_time: the value is the moment, in milliseconds since 1970.
    """
    return (
        Builder()
        .name(name)
        .datasource(DATASOURCE)
        .enable(True)
        .hide(not can_be_hidden)
        .expr(" ".join(expr.split()))
        .title_format(title)
        .text_format(text)
        .tag_keys(tags)
        .icon_color(colour)
        .use_value_for_time(value_is_time)
        .build()
    )
