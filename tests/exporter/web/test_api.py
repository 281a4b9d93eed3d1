"""The API over real HTTP, as the trainer uses it and as one who means harm does."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from support.programs import RunningExporter


def test_a_run_from_its_registration_to_its_bill(running: RunningExporter) -> None:
    begun = time.monotonic()
    registered = running.call("POST", "/api/v1/runs", {"run": "a", "project": "demo", "model": "cnn"})
    assert registered.status == 201
    run = registered.json()
    assert (run["state"], run["cost_per_hour"], run["lease_seconds"]) == ("active", {"USD": "3600.000000"}, 15)
    body = {"lease": run["lease"], "progress": {"epoch": 3, "accuracy": 0.5, "loss": 0.25, "samples": 10}}
    renewed = running.call("POST", "/api/v1/runs/a/renew", body)
    assert renewed.status == 200
    assert "lease" not in renewed.json()
    ended = running.call("POST", "/api/v1/runs/a/end", {"lease": run["lease"], "result": "finished"}).json()
    took = time.monotonic() - begun
    assert (ended["state"], ended["result"], ended["simulated"]) == ("ended", "finished", False)
    assert ended["progress"] == {"epoch": 3, "accuracy": 0.5, "loss": 0.25, "samples": 10}
    assert 0 < Decimal(ended["cost"]["USD"]) <= Decimal(took)
    assert float(ended["cost"]["USD"]) == pytest.approx(ended["device_seconds"], abs=1e-6)
    assert running.call("GET", "/api/v1/runs/a").json() == ended
    assert ended in running.call("GET", "/api/v1/runs").json()["runs"]
    again = running.call("POST", "/api/v1/runs", {"run": "a", "project": "demo"})
    assert (again.status, again.json()["error"]["field"]) == (409, "run")


def test_status_and_budgets(running: RunningExporter) -> None:
    status = running.get("/api/v1/status").json()
    assert [(device["kind"], device["up"]) for device in status["devices"]] == [("host", True)]
    assert status["cost_per_hour"] == {"USD": "3600.000000"}
    (budget,) = running.get("/api/v1/budgets").json()["budgets"]
    assert (budget["budget"], budget["limit"], budget["scope"]) == ("demo", "8.00", {"project": "demo"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "run"),
        ({"run": "x"}, "project"),
        ({"run": "x", "project": ""}, "project"),
        ({"run": "x" * 10_000, "project": "p"}, "run"),
        ({"run": 'quote"', "project": "p"}, "run"),
        ({"run": "line\n", "project": "p"}, "run"),
        ({"run": "x", "project": "line\nbreak"}, "project"),
        ({"run": "x", "project": "p", "colour": "red"}, "colour"),
        ({"run": "x", "project": "p", "devices": []}, "devices"),
        ({"run": "x", "project": "p", "devices": ["GPU-none"]}, "devices"),
        ({"run": 5, "project": "p"}, "run"),
    ],
)
def test_a_registration_that_cannot_be_names_the_field(
    running: RunningExporter, body: dict[str, object], field: str
) -> None:
    answer = running.call("POST", "/api/v1/runs", body)
    assert (answer.status, answer.json()["error"]["field"]) == (400, field)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("POST", "/api/v1/runs", b"not json", {}, 400),
        ("POST", "/api/v1/runs", b"\xff\xfe", {}, 400),
        ("POST", "/api/v1/runs", b"[]", {}, 400),
        ("POST", "/api/v1/runs", b'{"run": "x", "project": "p"}', {"Content-Type": "text/plain"}, 415),
        ("POST", "/api/v1/runs", b"x" * 100_000, {}, 413),
        ("POST", "/api/v1/runs/none/renew", {"lease": "x"}, {}, 404),
        ("POST", "/api/v1/runs/none/end", {"lease": "x", "result": "finished"}, {}, 404),
        ("POST", "/api/v1/runs/none/end", {"lease": "x", "result": "expired"}, {}, 400),
        ("POST", "/api/v1/runs/none/renew", {"lease": "x", "progress": {"accuracy": 7}}, {}, 400),
        ("GET", "/api/v1/runs/none", None, {}, 404),
        ("GET", "/api/v1/runs/..%2f..%2fetc%2fpasswd", None, {}, 404),
        ("GET", "/api/v1", None, {}, 404),
        ("GET", "/../../etc/passwd", None, {}, 404),
        ("DELETE", "/api/v1/runs", None, {}, 405),
        ("POST", "/metrics", {}, {}, 405),
    ],
)
def test_what_cannot_be_answered_is_an_error_in_words(
    running: RunningExporter, method: str, path: str, body: object, headers: dict[str, str], status: int
) -> None:
    answer = running.call(method, path, body, headers=headers)
    assert answer.status == status
    assert b"Traceback" not in answer.body
    if answer.headers.get("Content-Type") == "application/json":
        assert answer.json()["error"]["message"]


def test_leases_are_not_told_to_others(running: RunningExporter) -> None:
    run = running.call("POST", "/api/v1/runs", {"run": "secret", "project": "demo"}).json()
    for path in ("/api/v1/runs", "/api/v1/runs/secret", "/api/v1/status", "/metrics", "/"):
        assert run["lease"].encode() not in running.get(path).body
    wrong = running.call("POST", "/api/v1/runs/secret/renew", {"lease": "guess"})
    assert wrong.status == 409
    running.call("POST", "/api/v1/runs/secret/end", {"lease": run["lease"], "result": "stopped"})
    late = running.call("POST", "/api/v1/runs/secret/renew", {"lease": run["lease"]})
    assert (late.status, late.json()["error"]["field"]) == (410, "lease")
    resumed = running.call("POST", "/api/v1/runs", {"run": "secret", "project": "demo", "resume": True})
    assert resumed.status == 201
    assert resumed.json()["started_at"] == run["started_at"]


def test_the_openapi_document_says_what_is_answered(running: RunningExporter) -> None:
    document = running.get("/api/v1/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    schemas = document["components"]["schemas"]
    calls = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert calls == {
        ("get", "/api/v1/status"),
        ("get", "/api/v1/budgets"),
        ("get", "/api/v1/prices"),
        ("get", "/api/v1/overview"),
        ("post", "/-/reload"),
        ("get", "/api/v1/runs"),
        ("post", "/api/v1/runs"),
        ("get", "/api/v1/runs/{run}"),
        ("post", "/api/v1/runs/{run}/renew"),
        ("post", "/api/v1/runs/{run}/end"),
    }
    registered = running.call("POST", "/api/v1/runs", {"run": "documented", "project": "demo"}).json()
    body = {"lease": registered["lease"], "result": "finished"}
    ended = running.call("POST", "/api/v1/runs/documented/end", body).json()
    assert set(registered) == set(schemas["Lease"]["properties"])
    assert set(ended) == set(schemas["Run"]["properties"])
    assert set(running.get("/api/v1/status").json()) == set(schemas["Status"]["properties"])
    assert set(running.get("/api/v1/budgets").json()["budgets"][0]) == set(schemas["Budget"]["properties"])
    assert set(running.get("/api/v1/prices").json()["prices"][0]) == set(schemas["DevicePrice"]["properties"])
    assert set(document["components"]["securitySchemes"]) == {"user", "token"}
    assert set(running.get("/api/v1/runs/none").json()["error"]) == set(schemas["ErrorBody"]["properties"])
