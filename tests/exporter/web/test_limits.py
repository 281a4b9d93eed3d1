"""Clients that are slow, many, or say too much: they get an answer or lose their connection, and others do not wait."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path

import pytest
from support.programs import wait_for
from support.promptness import within
from support.web_server import REQUEST, connect, echo, exchange, read_all, serving
from taximeter_exporter.web import connection
from taximeter_exporter.web import server as web_server
from taximeter_exporter.web.connection import Stage
from taximeter_exporter.web.http import Request, Response
from taximeter_exporter.web.server import WebServer

MOST = 40
MANY = 200
OWN = 10  # the event loop has some as well
CLOSING = REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
LARGE = b"x" * 30_000_000


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "MAX_CONNECTIONS", MOST)


def answered(server: WebServer) -> bool:
    """Whether a scrape is answered, and soon."""
    with within(2):
        return exchange(server, CLOSING).startswith(b"HTTP/1.1 200 ")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def ends(client: socket.socket) -> bool:
    """Whether the server has closed it; what it sent before is left aside."""
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /met", REQUEST, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n12"],
    ids=["nothing", "half a head", "idle after a request", "half a body"],
)
def test_many_connections_that_do_nothing_take_few_descriptors_and_keep_nobody_waiting(sent: bytes) -> None:
    with serving() as server, contextlib.ExitStack() as stack:
        before = descriptors()
        clients = [stack.enter_context(connect(server, sent)) for _ in range(MANY)]
        assert answered(server)
        wait_for(lambda: sum(map(ends, clients)) >= MANY - MOST, "the oldest were not closed")
        assert descriptors() - before <= MANY + MOST + OWN
        assert not ends(clients[-1]), "the newest were to stay"


@pytest.mark.usefixtures("few")
def test_who_waits_for_an_answer_keeps_its_place_before_those_who_are_slow() -> None:
    go, begun = threading.Event(), threading.Event()

    def slow(request: Request) -> Response:
        if request.path == "/slow":
            begun.set()
            assert go.wait(120)
        return echo(request)

    with serving(slow) as server, connect(server, CLOSING.replace(b"/metrics", b"/slow")) as waiting:
        assert begun.wait(120)
        clients = [connect(server, b"GET /") for _ in range(MANY)]
        assert answered(server)
        go.set()
        assert b"GET /slow" in read_all(waiting)
        for client in clients:
            client.close()


def test_a_client_that_sends_a_byte_now_and_then_is_told_so_and_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.3)
    with serving() as server, connect(server) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(5000):
                client.sendall(b"x")
                time.sleep(0.02)
        assert b"HTTP/1.1 408 " in client.recv(1000)


def test_clients_that_do_not_take_their_answer_are_dropped_and_keep_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.5)

    def large(request: Request) -> Response:
        return Response(content_type="text/plain", body=LARGE) if request.path == "/large" else echo(request)

    with serving(large) as server, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connect(server, REQUEST.replace(b"/metrics", b"/large"))) for _ in range(8)]
        assert answered(server)
        wait_for(lambda: not server._connections, "they were not dropped")
        for client in slow:
            assert len(_until_lost(client)) < len(LARGE)


def _until_lost(client: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := client.recv(1_000_000):
            received += part
    return received


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000, 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 4,
            413,
        ),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"\0\0\0\0\r\n\r\n", 400),
    ],
)
def test_what_is_too_large_or_no_request_is_one_answer_in_words(sent: bytes, status: int) -> None:
    with serving() as server:
        head, _, body = exchange(server, sent + b"\r\n\r\n").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status), head
        assert body.count(b"\n") == 1
        assert b'"status":%d' % status in body
        assert answered(server)


def test_requests_follow_on_each_other_on_one_connection() -> None:
    chunked = b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with serving() as server:
        said = exchange(server, REQUEST + chunked + CLOSING.replace(b"GET", b"HEAD"))
    first, second, third = said.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert first.endswith(b"GET /metrics 0\n")
    assert second.endswith(b"POST /b 3\n")
    assert third.endswith(b"\r\n\r\n"), "HEAD has no body"
    assert b"content-length: 16\r\n" in third.lower()


def test_older_clients_and_those_that_ask_before_they_send_are_served() -> None:
    with serving() as server:
        old = exchange(server, b"GET /old HTTP/1.0\r\n\r\n")
        assert old.endswith(b"GET /old 0\n")
        asking = (
            b"POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
        )
        with connect(server, asking) as client:
            assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
            client.sendall(b"ab")
            assert read_all(client).endswith(b"POST /a 2\n")
        half_closed = connect(server, REQUEST)
        half_closed.shutdown(socket.SHUT_WR)
        assert read_all(half_closed).endswith(b"GET /metrics 0\n")
        half_closed.close()


def test_it_stops_at_once_whoever_is_connected() -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving())
        clients = [connect(server, sent) for sent in (b"", b"GET", REQUEST) for _ in range(10)]
        with within(1):
            stack.close()
    for client in clients:
        client.close()


@pytest.mark.usefixtures("few")
def test_when_all_are_owed_an_answer_others_wait_and_metrics_are_answered_before_calls() -> None:
    go = threading.Event()

    def stuck(request: Request) -> Response:
        assert not request.path.startswith("/api/") or go.wait(120)
        return echo(request)

    call = CLOSING.replace(b"/metrics", b"/api/v1/runs")
    with serving(stuck) as server, contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(connect(server, call)) for _ in range(MOST // 2)]
        assert answered(server)
        waiting += [stack.enter_context(connect(server, call)) for _ in range(MOST // 2)]
        wait_for(lambda: sum(each.stage is Stage.ANSWERING for each in server._connections) == MOST, "not all wait")
        late = stack.enter_context(connect(server, CLOSING))
        assert len(server._connections) == MOST
        go.set()
        assert {read_all(client)[:13] for client in (*waiting, late)} == {b"HTTP/1.1 200 "}


def test_a_queue_of_calls_does_not_grow_without_end() -> None:
    go = threading.Event()

    def stuck(request: Request) -> Response:
        assert not request.path.startswith("/api/") or go.wait(120)
        return echo(request)

    call = CLOSING.replace(b"/metrics", b"/api/v1/runs")
    with serving(stuck) as server, contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(connect(server, call)) for _ in range(128)]
        wait_for(lambda: sum(each.stage is Stage.ANSWERING for each in server._connections) == 128, "not all wait")
        refused = exchange(server, call)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in refused
        assert answered(server)
        go.set()
        assert {read_all(client)[:13] for client in waiting} == {b"HTTP/1.1 200 "}


def test_an_answer_that_cannot_be_sent_ends_the_connection_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def wrong(request: Request) -> Response:
        headers = {"X-Wrong": "two\r\nlines"} if request.path == "/wrong" else {}
        return Response(content_type="text/plain", body=b"", headers=headers)

    with serving(wrong) as server:
        with contextlib.suppress(ConnectionError):
            assert exchange(server, REQUEST.replace(b"/metrics", b"/wrong")) == b""
        assert answered(server)
    assert [record.getMessage() for record in caplog.records] == ["GET /wrong could not be answered"]
