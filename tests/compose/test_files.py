"""What can be told from the files alone: every service is pinned, watched, confined, and finds what it refers to."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from compose.engine import compose_problem
from compose.files import (
    COMPOSE,
    GPU,
    ONE_SHOT,
    OPENED_BY_A_PERSON,
    REPOSITORY,
    dockerfile,
    images,
    read_yaml,
    services,
)

SERVICES = services()

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def mounts(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Source, target and mode of each volume."""
    split = (volume.split(":") for volume in service.get("volumes", []))
    return [(parts[0], parts[1], parts[2] if len(parts) > 2 else "rw") for parts in split]


@each_service
def test_images_are_pinned_to_a_version(service: dict[str, Any]) -> None:
    assert images(service)
    for image in images(service):
        assert re.fullmatch(r"[a-z/]+:v?\d+(\.\d+)+(-slim)?", image), image


@each_service
def test_a_dockerfile_leaves_versions_to_pyproject(service: dict[str, Any]) -> None:
    text = dockerfile(service) or ""
    assert not re.search(r"[=<>~]=\s*\d", text)


@pytest.mark.parametrize("name", SERVICES.keys() - ONE_SHOT)
def test_health_is_checked_often_at_first_and_seldom_later(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert len(check["test"]) > 1
    assert (check["start_interval"], check["interval"]) == ("1s", "30s")


@each_service
def test_nothing_runs_as_root_or_could_become_it(service: dict[str, Any]) -> None:
    text = dockerfile(service)
    users = [str(service["user"])] if text is None else re.findall(r"^USER (\S+)", text, flags=re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d*:\d+", users[-1])
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_only_what_a_person_opens_is_published_and_on_loopback_only(name: str) -> None:
    port = OPENED_BY_A_PERSON.get(name)
    expected = [] if port is None else [f"127.0.0.1:${{TAXIMETER_{name.upper()}_PORT:-{port}}}:{port}"]
    assert SERVICES[name].get("ports", []) == expected


@each_service
def test_files_that_are_mounted_exist_and_cannot_be_written(service: dict[str, Any]) -> None:
    for source, _, mode in mounts(service):
        if source.startswith("."):
            assert (REPOSITORY / source).exists(), source
            assert mode == "ro", source


def test_every_named_volume_is_declared_and_used() -> None:
    used = {source for service in SERVICES.values() for source, _, _ in mounts(service) if not source.startswith(".")}
    assert used == set(read_yaml(COMPOSE)["volumes"])


def test_the_trainer_keeps_its_runs_and_downloads_on_volumes_that_it_may_write_to() -> None:
    trainer = SERVICES["trainer"]
    kept = {target for _, target, mode in mounts(trainer) if mode == "rw"}
    output = trainer["command"][trainer["command"].index("--output") + 1]
    assert kept == {output, "/home/taximeter/.cache/taximeter"}
    # A new volume takes its owner over from the folder in the image.
    text = (dockerfile(trainer) or "").replace("\\\n", " ")
    made = {path for line in re.findall(r"install -d -o 10001 -g 10001 ([^&\n]+)", text) for path in line.split()}
    assert kept <= made
    assert re.search(r"^USER 10001:10001$", text, flags=re.MULTILINE)


def test_the_trainers_workers_have_room_to_hand_batches_over() -> None:
    """Through /dev/shm, of which Docker gives 64 MB: no more than six batches of 64 images of 224 × 224."""
    size = re.fullmatch(r"(\d+)gb", SERVICES["trainer"]["shm_size"])
    assert size
    workers, ahead, images = 16, 3, 256  # the most that there are by themselves, and a large batch
    assert int(size[1]) * 1024**3 >= workers * ahead * images * 3 * 224 * 224


def test_only_the_trainer_and_what_ends_are_not_started_again_by_themselves() -> None:
    again = {name: service["restart"] for name, service in SERVICES.items() if service["restart"] != "unless-stopped"}
    assert again == dict.fromkeys({"trainer", *ONE_SHOT}, "no")


@each_service
def test_what_a_service_waits_for_is_healthy_or_done(service: dict[str, Any]) -> None:
    for name, how in service.get("depends_on", {}).items():
        assert name in SERVICES
        assert how == {"condition": "service_completed_successfully" if name in ONE_SHOT else "service_healthy"}


def test_alertmanager_reads_the_secrets_as_whoever_looked_at_them_and_where_they_were() -> None:
    writer, reader = SERVICES["alertmanager-config"], SERVICES["alertmanager"]
    assert writer["user"] == reader["user"]
    assert ("./alertmanager", "/etc/taximeter", "ro") in mounts(writer)
    assert ("./alertmanager", "/etc/taximeter", "ro") in mounts(reader)
    (written,) = [option.partition("=")[2] for option in writer["command"] if option.startswith("--out=")]
    (read,) = [option.partition("=")[2] for option in reader["command"] if option.startswith("--config.file=")]
    volumes = [{target: source for source, target, _ in mounts(service)} for service in (writer, reader)]
    assert [volume[str(Path(path).parent)] for volume, path in zip(volumes, (written, read), strict=True)] == [
        "alertmanager-config"
    ] * 2


def test_configurations_name_services_that_are_there() -> None:
    prometheus = read_yaml(REPOSITORY / "prometheus/prometheus.yml")
    hosts = {
        target.rpartition(":")[0]
        for section in (*prometheus["scrape_configs"], *prometheus["alerting"]["alertmanagers"])
        for group in section["static_configs"]
        for target in group["targets"]
    }
    options = dict(option.split("=") for option in SERVICES["alertmanager-config"]["command"] if "=" in option)
    hosts.update([options["--catcher"].rpartition(":")[0], urlsplit(options["--receiver"]).hostname])
    for address in ("TAXIMETER_EXPORTER", "TAXIMETER_PROMETHEUS_URL"):
        hosts.update(
            urlsplit(service["environment"][address]).hostname
            for service in SERVICES.values()
            if address in service.get("environment", {})
        )
    assert hosts - {"localhost"} == {"exporter", "trainer", "prometheus", "alertmanager", "receiver", "mail"}


def test_grafana_gets_every_variable_and_file_that_its_provisioning_names() -> None:
    grafana = SERVICES["grafana"]
    provisioning = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "grafana").glob("*/*/*.yml"))
    variables = set(re.findall(r": \$(\w+)", provisioning))
    assert variables
    assert variables <= set(grafana["environment"])
    inside = {target: source for source, target, _ in mounts(grafana)}
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == grafana["environment"]["TAXIMETER_DASHBOARDS"]
    assert (REPOSITORY / inside[str(home.parent)] / home.name).is_file()


def test_with_gpus_the_exporter_meters_them_or_fails() -> None:
    problem = compose_problem()
    if problem is not None:
        pytest.skip(f"merges the files with docker compose: {problem}")
    done = subprocess.run(
        ["docker", "compose", "-f", COMPOSE, "-f", GPU, "config", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    merged = json.loads(done.stdout)["services"]
    assert merged.keys() == SERVICES.keys()
    with_gpus = {
        name: service["deploy"]["resources"]["reservations"]["devices"]
        for name, service in merged.items()
        if "deploy" in service
    }
    every_gpu = [{"driver": "nvidia", "count": -1, "capabilities": ["gpu"]}]
    assert with_gpus == {"exporter": every_gpu, "trainer": every_gpu}
    assert merged["exporter"]["environment"]["TAXIMETER_DEVICES"] == "gpu"
    assert merged["trainer"]["environment"]["TAXIMETER_EXPORTER"] == "http://exporter:9877"
