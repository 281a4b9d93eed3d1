"""The files that Grafana is provisioned from."""

from typing import Any

import yaml
from grafana.files import REPOSITORY

PROVISIONING = REPOSITORY / "grafana" / "provisioning"


def loaded(name: str) -> Any:
    return yaml.safe_load((PROVISIONING / name / "taximeter.yml").read_text(encoding="utf-8"))


def test_the_data_source_is_the_default_prometheus_of_the_environment() -> None:
    (source,) = loaded("datasources")["datasources"]
    assert (source["type"], source["uid"], source["isDefault"]) == ("prometheus", "taximeter-prometheus", True)
    assert source["url"] == "$TAXIMETER_PROMETHEUS_URL"


def test_the_data_source_knows_the_scrape_interval() -> None:
    """Grafana derives $__rate_interval from it: too short, and rates have no two samples to stand on."""
    (source,) = loaded("datasources")["datasources"]
    prometheus = yaml.safe_load((REPOSITORY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]


def test_dashboards_come_from_the_folder_of_the_environment() -> None:
    (provider,) = loaded("dashboards")["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"] == "$TAXIMETER_DASHBOARDS"
