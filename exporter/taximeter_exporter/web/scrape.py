"""`/metrics`: text or OpenMetrics as the scraper asks, compressed if it can take it, rendered once a moment."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from itertools import chain

from taximeter_exporter.config.dcgm_names import DcgmNames
from taximeter_exporter.devices.reading import Sample, Snapshot
from taximeter_exporter.metering.state import MeterState
from taximeter_exporter.web.exposition import all_samples, process_samples
from taximeter_exporter.web.http import Request, Response
from taximeter_exporter.web.metrics import MetricSpec, Samples
from taximeter_exporter.web.negotiation import Format, choose, takes_gzip
from taximeter_exporter.web.process import Process
from taximeter_exporter.web.reload import ReloadState
from taximeter_exporter.web.rendering import Rendered, Renderer


class Scrape:
    """Answers scrapes from what was sampled and booked last."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        state: Callable[[], MeterState],
        reloaded: Callable[[], ReloadState],
        watched: Callable[[], Iterable[tuple[MetricSpec, Samples]]],
        *,
        process_metrics: bool,
        dcgm_metrics: DcgmNames,
    ) -> None:
        """`watched` has the metrics of what changes seldom, and is looked at in the background.

        With `process_metrics` there are series of each process on the GPUs, as many as there are.

        `dcgm_metrics` says everything of the GPUs once more by dcgm-exporter's names.
        """
        self._process_metrics = process_metrics
        self._dcgm = _dcgm(dcgm_metrics)
        self._reloaded = reloaded
        self._watched = watched
        self._snapshot = snapshot
        self._state = state
        self._process = Process()
        self._lock = threading.Lock()
        self._renderer = Renderer()
        self._rendered = Rendered(())
        self._rendered_state: MeterState | None = None

    def handle(self, request: Request) -> Response:
        """One scrape. Many at the same moment share one rendering."""
        chosen = choose(request.header("Accept"))
        compressed = takes_gzip(request.header("Accept-Encoding"))
        state = self._state()
        with self._lock:
            if state is not self._rendered_state:
                snapshot = self._snapshot()
                metrics = chain(
                    all_samples(snapshot, state),
                    process_samples(snapshot) if self._process_metrics else (),
                    self._dcgm(snapshot.samples) if self._dcgm else (),
                    self._watched(),
                    self._reloaded().samples(),
                    self._process.samples(),
                )
                self._rendered = self._renderer.render(metrics, simulated=state.simulated)
                self._rendered_state = state
            body = self._rendered.body(openmetrics=chosen.format is Format.OPENMETRICS, compressed=compressed)
        headers = {"Vary": "Accept, Accept-Encoding"}
        if compressed:
            headers["Content-Encoding"] = "gzip"
        return Response(content_type=chosen.content_type, body=body, headers=headers)


def _dcgm(names: DcgmNames) -> Callable[[Iterable[Sample]], Iterable[tuple[MetricSpec, Samples]]] | None:
    if names is DcgmNames.NONE:
        return None
    # An exporter that is not asked for these names shall not carry their table.
    from taximeter_exporter.web.dcgm import DcgmSamples  # noqa: PLC0415

    return DcgmSamples(names, hostname=socket.gethostname())
