"""The OpenAPI document of the API, made from the very types that requests and answers are decoded and encoded by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from taximeter_exporter import __version__
from taximeter_exporter.web import answers, prices, reload, requests
from taximeter_exporter.web.http import JSON
from taximeter_exporter.web.live import overview


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the API, as it is documented."""

    method: str
    path: str
    summary: str
    body: type[msgspec.Struct] | None = None
    status: int = 200
    answer: type[msgspec.Struct]
    errors: Sequence[int] = ()


CALLS = (
    Call(method="get", path="/api/v1/status", summary="The devices and what they cost", answer=answers.Status),
    Call(
        method="get",
        path="/api/v1/overview",
        summary="Everything that the live page shows, at one moment",
        answer=overview.Overview,
    ),
    Call(method="get", path="/api/v1/budgets", summary="The budgets", answer=answers.Budgets),
    Call(
        method="get",
        path="/api/v1/prices",
        summary="What each device costs now, and from when on something else",
        answer=prices.Prices,
    ),
    Call(method="get", path="/api/v1/runs", summary="The runs", answer=answers.Runs),
    Call(
        method="post",
        path="/api/v1/runs",
        summary="Begin or resume a run",
        body=requests.Register,
        status=201,
        answer=answers.Lease,
        errors=(400, 409, 413, 415, 503),
    ),
    Call(method="get", path="/api/v1/runs/{run}", summary="One run", answer=answers.Run, errors=(404,)),
    Call(
        method="post",
        path="/api/v1/runs/{run}/renew",
        summary="Keep a run's lease, and say how far it is",
        body=requests.Renew,
        answer=answers.Run,
        errors=(400, 404, 409, 410, 413, 415),
    ),
    Call(
        method="post",
        path="/api/v1/runs/{run}/end",
        summary="End a run; again answers the same",
        body=requests.End,
        answer=answers.Run,
        errors=(400, 404, 409, 413, 415),
    ),
    Call(
        method="post",
        path="/-/reload",
        summary="Read the configuration again, and put all of it in force, or nothing",
        answer=reload.Reloaded,
        errors=(409, 413, 422, 503),
    ),
)


def document() -> dict[str, Any]:
    """The document, by OpenAPI 3.1."""
    types = [kind for call in CALLS for kind in (call.body, call.answer) if kind] + [answers.Error]
    unique = list(dict.fromkeys(types))
    schemas, components = msgspec.json.schema_components(unique, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(unique, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method] = _operation(call, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Taximeter exporter",
            "version": __version__,
            "description": "Runs by lease, budgets, prices and status. Money is a decimal string under its ISO 4217"
            " currency. Users and the token are asked for where they are configured: the token suffices for every call,"
            " a user for those that read, and for those that write where there is no token.",
        },
        "security": [{}, {"user": []}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "user": {"type": "http", "scheme": "basic"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(call: Call, schema_of: dict[type[msgspec.Struct], dict[str, Any]]) -> dict[str, Any]:
    error = {"content": {JSON: {"schema": schema_of[answers.Error]}}}
    # What the server answers before it looks who is asked for what.
    errors = {400, 401, 429, 503, *call.errors, *((403,) if call.method == "post" else ())}
    operation: dict[str, Any] = {
        "summary": call.summary,
        "responses": {
            str(call.status): {"description": "done", "content": {JSON: {"schema": schema_of[call.answer]}}},
            **{str(status): {"description": "refused, and why", **error} for status in sorted(errors)},
        },
    }
    if "{run}" in call.path:
        operation["parameters"] = [
            {"name": "run", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 128}}
        ]
    if call.body:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema_of[call.body]}}}
    return operation
