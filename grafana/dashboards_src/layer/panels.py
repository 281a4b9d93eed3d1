"""The commonest panels: lines over time, values in large type, bars.

Each function returns one whole panel but for its id and place, which the layout gives.
"""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import bargauge, stat, timeseries
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTextDisplayOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeNamePlacement,
    BarGaugeSizing,
    BarGaugeValueMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import FieldColorModeId, Panel, ValueMapping

from dashboards_src.layer.dressing import dressed
from dashboards_src.layer.fields import NO_THRESHOLD, SERIES_NAME, Override, Steps
from dashboards_src.layer.queries import Query

LAST = "lastNotNull"
MAX = "max"
MIN = "min"
MEAN = "mean"
_HEADS = {LAST: "Last *", MAX: "Max", MIN: "Min", MEAN: "Mean"}
"""What Grafana calls them at the head of a legend."""


def lines(
    *,
    title: str,
    description: str,
    unit: str,
    queries: Sequence[Query],
    decimals: int | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    stacked: bool = False,
    legend: Sequence[str] = (LAST,),
    most_points: int | None = None,
    no_value: str = "no reading",
    overrides: Sequence[Override] = (),
) -> Panel:
    """Lines over time, or filled areas on each other; the legend is a table of `legend`'s calculations.

    Sorted by the first, for few rows are seen at once: the highest on top, or the lowest where `MIN` is among them.
    `most_points` is how many moments are asked for at most; without it as many as the panel is wide in pixels.
    """
    panel = dressed(
        timeseries.Panel(),
        title=title,
        description=description,
        unit=unit,
        queries=queries,
        decimals=decimals,
        minimum=minimum,
        maximum=maximum,
        no_value=no_value,
        overrides=overrides,
    )
    panel.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    panel.line_width(2).line_interpolation(LineInterpolation.LINEAR).show_points(VisibilityMode.NEVER)
    panel.fill_opacity(70 if stacked else 0)
    panel.stacking(StackingConfig().mode(StackingMode.NORMAL if stacked else StackingMode.NONE).group("A"))
    panel.legend(_legend(legend)).tooltip(_tooltip())
    if most_points is not None:
        panel.max_data_points(most_points)
    return panel.build()


def values(
    *,
    title: str,
    description: str,
    unit: str,
    queries: Sequence[Query],
    decimals: int | None = None,
    steps: Steps = NO_THRESHOLD,
    background: bool = False,
    no_value: str = "no reading",
    overrides: Sequence[Override] = (),
) -> Panel:
    """The last value of each series in large type, under the series' name; `background` colours by threshold."""
    panel = dressed(
        stat.Panel(),
        title=title,
        description=description,
        unit=unit,
        queries=queries,
        decimals=decimals,
        steps=steps,
        no_value=no_value,
        overrides=overrides,
    )
    panel.color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    panel.color_mode(BigValueColorMode.BACKGROUND_SOLID if background else BigValueColorMode.NONE)
    sparkline = any(not query.instant for query in queries)
    panel.graph_mode(BigValueGraphMode.AREA if sparkline else BigValueGraphMode.NONE)
    panel.text_mode(BigValueTextMode.VALUE_AND_NAME).orientation(VizOrientation.AUTO)
    panel.reduce_options(_last_value())
    return panel.build()


def bars(
    *,
    title: str,
    description: str,
    unit: str,
    queries: Sequence[Query],
    decimals: int | None = None,
    minimum: float | None = 0,
    maximum: float | None = None,
    steps: Steps = NO_THRESHOLD,
    mappings: Sequence[ValueMapping] = (),
    no_value: str = "no reading",
    overrides: Sequence[Override] = (),
) -> Panel:
    """A horizontal bar for the last value of each series; coloured by threshold unless overridden."""
    panel = dressed(
        bargauge.Panel(),
        title=title,
        description=description,
        unit=unit,
        queries=queries,
        decimals=decimals,
        minimum=minimum,
        maximum=maximum,
        steps=steps,
        no_value=no_value,
        overrides=overrides,
    )
    panel.color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    panel.mappings(list(mappings)).display_name(SERIES_NAME)
    panel.display_mode(BarGaugeDisplayMode.BASIC).value_mode(BarGaugeValueMode.TEXT).show_unfilled(True)
    panel.orientation(VizOrientation.HORIZONTAL).name_placement(BarGaugeNamePlacement.TOP)
    panel.sizing(BarGaugeSizing.MANUAL).min_viz_height(35).max_viz_height(
        48
    )  # room for name and value; one bar alone fills no panel
    panel.reduce_options(_last_value()).text(VizTextDisplayOptions().title_size(14).value_size(18))
    return panel.build()


def _legend(calcs: Sequence[str]) -> VizLegendOptions:
    return (
        VizLegendOptions()
        .show_legend(True)
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .calcs(list(calcs))
        .sort_by(_HEADS[calcs[0]])
        .sort_desc(MIN not in calcs)
    )


def _tooltip() -> VizTooltipOptions:
    return VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)


def _last_value() -> ReduceDataOptions:
    return ReduceDataOptions().values(False).calcs([LAST]).fields("")
