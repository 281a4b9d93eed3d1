"""Histograms over time: the darker or brighter a cell, the more fell into its bucket."""

from grafana_foundation_sdk.builders import heatmap as sdk
from grafana_foundation_sdk.models.dashboard import Panel
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode, HeatmapColorScale

from dashboards_src.layer.colours import BLUE
from dashboards_src.layer.dressing import dressed
from dashboards_src.layer.queries import Query


def heatmap(
    *,
    title: str,
    description: str,
    unit: str,
    bucket_unit: str,
    buckets: Query,
    no_value: str,
) -> Panel:
    """A cell for each bucket and moment: `unit` is of what is counted in it, `bucket_unit` of the buckets' limits."""
    return (
        dressed(
            sdk.Panel(),
            title=title,
            description=description,
            unit=unit,
            queries=[buckets],
            no_value=no_value,
        )
        .calculate(False)  # they are buckets already
        .color(
            sdk.HeatmapColorOptions()  # by opacity: one hue, on the dark theme as on the light one
            .mode(HeatmapColorMode.OPACITY)
            .fill(BLUE)
            .scale(HeatmapColorScale.EXPONENTIAL)
            .exponent(0.5)
            .steps(64)
        )
        .y_axis(sdk.YAxisConfig().unit(bucket_unit))
        .cell_gap(1)
        .show_legend()
        .build()
    )
