"""Alerts handed to an Alertmanager, as Prometheus does it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen


def post_alerts(alertmanager: str, *alerts: Mapping[str, Any]) -> None:
    """All in one request to the Alertmanager at an address. Raises `HTTPError` if it does not take them."""
    url, body = f"{alertmanager}/api/v2/alerts", json.dumps(alerts).encode()
    with urlopen(Request(url, data=body, headers={"Content-Type": "application/json"}), timeout=120):
        pass
