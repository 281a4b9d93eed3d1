"""The files that these tests read."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ARCHITECTURE = REPOSITORY / "docs" / "architecture.md"
DASHBOARDS = REPOSITORY / "grafana" / "dashboards"
SHARING = REPOSITORY / "grafana" / "sharing"

FILES = sorted(DASHBOARDS.glob("*.json"))
"""The dashboards as they are provisioned."""

RULES = sorted((REPOSITORY / "prometheus" / "rules").glob("*.yml"))
"""Recording rules and alerts."""
