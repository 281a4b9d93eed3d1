"""One client's connection: reads its requests, and writes the answers, each within a time and a size."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from enum import IntEnum
from http import HTTPStatus
from typing import cast
from urllib.parse import unquote, urlsplit

import h11

from taximeter_exporter.web.http import HttpError, Request, Response

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024
MAX_ADDRESS_BYTES = 8 * 1024
REQUEST_SECONDS = 10.0
"""Within this time a request has arrived whole, from its first byte on, and an answer has been taken."""
IDLE_SECONDS = 60.0
"""So long a connection may wait for its next request."""
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 1024 * 1024


class Stage(IntEnum):
    """What a connection does, those first that are closed first when there are too many."""

    IDLE = 0
    """It waits for another request."""
    RECEIVING = 1
    """The client is to send: its handshake, or its request."""
    SENDING = 2
    """The client is to take an answer."""
    ANSWERING = 3
    """The exporter is at work on an answer."""


class Connection(asyncio.Protocol):
    """Everything in it happens on the event loop, which never waits for a client."""

    def __init__(
        self,
        answer: Callable[[Request], Awaitable[Response]],
        *,
        admits: Callable[[object], bool],
        closed: Callable[[Connection], None],
    ) -> None:
        """`admits` says by its certificate, or none, whether a client may speak; `closed` is told once, in the end."""
        self._answer = answer
        self._admits = admits
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER_BYTES)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lingering: int | None = None
        self._stopping = False
        self.opening: asyncio.Task[None] | None = None
        """Takes the connection up, with its handshake; until then there is no transport."""
        self.working: asyncio.Task[None] | None = None
        self.stage = Stage.RECEIVING
        self.since = self._loop.time()
        """When the stage began, on the loop's clock."""

    def abort(self) -> None:
        """End it at once, whatever it does."""
        if self._transport is not None:
            self._transport.abort()
        elif self.opening is not None:
            self.opening.cancel()

    def finish(self) -> None:
        """End it as soon as the answer that is under way is taken."""
        self._stopping = True
        if self.stage < Stage.SENDING:
            self.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)
        if not self._admits(transport.get_extra_info("peercert")) or self._stopping:
            self.abort()
            return
        self._transport.set_write_buffer_limits(high=0)
        self._enter(Stage.RECEIVING, REQUEST_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's name)
        """See `asyncio.Protocol`."""
        self._set_timer(None)
        if self.working is not None:
            self.working.cancel()
        self._closed(self)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._lingering is not None:
            self._lingering += len(data)
            if self._lingering > _LINGER_BYTES:
                self.abort()
            return
        if self.stage is Stage.IDLE:
            self._enter(Stage.RECEIVING, REQUEST_SECONDS)
        self._http.receive_data(data)
        self._advance()

    def eof_received(self) -> bool:
        """See `asyncio.Protocol`: who sends no more may still take its answer, where the transport can do that."""
        encrypted = self._transport is None or self._transport.get_extra_info("ssl_object") is not None
        return not encrypted and self.stage >= Stage.SENDING and self._lingering is None

    def pause_writing(self) -> None:
        """The client takes the answer more slowly than it is written."""
        if self._lingering is None:
            self._enter(Stage.SENDING, REQUEST_SECONDS)

    def resume_writing(self) -> None:
        """The client has taken the whole answer."""
        if self._lingering is None:
            self._next()

    def _advance(self) -> None:
        """Read on, up to the end of a request."""
        while self.stage is Stage.RECEIVING:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                if error.error_status_hint != 431:
                    self._refuse(HttpError(error.error_status_hint, f"this is not a request by HTTP/1.1: {error}"))
                else:
                    self._refuse(_long_head() if b"\n" in self._http.trailing_data[0] else _long_address())
                return
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
                return
            if isinstance(event, h11.Request):
                self._request = event
            elif isinstance(event, h11.Data):
                self._body += event.data
            if refused := _refused(event) or _too_large(len(self._body)):
                self._refuse(refused)
            elif isinstance(event, h11.EndOfMessage):
                self._begin(self._request)
            elif isinstance(event, h11.ConnectionClosed):
                self._close()

    def _begin(self, head: h11.Request | None) -> None:
        if self._transport is None or head is None:
            return
        self._enter(Stage.ANSWERING, None)
        self._transport.pause_reading()
        request = Request(
            method=head.method.decode("ascii"), path=_path(head.target), headers=_headers(head), body=bytes(self._body)
        )
        self.working = self._loop.create_task(self._work(request))

    async def _work(self, request: Request) -> None:
        try:
            response = await self._answer(request)
            self.working = None
            self._enter(Stage.SENDING, REQUEST_SECONDS)
            self._send(response, close=self._stopping)
        except Exception:
            log.exception("%s %s could not be answered", request.method, request.path)
            self.abort()
            return
        # else `resume_writing` goes on
        if self._transport is not None and self._transport.get_write_buffer_size() == 0:
            self._next()

    def _send(self, response: Response, *, close: bool) -> None:
        status = HTTPStatus(response.status)
        headers: dict[str, str] = {
            "Date": formatdate(usegmt=True),
            "Content-Type": response.content_type,
            "Content-Length": str(len(response.body)),
            "X-Content-Type-Options": "nosniff",
            **response.headers,
        }
        if close:
            headers["Connection"] = "close"
        head = h11.Response(
            status_code=status.value, reason=status.phrase.encode("ascii"), headers=list(_encoded(headers).items())
        )
        parts = [self._http.send(head)]
        if self._request is None or self._request.method != b"HEAD":
            parts.append(self._http.send(h11.Data(data=response.body)))
        parts.append(self._http.send(h11.EndOfMessage()))
        self._write(b"".join(part for part in parts if part))

    def _next(self) -> None:
        """The answer is taken: go on with the next request, or end."""
        if self.stage is not Stage.SENDING or self._transport is None or self._transport.is_closing():
            return
        if self._stopping or self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            self._close()
            return
        self._http.start_next_cycle()
        self._request = None
        self._body.clear()
        begun = bool(self._http.trailing_data[0])
        self._enter(*((Stage.RECEIVING, REQUEST_SECONDS) if begun else (Stage.IDLE, IDLE_SECONDS)))
        self._transport.resume_reading()
        self._advance()

    def _refuse(self, error: HttpError) -> None:
        """Answer an error and end; what the client still sends is read, or it might lose the answer."""
        self._lingering = 0
        self._enter(Stage.SENDING, _LINGER_SECONDS)
        self._send(error.response(), close=True)
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def _late(self) -> None:
        if self.stage is Stage.RECEIVING and self._lingering is None and self._begun():
            self._refuse(HttpError(408, f"the request did not arrive within {REQUEST_SECONDS:.0f} seconds"))
        else:
            self.abort()

    def _begun(self) -> bool:
        return self._request is not None or bool(self._http.trailing_data[0])

    def _close(self) -> None:
        self._set_timer(_LINGER_SECONDS)
        if self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes | None) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def _enter(self, stage: Stage, seconds: float | None) -> None:
        self.stage, self.since = stage, self._loop.time()
        self._set_timer(seconds)

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self._loop.call_later(seconds, self._late)


def _refused(event: object) -> HttpError | None:
    """Why the head of a request is not taken, if it is not."""
    if not isinstance(event, h11.Request):
        return None
    if event.http_version not in (b"1.0", b"1.1"):
        return HttpError(505, "only HTTP/1.1 is spoken here")
    if len(event.target) > MAX_ADDRESS_BYTES:
        return _long_address()
    size = len(event.target) + sum(len(name) + len(value) + 4 for name, value in event.headers)
    if size > MAX_HEADER_BYTES:
        return _long_head()
    return _too_large(next((int(value) for name, value in event.headers if name == b"content-length"), 0))


def _long_address() -> HttpError:
    return HttpError(414, f"the address is longer than {MAX_ADDRESS_BYTES} bytes")


def _long_head() -> HttpError:
    return HttpError(431, f"the head of the request is larger than {MAX_HEADER_BYTES} bytes")


def _too_large(body_bytes: int) -> HttpError | None:
    if body_bytes <= MAX_BODY_BYTES:
        return None
    return HttpError(413, f"the body is larger than {MAX_BODY_BYTES} bytes")


def _path(target: bytes) -> str:
    """The decoded path of a request's target, which may be a whole address."""
    text = target.decode("ascii", "replace")
    try:
        path = text.partition("?")[0] if text.startswith("/") else urlsplit(text).path
    except ValueError:
        path = text
    return unquote(path, errors="replace")


def _headers(request: h11.Request) -> dict[str, str]:
    """By lower-case name; what is there several times is one list, as RFC 9110, 5.3 has it."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _encoded(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.encode("ascii"): value.encode("latin-1") for name, value in headers.items()}
