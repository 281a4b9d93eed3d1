"""The form of a dashboard that is handed to people with a Grafana of their own.

Whoever imports it is asked for the Prometheus (Grafana's "Export for sharing externally"); file provisioning, which can
ask nobody, refuses it. It stays the same dashboard: what is picked becomes the data source variable's first value.
"""

import json
from typing import Any

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards_src.layer.document import render
from dashboards_src.layer.layout import PLUGIN_VERSION
from dashboards_src.layer.queries import DATASOURCE_VARIABLE

_INPUT = "DS_PROMETHEUS"
_PANELS = {
    "bargauge": "Bar gauge",
    "barchart": "Bar chart",
    "heatmap": "Heatmap",
    "stat": "Stat",
    "state-timeline": "State timeline",
    "status-history": "Status history",
    "table": "Table",
    "text": "Text",
    "timeseries": "Time series",
    "xychart": "XY Chart",
}
"""Grafana's names of its panels."""


def render_for_sharing(document: Dashboard) -> str:
    """The dashboard's JSON with `__inputs` and `__requires`.

    Raises:
        KeyError: it has a panel of a kind whose name is not known here.
    """
    content: dict[str, Any] = json.loads(render(document))
    (datasource,) = (each for each in content["templating"]["list"] if each["name"] == DATASOURCE_VARIABLE)
    datasource["current"] = {"selected": True, "text": f"${{{_INPUT}}}", "value": f"${{{_INPUT}}}"}
    content["__inputs"] = [
        {
            "name": _INPUT,
            "label": "Prometheus",
            "description": "The Prometheus that scrapes Taximeter",
            "type": "datasource",
            "pluginId": "prometheus",
            "pluginName": "Prometheus",
        }
    ]
    content["__elements"] = {}
    content["__requires"] = [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": PLUGIN_VERSION},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        *({"type": "panel", "id": kind, "name": _PANELS[kind], "version": ""} for kind in sorted(_kinds(content))),
    ]
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _kinds(content: dict[str, Any]) -> set[str]:
    inner = (panel for row in content["panels"] for panel in row.get("panels") or [])
    return {panel["type"] for panel in [*content["panels"], *inner]} - {"row"}
