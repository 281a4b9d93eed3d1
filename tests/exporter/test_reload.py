"""Reloading as an operator does it: by signal and over HTTP, of the program that is installed."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.programs import CONFIG, RunningExporter, exporter, wait_for, write_config
from support.promptness import within

SUCCESSFUL = "taximeter_config_last_reload_successful"
SUCCESS_TIME = "taximeter_config_last_reload_success_timestamp_seconds"
TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_config(tmp_path)
    return tmp_path


@pytest.fixture
def running(folder: Path) -> Iterator[RunningExporter]:
    with exporter(folder / "taximeter.yaml", environ={"TAXIMETER_DEVICES": "host"}) as started:
        yield started


def per_hour(running: RunningExporter) -> str:
    return str(running.get("/api/v1/status").json()["cost_per_hour"]["USD"])


def test_a_new_price_is_in_force_at_once_and_a_broken_one_leaves_it(running: RunningExporter, folder: Path) -> None:
    started = running.value(SUCCESS_TIME)
    assert running.value(SUCCESSFUL) == 1
    assert started <= time.time()
    write_config(folder, CONFIG.replace("3600", "7200").replace("limit: 8.00", "limit: 9.00"))
    answer = running.call("POST", "/-/reload")
    assert answer.status == 200
    assert set(answer.json()) == {"reloaded_at"}
    assert per_hour(running) == "7200.000000"
    assert running.get("/api/v1/budgets").json()["budgets"][0]["limit"] == "9.00"
    wait_for(lambda: running.value(SUCCESS_TIME) > started, "the time of the reload is not shown")
    write_config(folder, CONFIG.replace("3600", "-5"))
    answer = running.call("POST", "/-/reload")
    error = answer.json()["error"]
    assert (answer.status, error["field"]) == (422, "prices[0].per_hour")
    assert error["message"].startswith("taximeter.yaml: prices[0].per_hour: -5 cannot be a price; write")
    assert str(folder) not in error["message"]
    wait_for(lambda: running.value(SUCCESSFUL) == 0, "the failure is not shown")
    assert per_hour(running) == "7200.000000"
    (folder / "taximeter.yaml").unlink()
    assert running.call("POST", "/-/reload").status == 422
    wait_for(lambda: running.get("/readyz").status == 200, "it is not ready any more")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("listen: 127.0.0.1:0", "listen: 127.0.0.1:1", "listen"),
        ("sample_interval: 100ms", "sample_interval: 200ms", "sample_interval"),
        ("sample_interval", "ledger: other.db\nsample_interval", "ledger"),
        ("sample_interval", "dcgm_metrics: both\nsample_interval", "dcgm_metrics"),
    ],
)
def test_what_takes_a_restart_is_named_and_nothing_is_changed(
    running: RunningExporter, folder: Path, old: str, new: str, field: str
) -> None:
    write_config(folder, CONFIG.replace("3600", "7200").replace(old, new))
    answer = running.call("POST", "/-/reload")
    assert (answer.status, answer.json()["error"]["field"]) == (409, field)
    assert answer.json()["error"]["message"] == f"taximeter.yaml: {field}: takes a restart to change; restart the " + (
        "exporter, or undo it"
    )
    assert per_hour(running) == "3600.000000"


def test_a_hangup_reloads_and_termination_ends_in_under_a_second(running: RunningExporter, folder: Path) -> None:
    write_config(folder, CONFIG.replace("3600", "7200"))
    running.process.send_signal(signal.SIGHUP)
    wait_for(lambda: per_hour(running) == "7200.000000", "it did not reload")
    write_config(folder, "nonsense")
    running.process.send_signal(signal.SIGHUP)
    wait_for(lambda: running.value(SUCCESSFUL) == 0, "the failure is not shown")
    assert running.process.poll() is None
    with within(1):
        running.process.terminate()
        assert running.process.wait(120) == 0
    assert running.process.stderr is not None
    errors = [line for line in running.process.stderr.read().splitlines() if " ERROR " in line]
    assert len(errors) == 1
    assert f"the old one stays in force: {folder}/taximeter.yaml: has no fields; it needs" in errors[0]


def test_a_token_can_be_asked_for_from_a_reload_on_which_then_needs_it_itself(
    running: RunningExporter, folder: Path
) -> None:
    assert running.call("POST", "/api/v1/runs", {"run": "a", "project": "p"}).status == 201
    write_config(folder, CONFIG + "write_token_file: token\n")
    answer = running.call("POST", "/-/reload")
    assert answer.status == 422
    assert answer.json()["error"]["message"].startswith("token: cannot be read (No such file or directory)")
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    assert running.call("POST", "/-/reload").status == 200
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for path, body in (("/-/reload", None), ("/api/v1/runs", {"run": "b", "project": "p"})):
        assert running.call("POST", path, body).status == 401
        assert running.call("POST", path, body, headers=bearer).status in (200, 201)
    assert running.get("/api/v1/runs").status == 200


def test_volumes_go_on_where_they_are_booked(folder: Path) -> None:
    def with_volumes(*names: str) -> Path:
        listed = ", ".join(f"{{name: {name}, gb: 730000, per_gb_month: 3.6, currency: USD}}" for name in names)
        return write_config(folder, CONFIG + f"storage: [{listed}]\n")

    with exporter(with_volumes("a"), environ={"TAXIMETER_DEVICES": "host"}) as running:
        for names in (("a", "b"), ("b",), ("a", "b")):
            with_volumes(*names)
            assert running.call("POST", "/-/reload").status == 200
            before = {name: _spent(running, name) for name in names}
            wait_for(lambda: all(_spent(running, name) > before[name] for name in before), "volumes are not booked")  # noqa: B023
        assert running.value("taximeter_ledger_write_failures_total") == 0


def _spent(running: RunningExporter, name: str) -> float:
    found = [
        value
        for (metric, labels), value in running.metrics().items()
        if metric == "taximeter_cost_total" and ("uuid", f"volume:{name}") in labels
    ]
    return sum(found)
