"""The HTTP endpoint that Prometheus scrapes, which stays until it has been scraped a last time."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import ThreadingWSGIServer, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from taximeter.metrics import OPENMETRICS, TEXT, Page
from taximeter.settings import Address

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_CLIENT_SECONDS = 5.0
_PLAIN = "text/plain; charset=utf-8"


class Endpoint:
    """Serves `/metrics` and `/healthz` from a thread of its own.

    `/metrics` is the meter's own page, and after it what else is in the registry. Raises `OSError` if the address
    cannot be listened on, before anything is started.
    """

    def __init__(self, address: Address, page: Page, registry: CollectorRegistry) -> None:
        self._page = page
        self._registry = registry
        self._scrapes = 0
        self._ended = False
        self._scraped_after_end = threading.Event()
        self._server = make_server(address.host, address.port, self._answer, _server_for(address), _Handler)
        self.address = Address(host=address.host, port=self._server.server_port)
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="taximeter-metrics", daemon=True)
        self._thread.start()

    @property
    def scrapes(self) -> int:
        """How often the metrics were read."""
        return self._scrapes

    @property
    def url(self) -> str:
        """Where the metrics are."""
        host = f"[{self.address.host}]" if ":" in self.address.host else self.address.host
        return f"http://{host}:{self.address.port}/metrics"

    def mark_ended(self) -> None:
        """The values are final now: a scrape that begins from here on has seen them."""
        self._ended = True

    def wait_scraped(self, seconds: float) -> bool:
        """Wait until the final values have been scraped once, but no longer than so. Returns whether they were."""
        return self._scraped_after_end.wait(seconds)

    def close(self) -> None:
        """Stop listening."""
        self._closing = True
        with contextlib.suppress(OSError):
            socket.create_connection(
                (self.address.host, self.address.port), _CLIENT_SECONDS
            ).close()  # wakes the server
        self._thread.join(_CLIENT_SECONDS)
        self._server.server_close()

    def _serve(self) -> None:
        # Not serve_forever: it wakes several times a second to see whether it should stop, and each time the
        # interpreter is taken away from the training.
        while not self._closing:
            self._server.handle_request()

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, kind, final = "200 OK", TEXT, self._ended
        match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
            case "GET", "/metrics":
                openmetrics = "application/openmetrics-text" in environ.get("HTTP_ACCEPT", "")
                kind = OPENMETRICS if openmetrics else TEXT
                body: Iterable[bytes] = _Scrape(self, self._metrics(openmetrics=openmetrics), final=final)
            case "GET", "/healthz":
                kind, body = _PLAIN, [b"ok\n"]
            case _:
                status, kind, body = "404 Not Found", _PLAIN, [b"/metrics and /healthz are here\n"]
        start_response(status, [("Content-Type", kind)])
        return body

    def _metrics(self, *, openmetrics: bool) -> list[bytes]:
        # Not compressed: it is a few kilobytes, mostly on the same machine, and the processor has better to do.
        parts = [self._page.text(openmetrics=openmetrics).encode()]
        if openmetrics:
            # With the line that ends it all.
            parts.append(generate_openmetrics(self._registry))  # type: ignore[no-untyped-call]
        else:
            parts.append(generate_latest(self._registry))
        return parts

    def _sent(self, *, final: bool) -> None:
        self._scrapes += 1
        if final:
            self._scraped_after_end.set()


class _Scrape:
    """The body of a scrape, which counts once all of it has been sent."""

    def __init__(self, endpoint: Endpoint, body: Iterable[bytes], *, final: bool) -> None:
        self._endpoint = endpoint
        self._body = body
        self._final = final

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body
        self._endpoint._sent(final=self._final)


class _Handler(WSGIRequestHandler):
    timeout = _CLIENT_SECONDS  # a client that never asks, or never reads, holds nothing up for long

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Requests are not the training's news."""


def _server_for(address: Address) -> type[ThreadingWSGIServer]:
    family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]

    class Server(ThreadingWSGIServer):
        address_family = family

        def server_bind(self) -> None:
            # Not HTTPServer's: it asks DNS for the address's name, which can take seconds where there is no DNS.
            TCPServer.server_bind(self)
            self.server_name, self.server_port = address.host, self.socket.getsockname()[1]
            self.setup_environ()

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A scraper that hangs up is not the training's news either."""

    return Server
