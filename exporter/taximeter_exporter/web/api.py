"""`/api/v1`: runs by lease, budgets and status."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from taximeter_exporter.metering.ledger import LedgerError
from taximeter_exporter.metering.meter import Meter, UnknownDeviceError
from taximeter_exporter.metering.run import Result
from taximeter_exporter.metering.runs import LeaseConflictError, LeaseEndedError, UnknownRunError
from taximeter_exporter.metering.state import RunState
from taximeter_exporter.validation import explain
from taximeter_exporter.web.answers import Budgets, Runs, budget_answer, lease_answer, run_answer
from taximeter_exporter.web.http import JSON, HttpError, Request, Response, json_response
from taximeter_exporter.web.requests import End, Progress, Register, Renew

_Body = TypeVar("_Body", bound=msgspec.Struct)

_STATUS = {
    UnknownDeviceError: (400, "devices"),
    UnknownRunError: (404, "run"),
    LeaseConflictError: (409, "run"),
    LeaseEndedError: (410, "lease"),
    LedgerError: (503, ""),
}


class Api:
    """The API's calls; each takes a request and answers with a response or raises `HttpError`."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def register(self, request: Request) -> Response:
        """`POST /api/v1/runs`."""
        body = _decode(request, Register)
        try:
            state = self._meter.register(
                body.run,
                resume=body.resume,
                project=body.project,
                team=body.team,
                user=body.user,
                model=body.model,
                dataset=body.dataset,
                devices=None if body.devices is None else tuple(sorted(set(body.devices))),
                pids=tuple(sorted(set(body.pids))),
            )
        except tuple(_STATUS) as error:
            raise _http_error(error) from error
        return json_response(lease_answer(state, simulated=self._simulated), status=201)

    def renew(self, request: Request, name: str) -> Response:
        """`POST /api/v1/runs/{run}/renew`."""
        body = _decode(request, Renew)
        try:
            return self._run(self._meter.renew(name, body.lease, _given(body.progress)))
        except tuple(_STATUS) as error:
            raise _http_error(error) from error

    def end(self, request: Request, name: str) -> Response:
        """`POST /api/v1/runs/{run}/end`."""
        body = _decode(request, End)
        try:
            return self._run(self._meter.end(name, body.lease, Result(body.result), _given(body.progress)))
        except tuple(_STATUS) as error:
            raise _http_error(error) from error

    def run(self, _: Request, name: str) -> Response:
        """`GET /api/v1/runs/{run}`."""
        state = self._meter.run(name)
        if state is None:
            raise HttpError(404, f"there is no run {name!r}", field="run")
        return self._run(state)

    def runs(self, _: Request) -> Response:
        """`GET /api/v1/runs`: the active ones, and those that ended within the last hour."""
        state = self._meter.state()
        return json_response(Runs([run_answer(run, simulated=state.simulated) for run in state.runs]))

    def budgets(self, _: Request) -> Response:
        """`GET /api/v1/budgets`."""
        return json_response(Budgets([budget_answer(budget) for budget in self._meter.state().budgets]))

    def _run(self, state: RunState) -> Response:
        return json_response(run_answer(state, simulated=self._simulated))

    @property
    def _simulated(self) -> bool:
        return self._meter.state().simulated


def _given(progress: Progress | None) -> dict[str, float]:
    return progress.given() if progress else {}


def _decode(request: Request, kind: type[_Body]) -> _Body:
    # A page in a browser cannot send this type to another origin without asking first, so it cannot write here.
    if request.header("Content-Type").partition(";")[0].strip().lower() != JSON:
        raise HttpError(415, f"the body must be sent as Content-Type: {JSON}")
    try:
        return msgspec.json.decode(request.body, type=kind)
    except msgspec.ValidationError as error:
        field, message = explain(error, kind)
        raise HttpError(400, message, field=field) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HttpError(400, f"the body is not JSON: {error}") from error


def _http_error(error: Exception) -> HttpError:
    status, field = next(entry for kind, entry in _STATUS.items() if isinstance(error, kind))
    return HttpError(status, str(error), field=field)
