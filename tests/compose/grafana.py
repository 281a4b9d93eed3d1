"""Grafana's HTTP API, asked as its pages ask it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from demo.web import get_json
from grafana.queries import Query

DATASOURCE = "taximeter-prometheus"
_STEP_MS = 15_000
_POINTS = 1000


@dataclass(frozen=True)
class Grafana:
    """A Grafana, by its address."""

    url: str

    def titles(self) -> dict[str, str]:
        """The title of each dashboard, by its uid."""
        return {entry["uid"]: entry["title"] for entry in get_json(f"{self.url}/api/search", type="dash-db")}

    def dashboard(self, uid: str) -> Any:
        """A dashboard's JSON, as it is stored."""
        return get_json(f"{self.url}/api/dashboards/uid/{uid}")["dashboard"]

    def problem(self, query: Query, *, since: str = "now-1h") -> str | None:
        """What Grafana says is wrong with a panel's query; `None` if it was answered, be it with no series."""
        asked = {
            "refId": query.ref_id or "A",
            "datasource": {"type": "prometheus", "uid": DATASOURCE},
            "expr": query.expr,
            "instant": query.instant,
            "range": not query.instant,
            "intervalMs": _STEP_MS,
            "maxDataPoints": _POINTS,
        }
        body = json.dumps({"queries": [asked], "from": since, "to": "now"}).encode()
        post = Request(f"{self.url}/api/ds/query", data=body, headers={"Content-Type": "application/json"})
        try:
            with urlopen(post, timeout=120) as answer:
                result = json.load(answer)["results"][asked["refId"]]
        except HTTPError as refused:
            with refused:
                return f"{refused.code}: {refused.read(500).decode(errors='replace')}"
        error = result.get("error")
        return None if error is None else str(error)
