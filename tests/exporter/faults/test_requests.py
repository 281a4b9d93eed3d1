"""Renewals that come late, twice or in the wrong order, and names that nobody gave: over HTTP, to a real exporter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from support.programs import RunningExporter, exporter, wait_for, write_config


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningExporter]:
    """On the host itself, at 1 USD a second."""
    config = write_config(tmp_path_factory.mktemp("exporter"))
    with exporter(config, environ={"TAXIMETER_DEVICES": "host"}) as started:
        yield started
        # Whatever was asked of it, it goes on metering.
        wait_for(lambda: started.get("/readyz").status == 200, "it is not ready any more")


def register(running: RunningExporter, name: str, **more: object) -> str:
    answer = running.call("POST", "/api/v1/runs", {"run": name, "project": "demo", **more})
    assert answer.status == 201, answer.body
    return str(answer.json()["lease"])


def error(answer: Any) -> tuple[int, str]:
    return answer.status, answer.json()["error"]["field"]


def test_a_renewal_that_overtakes_the_end_changes_nothing(running: RunningExporter) -> None:
    lease = register(running, "late")
    body = {"lease": lease, "result": "finished", "progress": {"epoch": 3}}
    ended = running.call("POST", "/api/v1/runs/late/end", body).json()
    late = running.call("POST", "/api/v1/runs/late/renew", {"lease": lease, "progress": {"epoch": 2}})
    assert error(late) == (410, "lease")
    again = running.call(
        "POST", "/api/v1/runs/late/end", {"lease": lease, "result": "failed", "progress": {"epoch": 9}}
    )
    assert (again.status, again.json()) == (200, ended)
    assert running.get("/api/v1/runs/late").json() == ended


def test_a_renewal_of_the_lease_before_does_not_reach_the_run_that_resumed(running: RunningExporter) -> None:
    old = register(running, "twice")
    running.call("POST", "/api/v1/runs/twice/end", {"lease": old, "result": "stopped", "progress": {"epoch": 1}})
    new = register(running, "twice", resume=True)
    for call, body in (("renew", {}), ("end", {"result": "failed"})):
        answer = running.call("POST", f"/api/v1/runs/twice/{call}", {"lease": old, "progress": {"epoch": 7}, **body})
        assert error(answer) == (409, "run")
    run = running.call("POST", "/api/v1/runs/twice/renew", {"lease": new}).json()
    assert (run["state"], run["result"], run["progress"]) == ("active", None, {"epoch": 1})
    running.call("POST", "/api/v1/runs/twice/end", {"lease": new, "result": "finished"})


def test_renewals_all_at_once_are_all_answered_and_bill_the_time_once(running: RunningExporter) -> None:
    lease = register(running, "busy")
    with ThreadPoolExecutor(8) as clients:
        answers = list(
            clients.map(
                lambda epoch: running.call(
                    "POST", "/api/v1/runs/busy/renew", {"lease": lease, "progress": {"epoch": epoch}}
                ),
                range(64),
            )
        )
    assert {answer.status for answer in answers} == {200}
    seconds = [answer.json()["device_seconds"] for answer in answers]
    assert running.call("GET", "/api/v1/runs/busy").json()["progress"]["epoch"] in range(64)
    ended = running.call("POST", "/api/v1/runs/busy/end", {"lease": lease, "result": "finished"}).json()
    assert ended["device_seconds"] >= max(seconds)
    told = pytest.approx(ended["device_seconds"])
    wait_for(lambda: running.value("taximeter_run_device_seconds_total", run="busy") == told, "the end is not shown")


@pytest.mark.parametrize("name", ["x" * 10_000, 'quote"', "line\nbreak", "nul\0", "\u202eturned", "é" * 3000, "%2f"])
@pytest.mark.parametrize("call", ["renew", "end", ""])
def test_a_run_that_cannot_be_is_unknown(running: RunningExporter, name: str, call: str) -> None:
    path = f"/api/v1/runs/{quote(name, safe='')}"
    if call:
        body = {"lease": "x", **({"result": "finished"} if call == "end" else {})}
        answer = running.call("POST", f"{path}/{call}", body)
    else:
        answer = running.get(path)
    assert answer.status in (404, 414), answer.body
    assert len(answer.body) < 100_000
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"run": "\\ud800", "project": "p"}', ""),
        (b'{"run": "x", "project": "\\ud800"}', ""),
        (json.dumps({"run": "x", "project": "p" * 10_000}).encode(), "project"),
        (json.dumps({"run": "x", "project": "p", "devices": ["d" * 10_000]}).encode(), "devices[0]"),
        (b'{"run": "x", "project": "p", "pids": [99999999999999999999999]}', "pids[0]"),
    ],
)
def test_a_registration_with_what_no_text_or_number_can_be_is_refused(
    running: RunningExporter, body: bytes, field: str
) -> None:
    answer = running.call("POST", "/api/v1/runs", body)
    assert error(answer) == (400, field)
    assert running.get("/api/v1/runs/x").status == 404


@pytest.mark.parametrize(
    "body",
    [
        b'{"lease": "\\ud800"}',
        json.dumps({"lease": "l" * 10_000}).encode(),
        json.dumps({"lease": "é"}).encode(),
        b'{"lease": "LEASE", "progress": {"loss": 1e999}}',
        b'{"lease": "LEASE", "progress": {"loss": NaN}}',
        b'{"lease": "LEASE", "progress": {"samples": -1}}',
        b'{"lease": "LEASE", "progress": {"samples": 1e300}}',
        b'{"lease": "LEASE", "progress": {"samples": 99999999999999999999999999999}}',
    ],
)
def test_a_renewal_that_cannot_be_is_refused_and_the_lease_lives_on(running: RunningExporter, body: bytes) -> None:
    lease = register(running, "odd", resume=True)
    answer = running.call("POST", "/api/v1/runs/odd/renew", body.replace(b"LEASE", lease.encode()))
    assert answer.status in (400, 409), answer.body
    run = running.call("POST", "/api/v1/runs/odd/renew", {"lease": lease}).json()
    assert (run["state"], run["progress"]) == ("active", {})
    running.call("POST", "/api/v1/runs/odd/end", {"lease": lease, "result": "finished"})
