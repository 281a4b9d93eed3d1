"""State timelines: a row for each series, coloured by what state it was in."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import statetimeline as sdk
from grafana_foundation_sdk.builders.common import VizTooltipOptions
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models.common import TooltipDisplayMode, VisibilityMode
from grafana_foundation_sdk.models.dashboard import FieldColorModeId, Panel, ValueMapping

from dashboards_src.layer.dressing import dressed, legend_in_a_line
from dashboards_src.layer.queries import Query
from dashboards_src.layer.units import TEXT


def timeline(
    *,
    title: str,
    description: str,
    queries: Sequence[Query],
    mappings: Sequence[ValueMapping],
    no_value: str = "no reading",
) -> Panel:
    """A row for each series; `mappings` have the words and colours of its values. Time without a value stays empty."""
    return (
        dressed(
            sdk.Panel(),
            title=title,
            description=description,
            unit=TEXT,
            queries=queries,
            no_value=no_value,
        )
        # Fixed, not by threshold, or the legend lists thresholds; it is the colour of no value, all others have words.
        .color_scheme(FieldColor().mode(FieldColorModeId.FIXED).fixed_color("transparent"))
        .mappings(list(mappings))
        .merge_values(True)
        .show_value(VisibilityMode.NEVER)
        .row_height(0.8)
        .fill_opacity(85)
        .line_width(0)
        .legend(legend_in_a_line())
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.SINGLE))
        .build()
    )
