"""The HTTP server: one thread for all clients, however slow they are, and a few that find the answers.

A client costs a connection and its buffers, never a thread. When there are as many connections as there may be, a new
one takes the place of the one that has been idle, or slow, for longest.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from taximeter_exporter.web.connection import REQUEST_SECONDS, Connection, Stage
from taximeter_exporter.web.http import HttpError, Request, Response
from taximeter_exporter.web.pools import BusyError, Pool
from taximeter_exporter.web.security.guard import READING, Guard, Verdict

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 512
_BACKLOG = 128
_WAITING_CALLS = 128
_WAITING_PASSWORDS = 16
_RETRY = {"Retry-After": "1"}
_STOP_SECONDS = 0.5
_PAUSE_SECONDS = 0.05


class PortError(Exception):
    """The address cannot be listened on; says why."""


class WebServer:
    """Listens from the moment it is made, so that a port in use is known before anything else starts."""

    def __init__(self, host: str, port: int, guard: Guard) -> None:
        """Raises `PortError`."""
        self._guard = guard
        self._handle: Callable[[Request], Response] = _starting
        self._connections: set[Connection] = set()
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Half of the descriptors are left for the ledger and everything else.
        self._most = MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, soft // 2)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked = False
        self._stopping = asyncio.Event()
        # Metrics, health and the page come from memory. The API may wait for the disk, and a password takes its time.
        self._pages = Pool("web-page", threads=2, waiting=MAX_CONNECTIONS)
        self._calls = Pool("web-api", threads=2, waiting=_WAITING_CALLS)
        self._passwords = Pool("web-password", threads=1, waiting=_WAITING_PASSWORDS)
        try:
            self._listener = _listen(host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortError("is in use by another program; stop that one, or choose another port") from error
            raise PortError(f"cannot be listened on ({error.strerror or error}); choose another address") from error

    @property
    def encrypts(self) -> bool:
        """Whether new connections are by TLS."""
        return self._guard.encrypts

    @property
    def host(self) -> str:
        """The address that it listens on, as a URL has it."""
        host = str(self._listener.getsockname()[0])
        return f"[{host}]" if ":" in host else host

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    def serve(self, handle: Callable[[Request], Response]) -> None:
        """Answer requests until `stop`."""
        self._handle = handle
        asyncio.run(self._serve())

    def stop(self) -> None:
        """Finish what is being answered, and listen no more; may be called from any thread, and again."""
        self._stop_asked = True
        loop = self._loop
        if loop is None:
            self._listener.close()
        elif not loop.is_closed():
            loop.call_soon_threadsafe(self._stopping.set)

    async def _serve(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        if self._stop_asked:
            self._listener.close()
            return
        loop.add_reader(self._listener, self._accept)
        await self._stopping.wait()
        loop.remove_reader(self._listener)
        self._listener.close()
        for connection in list(self._connections):
            connection.finish()
        deadline = loop.time() + _STOP_SECONDS
        while self._connections and loop.time() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)
        for pool in (self._pages, self._calls, self._passwords):
            pool.shutdown()

    def _accept(self) -> None:
        """Take up one of those who wait to be accepted; the loop calls again while there are others."""
        if not self._make_room():
            self._pause()
            return
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            log.error("no connection can be accepted for now: %s", error.strerror)
            self._pause()
            return
        client.setblocking(False)
        connection = Connection(self._answer, admits=self._guard.admits, closed=self._connections.discard)
        self._connections.add(connection)
        connection.opening = asyncio.get_running_loop().create_task(self._open(connection, client))
        connection.opening.add_done_callback(partial(self._opened, connection, client))

    def _pause(self) -> None:
        """Whoever else comes waits, without being looked at again and again."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener)
        loop.call_later(
            _PAUSE_SECONDS,
            lambda: None if self._stopping.is_set() else loop.add_reader(self._listener, self._accept),
        )

    def _make_room(self) -> bool:
        """Close whoever has been idle, or else slow, for longest, if there is no room for another.

        Says whether there is; there is none where all of them are owed an answer.
        """
        if len(self._connections) < self._most:
            return True
        found = min(self._connections, key=lambda connection: (connection.stage, connection.since))
        if found.stage is Stage.ANSWERING:
            return False
        self._connections.discard(found)
        found.abort()
        return True

    def _opened(self, connection: Connection, client: socket.socket, opening: asyncio.Task[None]) -> None:
        """Let go of a client that went, or was sent away, before it said anything."""
        error = None if opening.cancelled() else opening.exception()
        if opening.cancelled() or error is not None:
            self._connections.discard(connection)
            client.close()
        if error is not None and not isinstance(error, OSError):
            log.error("a connection could not be taken up", exc_info=error)

    async def _open(self, connection: Connection, client: socket.socket) -> None:
        """Take up a client; with TLS this is where the two agree on it, while others are served."""
        context = self._guard.context()
        limits = {} if context is None else {"ssl_handshake_timeout": REQUEST_SECONDS, "ssl_shutdown_timeout": 1.0}
        await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, client, ssl=context, **limits)

    async def _answer(self, request: Request) -> Response:
        """Whatever is asked, by a thread that is there for such."""
        response = await self._response(request)
        return replace(response, headers={**response.headers, **self._guard.headers()})

    async def _response(self, request: Request) -> Response:
        if self._guard.too_many():
            return HttpError(429, "there are more requests than rate_limit allows; ask less often").response()
        try:
            verdict = self._guard.verdict(request, patient=False)
            if verdict is Verdict.OPEN:
                verdict = await self._passwords.run(partial(self._guard.verdict, request, patient=True))
            if isinstance(verdict, Response):
                return verdict
            from_memory = request.method in READING and not request.path.startswith("/api/")
            return await (self._pages if from_memory else self._calls).run(partial(self._handle, request))
        except BusyError:
            return HttpError(503, "too much is asked at the same time; ask again", headers=_RETRY).response()


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises `OSError`."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # `::` stands for every address, also those of IPv4.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _starting(_: Request) -> Response:
    return HttpError(503, "the exporter is starting").response()
