"""How Grafana is started where it is installed. It is not fetched: no distribution has it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from demo.configs import REPOSITORY
from demo.ports import HOST

HOMES = (
    Path("/usr/share/grafana"),
    Path("/usr/local/share/grafana"),
    Path("/opt/homebrew/opt/grafana/share/grafana"),
    Path("/usr/local/opt/grafana/share/grafana"),
)
"""Where the packages of Grafana Labs and of Homebrew put what the program needs beside itself."""


def command() -> list[str | Path] | None:
    """What starts Grafana, or `None` where it is not installed."""
    program = shutil.which("grafana")
    if program is None:
        return None
    beside = Path(program).resolve().parent.parent
    home = next((home for home in (beside, *HOMES) if (home / "conf" / "defaults.ini").exists()), None)
    options: list[str | Path] = ["--homepath", home] if home else []
    return [program, "server", *options]


def settings(folder: Path, port: int, prometheus_url: str) -> Mapping[str, str]:
    """Environment variables: our data source and dashboards, its data in `folder`, no login on loopback."""
    return {
        "GF_PATHS_DATA": str(folder / "grafana"),
        "GF_PATHS_LOGS": str(folder / "grafana" / "log"),
        "GF_PATHS_PLUGINS": str(folder / "grafana" / "plugins"),
        "GF_PATHS_PROVISIONING": str(REPOSITORY / "grafana" / "provisioning"),
        "GF_SERVER_HTTP_ADDR": HOST,
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(REPOSITORY / "grafana" / "dashboards" / "cost-now.json"),
        "TAXIMETER_PROMETHEUS_URL": prometheus_url,
        "TAXIMETER_DASHBOARDS": str(REPOSITORY / "grafana" / "dashboards"),
    }
