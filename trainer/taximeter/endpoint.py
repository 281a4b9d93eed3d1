"""The HTTP endpoint that Prometheus scrapes, which stays until it has been scraped a last time."""

from __future__ import annotations

import threading

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from taximeter.metrics import OPENMETRICS, TEXT, Page
from taximeter.page_server import Answer, PageServer
from taximeter.settings import Address

_PLAIN = "text/plain; charset=utf-8"


class Endpoint:
    """Serves `/metrics` and `/healthz` from threads of its own.

    `/metrics` is the meter's own page, and after it what else is in the registry. Raises `OSError` if the address
    cannot be listened on, before anything is started.
    """

    def __init__(self, address: Address, page: Page, registry: CollectorRegistry) -> None:
        self._page = page
        self._registry = registry
        self._scrapes = 0
        self._ended = False
        self._scraped_after_end = threading.Event()
        self._server = PageServer(address, self._answer)

    @property
    def scrapes(self) -> int:
        """How often the metrics were asked for."""
        return self._scrapes

    @property
    def url(self) -> str:
        """Where the metrics are."""
        address = self._server.address
        host = f"[{address.host}]" if ":" in address.host else address.host
        return f"http://{host}:{address.port}/metrics"

    def mark_ended(self) -> None:
        """The values are final now: a scrape that begins from here on has seen them."""
        self._ended = True

    def wait_scraped(self, seconds: float) -> bool:
        """Wait until the final values have been scraped once, but no longer than so. Returns whether they were."""
        return self._scraped_after_end.wait(seconds)

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    def _answer(self, asked: str, fields: bytes) -> Answer:
        asked = asked.partition("?")[0]
        if asked == "GET /metrics":
            self._scrapes += 1
            sent = self._scraped_after_end.set if self._ended else None
            openmetrics = b"application/openmetrics-text" in fields
            kind = OPENMETRICS if openmetrics else TEXT
            return Answer("200 OK", kind, self._metrics(openmetrics=openmetrics), sent)
        if asked == "GET /healthz":
            return Answer("200 OK", _PLAIN, b"ok\n")
        return Answer("404 Not Found", _PLAIN, b"/metrics and /healthz are here\n")

    def _metrics(self, *, openmetrics: bool) -> bytes:
        # Not compressed: it is a few kilobytes, mostly on the same machine, and the processor has better to do.
        own = self._page.text(openmetrics=openmetrics).encode()
        if openmetrics:
            # With the line that ends it all.
            return own + generate_openmetrics(self._registry)  # type: ignore[no-untyped-call, no-any-return]
        return own + generate_latest(self._registry)
