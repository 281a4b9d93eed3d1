"""Bars of a table: parts stacked to a whole, or things side by side.

Bars lie, so that long names stay legible.
"""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from grafana_foundation_sdk.builders import barchart as sdk
from grafana_foundation_sdk.builders.common import VizTooltipOptions
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models.common import (
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    MatcherConfig,
    Panel,
)

from dashboards_src.layer.dressing import dressed, legend_in_a_line
from dashboards_src.layer.fields import Override
from dashboards_src.layer.joining import joined
from dashboards_src.layer.queries import Query

_LONGEST_NAME = 32


def stacked_bars(
    *,
    title: str,
    description: str,
    unit: str,
    decimals: int,
    by: str,
    parts: Mapping[str, Query],
    no_value: str,
    overrides: Sequence[Override] = (),
) -> Panel:
    """A bar for each value of the label `by`, made of `parts`: tables that all have that label, by the part's name."""
    names = {f"Value #{letter}": part for letter, part in zip(ascii_uppercase, parts, strict=False)}
    return _bars(
        title=title,
        description=description,
        unit=unit,
        decimals=decimals,
        x_field=by,
        stacking=StackingMode.NORMAL,
        queries=[*parts.values()],
        no_value=no_value,
        overrides=overrides,
        transformations=joined({by: by, **names}),
    )


def grouped_bars(
    *,
    title: str,
    description: str,
    unit: str,
    decimals: int,
    group: str,
    group_unit: str,
    by: str,
    query: Query,
    no_value: str,
) -> Panel:
    """Groups of bars: one for each value of the label `group`, in it a bar for each value of the label `by`.

    `group_unit` is the unit of the values of `group`, which may be numbers.
    """
    groups = f"{group}\\{by}"  # as the transformation calls the field
    return _bars(
        title=title,
        description=description,
        unit=unit,
        decimals=decimals,
        x_field=groups,
        stacking=StackingMode.NONE,
        queries=[query],
        no_value=no_value,
        overrides=[Override(MatcherConfig("byName", groups), [DynamicConfigValue("unit", group_unit)])],
        transformations=[
            DataTransformerConfig(
                "groupingToMatrix",
                options={"rowField": group, "columnField": by, "valueField": "Value", "emptyValue": "null"},
            ),
        ],
    )


def _bars(
    *,
    title: str,
    description: str,
    unit: str,
    decimals: int,
    x_field: str,
    stacking: StackingMode,
    queries: Sequence[Query],
    no_value: str,
    overrides: Sequence[Override],
    transformations: list[DataTransformerConfig],
) -> Panel:
    return (
        dressed(
            sdk.Panel(),
            title=title,
            description=description,
            unit=unit,
            decimals=decimals,
            minimum=0,
            queries=queries,
            no_value=no_value,
            overrides=overrides,
        )
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .transformations(transformations)
        .x_field(x_field)
        .x_tick_label_max_length(_LONGEST_NAME)
        .orientation(VizOrientation.HORIZONTAL)
        .stacking(stacking)
        .show_value(VisibilityMode.NEVER)
        .bar_width(0.9)
        .group_width(0.8)
        .fill_opacity(80)
        .legend(legend_in_a_line())
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.NONE))
        .build()
    )
