"""Curves of one quantity against another, such as accuracy against money."""

from grafana_foundation_sdk.builders import xychart as sdk
from grafana_foundation_sdk.builders.common import VizTooltipOptions
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models.common import TooltipDisplayMode
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    MatcherConfig,
    Panel,
)
from grafana_foundation_sdk.models.xychart import SeriesMapping, XYShowMode

from dashboards_src.layer.dressing import dressed, legend_in_a_line
from dashboards_src.layer.joining import joined
from dashboards_src.layer.queries import Query


def curves(
    *,
    title: str,
    description: str,
    unit: str,
    x_unit: str,
    x_title: str,
    y_title: str,
    by: str,
    x: Query,
    y: Query,
    no_value: str,
) -> Panel:
    """A curve for each value of the label `by`, which `x` has and which names the curve.

    `x` and `y` are tables over time; they are joined on time and the labels that both have.
    """
    return (
        dressed(
            sdk.Panel(),
            title=title,
            description=description,
            unit=unit,
            queries=[x, y],
            no_value=no_value,
        )
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .mapping(SeriesMapping.AUTO)
        .series([])  # for each frame: x its first number, y the second
        .show(XYShowMode.POINTS_AND_LINES)
        .point_size(sdk.XychartFieldConfigPointSize().fixed(4))
        .line_width(2)
        .legend(legend_in_a_line())
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.SINGLE))
        .transformations(
            [
                *joined({"Value #A": x_title, "Value #B": y_title, by: by}),
                DataTransformerConfig("partitionByValues", options={"fields": [by], "keepFields": False}),
            ]
        )
        .with_override(
            MatcherConfig("byName", x_title),
            [
                DynamicConfigValue("unit", x_unit),
                DynamicConfigValue("decimals", 2),
                DynamicConfigValue("custom.axisLabel", x_title),
            ],
        )
        .build()
    )
