"""Scrapes follow on each other on one connection, and whoever asks for something else is told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException

import pytest
from taximeter.page_server import Answer, PageServer
from taximeter.settings import Address

PLAIN = "text/plain"


@pytest.fixture
def sent() -> list[str]:
    """What was asked for, of the answers that were sent whole."""
    return []


@pytest.fixture
def server(sent: list[str]) -> Iterator[PageServer]:
    def answer(asked: str, fields: bytes) -> Answer:
        kind = "application/openmetrics-text" if b"openmetrics" in fields else PLAIN
        return Answer("200 OK", kind, asked.encode(), lambda: sent.append(asked))

    made = PageServer(Address(host="127.0.0.1", port=0), answer)
    yield made
    made.close()


@pytest.fixture
def connection(server: PageServer) -> Iterator[HTTPConnection]:
    made = HTTPConnection("127.0.0.1", server.address.port, timeout=120)
    yield made
    made.close()


def test_requests_follow_on_each_other_on_one_connection(connection: HTTPConnection, sent: list[str]) -> None:
    connection.connect()
    kept = connection.sock
    for accept in ("*/*", "application/OpenMetrics-text"):
        connection.request("GET", "/metrics", headers={"Accept": accept})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"GET /metrics")
    assert answer.headers["Content-Type"] == "application/openmetrics-text"
    assert connection.sock is kept
    connection.request("GET", "/last", headers={"Connection": "close"})
    assert connection.getresponse().read() == b"GET /last"
    assert connection.sock is None
    assert sent[:2] == ["GET /metrics"] * 2


def test_a_request_may_come_in_pieces_and_an_old_client_is_hung_up_on(server: PageServer) -> None:
    with socket.create_connection(("127.0.0.1", server.address.port), 120) as client:
        for piece in (b"GET /old HT", b"TP/1.0\r\nHost: here\r\n", b"\r\n"):
            client.sendall(piece)
        received = b"".join(iter(lambda: client.recv(4096), b""))
    assert received.startswith(b"HTTP/1.1 200 OK\r\n") and received.endswith(b"\r\n\r\nGET /old")


def test_two_requests_may_come_at_once(server: PageServer) -> None:
    with socket.create_connection(("127.0.0.1", server.address.port), 120) as client:
        client.sendall(b"GET /one HTTP/1.1\r\n\r\nGET /two HTTP/1.0\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(4096), b""))
    assert received.index(b"GET /one") < received.index(b"GET /two")


def test_what_is_no_request_for_a_page_is_refused(connection: HTTPConnection, sent: list[str]) -> None:
    connection.request("POST", "/metrics", body=b"here")
    assert connection.getresponse().status == 400
    assert sent == []


def test_once_it_is_closed_a_kept_connection_gets_nothing_more(server: PageServer, connection: HTTPConnection) -> None:
    connection.request("GET", "/metrics")
    connection.getresponse().read()
    server.close()
    with pytest.raises((OSError, HTTPException)):
        connection.request("GET", "/metrics")
        connection.getresponse()
