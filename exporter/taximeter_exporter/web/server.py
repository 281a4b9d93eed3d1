"""The HTTP server: WSGI on cheroot, with limits on everything that a client can make large or slow."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from cheroot.errors import MaxSizeExceeded
from cheroot.wsgi import Server

from taximeter_exporter.web.http import HttpError, Request, Response

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024
TIMEOUT_SECONDS = 10
THREADS = 4
"""Answers come from memory, so a few threads serve many clients."""

_StartResponse = Callable[[str, list[tuple[str, str]]], object]


class PortError(Exception):
    """The address cannot be listened on; says why."""


class _Server(Server):
    """cheroot's server, logging where the rest of the program does, and remembering why it could not listen."""

    bind_error: OSError | None = None

    def bind(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002 (cheroot's name)
        try:
            bound: socket.socket = super().bind(family, type, proto)
        except OSError as error:
            self.bind_error = error
            raise
        return bound

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        log.log(level, msg, exc_info=traceback)


class WebServer:
    """Listens from the moment it is made, so that a port in use is known before anything else starts."""

    def __init__(self, host: str, port: int) -> None:
        """Raises `PortError`."""
        self._handle: Callable[[Request], Response] = _starting
        self._server = _Server(
            (host, port),
            self._answer,
            numthreads=THREADS,
            request_queue_size=128,
            timeout=TIMEOUT_SECONDS,
            shutdown_timeout=1,
        )
        self._server.max_request_body_size = MAX_BODY_BYTES
        self._server.max_request_header_size = MAX_HEADER_BYTES
        try:
            self._server.prepare()
        except OSError as error:
            cause = self._server.bind_error or error
            if cause.errno == errno.EADDRINUSE:
                raise PortError("is in use by another program; stop that one, or choose another port") from error
            raise PortError(f"cannot be listened on ({cause.strerror or cause}); choose another address") from error

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.bind_addr[1])

    def serve(self, handle: Callable[[Request], Response]) -> None:
        """Answer requests until `stop`."""
        self._handle = handle
        self._server.serve()

    def stop(self) -> None:
        """Finish what is being answered, and listen no more."""
        self._server.stop()

    def _answer(self, environ: dict[str, Any], start_response: _StartResponse) -> Iterable[bytes]:
        try:
            request = Request(
                method=environ["REQUEST_METHOD"],
                path=environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
                headers=_headers(environ),
                body=environ["wsgi.input"].read(MAX_BODY_BYTES + 1),
            )
        except MaxSizeExceeded:
            response = HttpError(413, f"the body is larger than {MAX_BODY_BYTES} bytes").response()
        else:
            response = self._handle(request)
        status = HTTPStatus(response.status)
        headers = {
            "Content-Type": response.content_type,
            "Content-Length": str(len(response.body)),
            "X-Content-Type-Options": "nosniff",
            **response.headers,
        }
        start_response(f"{status.value} {status.phrase}", list(headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    return headers


def _starting(_: Request) -> Response:
    return HttpError(503, "the exporter is starting").response()
