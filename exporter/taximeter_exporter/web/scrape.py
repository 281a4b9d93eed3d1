"""`/metrics`: text or OpenMetrics as the scraper asks, compressed if it can take it, rendered once a moment."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator

from prometheus_client import ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from taximeter_exporter.devices.reading import Snapshot
from taximeter_exporter.metering.state import MeterState
from taximeter_exporter.web.exposition import families
from taximeter_exporter.web.http import Request, Response


class _Moment(Collector):
    """The metrics of one moment."""

    def __init__(self, snapshot: Snapshot, state: MeterState, process: Collector) -> None:
        self._snapshot = snapshot
        self._state = state
        self._process = process

    def collect(self) -> Iterator[Metric]:
        yield from families(self._snapshot, self._state)
        yield from self._process.collect()


class Scrape:
    """Answers scrapes from what was sampled and booked last."""

    def __init__(self, snapshot: Callable[[], Snapshot], state: Callable[[], MeterState]) -> None:
        self._snapshot = snapshot
        self._state = state
        self._process = ProcessCollector(registry=None)
        self._lock = threading.Lock()
        self._rendered: dict[tuple[str, bool], bytes] = {}
        self._rendered_state: MeterState | None = None

    def handle(self, request: Request) -> Response:
        """One scrape. Many at the same moment share one rendering."""
        encode, content_type = choose_encoder(request.header("Accept"))
        compressed = _takes_gzip(request.header("Accept-Encoding"))
        state = self._state()
        key = (content_type, compressed)
        with self._lock:
            if state is not self._rendered_state:
                self._rendered.clear()
                self._rendered_state = state
            body = self._rendered.get(key)
            if body is None:
                body = encode(_Moment(self._snapshot(), state, self._process))
                if compressed:
                    body = gzip.compress(body, compresslevel=1, mtime=0)
                self._rendered[key] = body
        headers = {"Vary": "Accept, Accept-Encoding"}
        if compressed:
            headers["Content-Encoding"] = "gzip"
        return Response(content_type=content_type, body=body, headers=headers)


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is accepted and not refused by a weight of 0 (RFC 9110, 12.5.3)."""
    for entry in accept_encoding.split(","):
        coding, _, weight = entry.partition(";")
        if coding.strip().lower() == "gzip":
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
