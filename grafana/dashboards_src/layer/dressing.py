"""What all kinds of panel have in common: title, description, unit, queries, thresholds; and the plain legend.

A panel without a good and a bad has a single neutral colour as its threshold.
"""

from collections.abc import Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    barchart,
    bargauge,
    heatmap,
    stat,
    statetimeline,
    table,
    timeseries,
    xychart,
)
from grafana_foundation_sdk.builders.common import VizLegendOptions
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement

from dashboards_src.layer.fields import NO_THRESHOLD, Override, Steps, thresholds
from dashboards_src.layer.queries import DATASOURCE, Query, targets

_Builder = TypeVar(
    "_Builder",
    barchart.Panel,
    bargauge.Panel,
    heatmap.Panel,
    stat.Panel,
    statetimeline.Panel,
    table.Panel,
    timeseries.Panel,
    xychart.Panel,
)


def dressed(
    builder: _Builder,
    *,
    title: str,
    description: str,
    unit: str,
    queries: Sequence[Query],
    no_value: str,
    decimals: int | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    steps: Steps = NO_THRESHOLD,
    overrides: Sequence[Override] = (),
) -> _Builder:
    """The SDK's builder of a panel with what every panel has; `no_value` stands where no query has an answer."""
    builder.title(title).description(description).unit(unit).no_value(no_value)
    builder.datasource(DATASOURCE).targets(list(targets(queries))).thresholds(thresholds(steps))
    if decimals is not None:
        builder.decimals(decimals)
    if minimum is not None:
        builder.min(minimum)
    if maximum is not None:
        builder.max(maximum)
    for override in overrides:
        builder.with_override(override.matcher, list(override.properties))
    return builder


def legend_in_a_line() -> VizLegendOptions:
    """Names alone, side by side below the panel."""
    return VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
