"""A dashboard as a whole, and as the text of its file."""

import json
from collections.abc import Iterable, Sequence

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import TimePicker
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationContainer,
    AnnotationQuery,
    Dashboard,
    DashboardCursorSync,
    DashboardDashboardTemplating,
    VariableModel,
)

from dashboards_src.layer.layout import Section, placed
from dashboards_src.layer.links import to_all
from dashboards_src.layer.variables import datasource

TAG = "taximeter"


def dashboard(
    *,
    uid: str,
    title: str,
    description: str,
    variables: Sequence[VariableModel],
    annotations: Sequence[AnnotationQuery],
    sections: Iterable[Section],
    since: str,
    refresh: str,
) -> Dashboard:
    """A dashboard in Grafana's classic schema, which file provisioning takes.

    Args:
        uid: part of the dashboard's address; stays the same for good.
        title: its name.
        description: what it answers.
        variables: in the order of the controls, after the data source, which every dashboard has.
        annotations: in the order of the switches.
        sections: the panels.
        since: start of the time range at first, such as ``now-1h``.
        refresh: how often it reloads, such as ``10s``.
    """
    result = (
        Builder(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("browser")
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time(since, "now")
        .timepicker(TimePicker().refresh_intervals(["5s", "10s", "30s", "1m", "5m", "15m"]))
        .refresh(refresh)
        .build()
    )
    result.templating = DashboardDashboardTemplating(list_val=[datasource(), *variables])
    result.annotations = AnnotationContainer(list_val=list(annotations))
    result.links = [to_all(TAG, title="Taximeter")]
    result.panels = placed(sections)
    return result


def render(document: Dashboard) -> str:
    """JSON with sorted keys, so that the same dashboard is always the same text."""
    return json.dumps(document, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
