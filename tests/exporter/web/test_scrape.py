"""`/metrics`, `/healthz`, `/readyz` and `/` over real HTTP."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.nvml.build import build as build_nvml
from fakes.nvml.build import environment
from fakes.nvml.scenario import GIB, gpus
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from support.programs import CONFIG, RunningExporter, exporter, wait_for, write_config
from taximeter_exporter.web.metrics import ALL, hosts, market, money, spot
from taximeter_exporter.web.metrics import gpus as gpu_metrics
from taximeter_exporter.web.metrics import runs as run_metrics

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"


def test_text_and_openmetrics_by_negotiation(running: RunningExporter) -> None:
    def names() -> set[str]:
        text = running.get("/metrics", Accept="text/plain")
        assert text.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return {family.name for family in parse_text(text.body.decode())}

    before, now, after = set[str](), set[str](), {"unknown"}
    while before != after:  # a series was born meanwhile: each is once at most
        before = names()
        open_metrics = running.get("/metrics", Accept=OPENMETRICS)
        assert open_metrics.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        families = parse_openmetrics(open_metrics.body.decode())  # type: ignore[no-untyped-call]
        now = {family.name for family in families}
        after = names()
    assert now == before


def test_gzip_is_for_those_who_take_it(running: RunningExporter) -> None:
    packed = running.get("/metrics", Accept_Encoding="br, gzip;q=1.0")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert b"taximeter_build_info" in gzip.decompress(packed.body)
    for refused in ("identity", "gzip;q=0", ""):
        plain = running.get("/metrics", Accept_Encoding=refused)
        assert "Content-Encoding" not in plain.headers
        assert b"taximeter_build_info" in plain.body


def test_probes_overview_and_head(running: RunningExporter) -> None:
    assert running.get("/healthz").body == b"ok\n"
    wait_for(lambda: running.get("/readyz").body == b"ok\n", "it is not ready")
    page = running.get("/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert running.get("/api/v1/overview").json()["cost_per_hour"] == {"USD": "3600.000000"}
    wait_for(lambda: running.get("/api/v1/overview").json()["problems"] == [], "it has problems")
    head = running.call("HEAD", "/")
    assert (head.status, head.body, int(head.headers["Content-Length"])) == (200, b"", len(running.get("/").body))


def test_labels_are_escaped_and_a_run_that_ended_says_how(running: RunningExporter) -> None:
    awkward = 'back\\slash "quoted" <b>&'
    run = running.call("POST", "/api/v1/runs", {"run": "odd", "project": "demo", "dataset": awkward}).json()
    wait_for(lambda: b'run="odd"' in running.get("/metrics").body, "the run is not shown")
    assert running.value("taximeter_run_info", run="odd", dataset=awkward) == 1
    assert b"taximeter_run_end_timestamp_seconds{" not in running.get("/metrics").body
    ended = running.call("POST", "/api/v1/runs/odd/end", {"lease": run["lease"], "result": "stopped"}).json()
    wait_for(lambda: b"taximeter_run_end_timestamp_seconds{" in running.get("/metrics").body, "the run does not end")
    at = datetime.fromtimestamp(running.value("taximeter_run_end_timestamp_seconds", run="odd", result="stopped"), UTC)
    assert abs(at - datetime.fromisoformat(ended["ended_at"])) < timedelta(milliseconds=2)


def test_no_series_is_ever_without_a_number(running: RunningExporter) -> None:
    assert not re.search(r"(NaN|Inf)$", running.get("/metrics").body.decode(), re.MULTILINE)


def test_gpus_through_the_real_binding_and_a_scrape_that_calls_no_driver(
    tmp_path: Path, fake_nvml_libraries: Path
) -> None:
    scenario = tmp_path / "scenario"
    gpus(count=2, processes=3).write(scenario)
    environ = environment(build_nvml(fake_nvml_libraries), scenario)
    with exporter(write_config(tmp_path), environ=environ) as running:
        metrics = running.metrics()
        uuids = {dict(labels)["uuid"] for (name, labels) in metrics if name == "taximeter_gpu_up"}
        assert len(uuids) == 2
        for uuid in uuids:
            assert running.value("taximeter_price_per_hour", uuid=uuid, currency="USD") == 450
            wait_for(lambda it=uuid: running.values("taximeter_gpu_processes", uuid=it) == [3], "the GPU is not read")
        assert not [name for (name, labels) in metrics if dict(labels).get("simulated")]
        assert not [name for (name, _) in metrics if name.startswith("taximeter_host_")]


@pytest.mark.parametrize("wanted", [False, True])
def test_series_of_each_process_only_where_they_are_asked_for(
    tmp_path: Path, fake_nvml_libraries: Path, wanted: bool
) -> None:
    scenario = tmp_path / "scenario"
    gpus(count=1, processes=2).write(scenario)
    environ = environment(build_nvml(fake_nvml_libraries), scenario)
    config = f"process_metrics: true\n{CONFIG}" if wanted else CONFIG
    with exporter(write_config(tmp_path, config), environ=environ) as running:
        wait_for(lambda: b"taximeter_gpu_processes" in running.get("/metrics").body, "the GPU is not read")
        of_processes = {
            dict(labels)["pid"]: value
            for (name, labels), value in running.metrics().items()
            if name == "taximeter_process_memory_used_bytes"
        }
        assert of_processes == ({"1000": GIB, "1001": GIB} if wanted else {})


def test_a_new_ledger_has_spent_this_month_all_that_it_has_spent(tmp_path: Path) -> None:
    with exporter(write_config(tmp_path), "--simulate") as running:
        wait_for(lambda: b"taximeter_period_cost{" in running.get("/metrics").body, "nothing is booked")
        metrics = running.metrics()
        ever = sum(value for (name, _), value in metrics.items() if name == "taximeter_cost_total")
        by_period = [(labels, value) for (name, labels), value in metrics.items() if name == "taximeter_period_cost"]
        assert sum(value for labels, value in by_period if ("period", "month") in labels) == pytest.approx(ever)
        (start,) = (each["period_start"] for each in running.get("/api/v1/overview").json()["spent"][1:])
        began = running.value("taximeter_period_start_timestamp_seconds", period="month", timezone="UTC")
        assert datetime.fromtimestamp(began, UTC) == datetime.fromisoformat(start)
        assert began < running.value("taximeter_period_end_timestamp_seconds", period="month")


def test_a_machine_has_cost_what_its_devices_have_cost(tmp_path: Path) -> None:
    def together(name: str) -> dict[tuple[str, str, str], float]:
        sums: dict[tuple[str, str, str], float] = {}
        for labels, value in ((dict(labels), value) for (its, labels), value in metrics.items() if its == name):
            key = (labels["project"], labels["share"], labels["currency"])
            sums[key] = sums.get(key, 0.0) + value
        return sums

    with exporter(write_config(tmp_path), "--simulate") as running:
        lease = running.call("POST", "/api/v1/runs", {"run": "r", "project": "vision"}).json()["lease"]

        def booked() -> bool:
            running.call("POST", "/api/v1/runs/r/renew", {"lease": lease})
            return running.value("taximeter_run_cost_total", run="r") > 0

        wait_for(booked, "nothing is booked")
        metrics = running.metrics()
        assert ("vision", "active", "USD") in together("taximeter_machine_cost_total")
        assert together("taximeter_machine_cost_total") == pytest.approx(together("taximeter_cost_total"))
        assert len([name for name, _ in metrics if name == "taximeter_machine_cost_total"]) == len(
            together("taximeter_cost_total")
        )


def test_everything_simulated_says_so(tmp_path: Path) -> None:
    with exporter(write_config(tmp_path), "--simulate") as running:
        run = running.call("POST", "/api/v1/runs", {"run": "s", "project": "demo"}).json()
        assert run["simulated"] is True

        def uses_energy() -> bool:
            running.call("POST", "/api/v1/runs/s/renew", {"lease": run["lease"]})
            return b"taximeter_run_energy_joules_total" in running.get("/metrics").body

        wait_for(uses_energy, "the run uses no energy")
        assert running.value("taximeter_run_cost_total", run="s") > 0
        ours = {(name, labels) for (name, labels) in running.metrics() if name.startswith("taximeter_")}
        assert {name for (name, labels) in ours if ("simulated", "true") not in labels} == set()
        assert running.get("/api/v1/status").json()["simulated"] is True
        assert running.get("/api/v1/overview").json()["simulated"] is True
        # nothing is wrong, no value is refused, bytes are counted, processes are shown where that is asked for, the run
        # goes on, it takes hours to know how much memory is used and whether a smaller GPU would do, and the machine is
        # not spot
        expected = {
            *hosts.ALL,
            run_metrics.END,
            gpu_metrics.PROCESS_MEMORY,
            gpu_metrics.PROCESS_SM,
            gpu_metrics.MIG_INSTANCE_INFO,
            gpu_metrics.CONDITION,
            money.RECENT_GAP_SECONDS,
            market.SMALLER_PRICE,
            market.SMALLER_THROUGHPUT,
            *spot.ALL,
        }
        elsewhere = {spec.name for spec in expected} | {
            "refused_readings",
            "refused_readings_last_timestamp_seconds",
            "gpu_pcie_bytes_per_second",
            "gpu_ecc_uncorrected_errors",
            "gpu_memory_used_peak_bytes",
        }
        # a while after the machine's start a program makes its first error; now and then nothing runs; prices grow old
        at_times = {
            "gpu_xid_errors",
            "gpu_xid_last_timestamp_seconds",
            "price_condition",
            "run_gpu_memory_used_bytes",
            "run_gpu_sm_utilization_ratio",
        }

        def missing() -> set[str]:
            shown = {name for (name, _) in running.metrics()}
            return {spec.name for spec in ALL if spec.series_name not in shown} - at_times

        wait_for(lambda: missing() == elsewhere, f"missing: {missing() ^ elsewhere}")


@pytest.mark.parametrize("gpus_here", [9])
def test_more_gpus_than_are_paid_for_keep_it_from_starting(
    tmp_path: Path, fake_nvml_libraries: Path, gpus_here: int
) -> None:
    scenario = tmp_path / "scenario"
    gpus(count=gpus_here, processes=0).write(scenario)
    environ = environment(build_nvml(fake_nvml_libraries), scenario)
    with (
        pytest.raises(AssertionError, match=r"prices\[\]\.gpus: the price .* covers 8 GPUs, but there are 9 here"),
        exporter(write_config(tmp_path, CONFIG), environ=environ),
    ):
        pass
