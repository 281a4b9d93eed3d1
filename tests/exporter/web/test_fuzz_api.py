"""The API against its own OpenAPI document: schemathesis makes requests that fit it, and requests that do not."""

from __future__ import annotations

import contextlib
import functools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from support.programs import RunningExporter, exporter, wait_for, write_config

CASES = 40
"""Of each call, for each way to make requests."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
SEED = 20261122
CALLS = 10


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningExporter]:
    with exporter(write_config(tmp_path_factory.mktemp("fuzz")), environ={"TAXIMETER_DEVICES": "host"}) as started:
        yield started


def operations(running: RunningExporter) -> list[Any]:
    base = f"http://127.0.0.1:{running.port}"
    schema = schemathesis.openapi.from_url(f"{base}/api/v1/openapi.json")
    found: Any = schema.get_all_operations()
    return [result.ok() for result in found]


def test_every_call_holds_to_its_document_whatever_is_asked(running: RunningExporter) -> None:
    lease = running.call("POST", "/api/v1/runs", {"run": "fuzzed", "project": "p"}).json()["lease"]
    tried: Counter[str] = Counter()
    statuses: Counter[int] = Counter()
    with requests.Session() as session:
        for operation in operations(running):
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                check = functools.partial(
                    _hold,
                    positive=mode is GenerationMode.POSITIVE,
                    session=session,
                    lease=lease,
                    tried=tried,
                    statuses=statuses,
                )
                _fuzz(operation, mode, check)
    assert len(tried) == CALLS, tried
    assert sum(tried.values()) >= 300, tried
    assert {200, 201, 400, 404, 409} <= set(statuses), statuses
    wait_for(lambda: running.get("/readyz").status == 200, "it is not ready any more")
    print(json.dumps({"cases": sum(tried.values()), "by call": tried, "by status": statuses}))  # noqa: T201


def _fuzz(operation: Any, mode: GenerationMode, check: Any) -> None:
    @seed(SEED)
    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        check(case)

    # A few calls have nothing in them that could be wrong.
    with contextlib.suppress(Unsatisfiable):
        run()


def _hold(case: Any, *, positive: bool, session: Any, lease: str, tried: Counter[str], statuses: Counter[int]) -> None:
    count = tried[case.operation.label]
    tried[case.operation.label] += 1
    # Every other request is about a run that there is, and every fourth by its lease.
    if positive and case.path_parameters and count % 2:
        case.path_parameters["run"] = "fuzzed"
        if isinstance(case.body, dict) and "lease" in case.body and count % 4 == 3:
            case.body["lease"] = lease
    response = case.call(session=session)
    statuses[response.status_code] += 1
    case.validate_response(response, checks=CHECKS)
