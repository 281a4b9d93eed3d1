"""The exporter's HTTP server in this process, in front of a handler of the test's own, and clients that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from taximeter_exporter.web.http import Request, Response, text_response
from taximeter_exporter.web.security.guard import Guard, Protection
from taximeter_exporter.web.server import WebServer

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
_DEADLINE_SECONDS = 120


def echo(request: Request) -> Response:
    """The method, the path, and how long the body was."""
    return text_response(f"{request.method} {request.path} {len(request.body)}")


@contextmanager
def serving(handle: Callable[[Request], Response] = echo, *, guard: Guard | None = None) -> Iterator[WebServer]:
    """It answers on a port of its own, and has stopped in the end."""
    server = WebServer("127.0.0.1", 0, guard or Guard(Protection()))
    thread = threading.Thread(target=server.serve, args=(handle,))
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(_DEADLINE_SECONDS)
        assert not thread.is_alive(), "the server did not stop"


def connect(server: WebServer, sent: bytes = b"") -> socket.socket:
    """A client that has sent something."""
    client = socket.create_connection(("127.0.0.1", server.port), timeout=_DEADLINE_SECONDS)
    client.sendall(sent)
    return client


def exchange(server: WebServer, sent: bytes) -> bytes:
    """All that comes back until the server closes the connection."""
    with connect(server, sent) as client:
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    """Up to the end."""
    received = b""
    while part := client.recv(65536):
        received += part
    return received
