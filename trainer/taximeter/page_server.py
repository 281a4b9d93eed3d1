"""Answers GET over HTTP/1.1, in the fewest steps that a kept connection can be answered in.

Not by a web framework, nor by http.server: what those do for a request takes the training several times as long as to
write the metrics.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

from taximeter.settings import Address

# A scraper keeps its connection from one scrape to the next, whose intervals are minutes at most.
_IDLE_SECONDS = 300.0
_CLOSE_SECONDS = 5.0
_CONNECTIONS = 32
_HEAD_BYTES = 1 << 14


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent, and what is called once all of it has been."""

    status: str
    kind: str
    body: bytes
    sent: Callable[[], None] | None = None


class PageServer:
    """Listens, and answers from threads of its own: one that accepts, and one for each of at most 32 connections.

    `answer` is given what was asked for, such as `GET /metrics`, and the request's header fields in lower case.
    Raises `OSError` if the address cannot be listened on, before anything is started.
    """

    def __init__(self, address: Address, answer: Callable[[str, bytes], Answer]) -> None:
        self._connections: set[socket.socket] = set()
        self._answer = answer
        self._server = _server(address, self._serve_connection)
        self.address = Address(host=address.host, port=self._server.server_address[1])
        self._closing = False
        self._thread = threading.Thread(target=self._accept, name="taximeter-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and hang up."""
        self._closing = True
        with contextlib.suppress(OSError):
            # Wakes the thread that accepts.
            socket.create_connection((self.address.host, self.address.port), _CLOSE_SECONDS).close()
        self._thread.join(_CLOSE_SECONDS)
        self._server.server_close()
        for connection in self._connections.copy():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        # Not serve_forever: it wakes several times a second to see whether it should stop, and each time the
        # interpreter is taken away from the training.
        while not self._closing:
            self._server.handle_request()

    def _serve_connection(self, connection: socket.socket) -> None:
        if self._closing or len(self._connections) >= _CONNECTIONS:
            return
        self._connections.add(connection)
        try:
            connection.settimeout(_IDLE_SECONDS)
            rest = b""
            while True:
                head, rest = _head(connection, rest)
                words = head.partition(b"\r\n")[0].split(b" ")
                fields = head.lower()
                if len(words) != 3 or b"\ncontent-length:" in fields or b"\ntransfer-encoding:" in fields:
                    connection.sendall(_BAD_REQUEST)
                    return
                answer = self._answer(b" ".join(words[:2]).decode("latin-1"), fields)
                close = words[2] != b"HTTP/1.1" or b"connection: close" in fields
                connection.sendall(_message(answer, close=close))
                if answer.sent is not None:
                    answer.sent()
                if close:
                    return
        except OSError:
            """That a scraper hangs up is not the training's news."""
        finally:
            self._connections.discard(connection)


def _head(connection: socket.socket, received: bytes) -> tuple[bytes, bytes]:
    """A request without its last empty line, and what was received after it. Raises `OSError` if there is none."""
    while b"\r\n\r\n" not in received:
        more = connection.recv(_HEAD_BYTES)
        if not more or len(received) > _HEAD_BYTES:
            raise ConnectionError("no request")
        received += more
    head, _, rest = received.partition(b"\r\n\r\n")
    return head, rest


def _message(answer: Answer, *, close: bool) -> bytes:
    end = "Connection: close\r\n\r\n" if close else "\r\n"
    fields = f"Content-Type: {answer.kind}\r\nContent-Length: {len(answer.body)}\r\n"
    return f"HTTP/1.1 {answer.status}\r\n{fields}{end}".encode() + answer.body


_BAD_REQUEST = _message(Answer("400 Bad Request", "text/plain; charset=utf-8", b"GET alone is answered\n"), close=True)


def _server(address: Address, serve: Callable[[socket.socket], None]) -> ThreadingTCPServer:
    family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            serve(self.request)

    class Server(ThreadingTCPServer):
        address_family = family
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Whatever happens to a connection, the others and the training go on."""

    return Server((address.host, address.port), Handler)
