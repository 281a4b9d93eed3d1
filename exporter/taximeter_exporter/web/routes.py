"""Which handler answers which call."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable

from taximeter_exporter.clock import Clock
from taximeter_exporter.config.dcgm_names import DcgmNames
from taximeter_exporter.devices.reading import Snapshot
from taximeter_exporter.metering.meter import Meter
from taximeter_exporter.web.answers import status_answer
from taximeter_exporter.web.api import Api
from taximeter_exporter.web.health import Health
from taximeter_exporter.web.http import HttpError, Request, Response, json_response
from taximeter_exporter.web.live.last_hour import LastHour
from taximeter_exporter.web.live.overview import Overview, overview_answer
from taximeter_exporter.web.live.page import PAGE
from taximeter_exporter.web.metrics import MetricSpec, Samples
from taximeter_exporter.web.openapi import document
from taximeter_exporter.web.prices import prices_answer
from taximeter_exporter.web.reload import ReloadState, reload_handler
from taximeter_exporter.web.scrape import Scrape

log = logging.getLogger(__name__)

_Handler = Callable[..., Response]


class Routes:
    """The whole of what is served: one call a method and a path."""

    def __init__(
        self,
        *,
        clock: Clock,
        meter: Meter,
        snapshot: Callable[[], Snapshot],
        last_hour: LastHour,
        reload: Callable[[], ReloadState],
        reloaded: Callable[[], ReloadState],
        watched: Callable[[], Iterable[tuple[MetricSpec, Samples]]],
        interval_ns: int,
        process_metrics: bool,
        dcgm_metrics: DcgmNames,
    ) -> None:
        def overview() -> Overview:
            state = meter.state()
            return overview_answer(snapshot(), state, minutes=last_hour.minutes(state), problems=health.problems())

        api = Api(meter)
        scrape = Scrape(
            snapshot, meter.state, reloaded, watched, process_metrics=process_metrics, dcgm_metrics=dcgm_metrics
        )
        health = Health(clock, snapshot, meter.state, interval_ns=interval_ns)
        self._routes: list[tuple[str, re.Pattern[str], _Handler]] = [
            (method, re.compile(path), handler)
            for method, path, handler in (
                ("GET", r"/", lambda _: PAGE),
                ("GET", r"/metrics", scrape.handle),
                ("GET", r"/healthz", lambda _: health.alive()),
                ("GET", r"/readyz", lambda _: health.ready()),
                ("GET", r"/api/v1/status", lambda _: json_response(status_answer(snapshot(), meter.state()))),
                ("GET", r"/api/v1/overview", lambda _: json_response(overview())),
                ("GET", r"/api/v1/openapi.json", lambda _: json_response(document())),
                ("GET", r"/api/v1/budgets", api.budgets),
                ("GET", r"/api/v1/prices", lambda _: json_response(prices_answer(meter.schedules(), clock.time_ns()))),
                ("GET", r"/api/v1/runs", api.runs),
                ("POST", r"/api/v1/runs", api.register),
                ("GET", r"/api/v1/runs/([^/]+)", api.run),
                ("POST", r"/api/v1/runs/([^/]+)/renew", api.renew),
                ("POST", r"/api/v1/runs/([^/]+)/end", api.end),
                ("POST", r"/-/reload", reload_handler(reload)),
            )
        ]

    def handle(self, request: Request) -> Response:
        """Answer any request; whatever goes wrong is an answer as well."""
        try:
            return self._dispatch(request)
        except HttpError as error:
            return error.response()
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return HttpError(500, "an error in the exporter; its log has it").response()

    def _dispatch(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        allowed = []
        for route_method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if match and route_method == method:
                return handler(request, *match.groups())
            if match:
                allowed.append(route_method)
        if allowed:
            methods = sorted({*allowed, *(["HEAD"] if "GET" in allowed else [])})
            raise HttpError(405, f"{request.path} takes {' and '.join(allowed)}", headers={"Allow": ", ".join(methods)})
        raise HttpError(404, "there is nothing at this address")
