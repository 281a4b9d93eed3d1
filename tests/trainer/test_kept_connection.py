"""Renewals follow on each other on one connection, and a connection that was lost is made anew unnoticed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from taximeter.exporter_client import ExporterClient, Unanswered
from taximeter.settings import resolve

RUN = {"cost": {}, "cost_per_hour": {}, "device_seconds": 1, "devices": [], "simulated": False, "settled": False}


class Keeping(ThreadingHTTPServer):
    """Keeps connections, as the exporter does, until it is told to hang up after an answer, or before one."""

    def __init__(self) -> None:
        self.connections: set[int] = set()
        self.asked: list[str] = []
        self.hang_up_after = False
        self.hang_up_before = False
        self.chunked = False
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 120

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                server.connections.add(self.client_address[1])
                server.asked.append(self.path.rpartition("/")[2])
                self.close_connection = server.hang_up_after or server.hang_up_before
                if not server.hang_up_before:
                    text = json.dumps(RUN).encode()
                    self.send_response(200)
                    if server.hang_up_after:
                        self.send_header("Connection", "close")
                    if server.chunked:
                        self.send_header("Transfer-Encoding", "chunked")
                        text = b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)
                    else:
                        self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    for part in (text[:7], text[7:]):
                        self.wfile.write(part)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def keeping() -> Iterator[Keeping]:
    server = Keeping()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(keeping: Keeping) -> Iterator[ExporterClient]:
    made = ExporterClient(resolve(run="r", exporter=f"http://127.0.0.1:{keeping.server_port}", environ={}), timeout=60)
    yield made
    made.close()


def test_renewals_share_a_connection_and_the_end_is_its_last(keeping: Keeping, client: ExporterClient) -> None:
    for _ in range(3):
        client.renew("token", {})
    client.end("token", "finished", {})
    assert (len(keeping.connections), keeping.asked) == (1, ["renew", "renew", "renew", "end"])
    client.end("token", "finished", {})
    assert len(keeping.connections) == 2


def test_a_connection_that_the_exporter_gave_up_is_made_anew(keeping: Keeping, client: ExporterClient) -> None:
    keeping.hang_up_after = True
    client.renew("token", {})
    keeping.hang_up_after = False
    client.renew("token", {})
    assert (len(keeping.connections), keeping.asked) == (2, ["renew", "renew"])


def test_an_exporter_that_says_that_it_hangs_up_is_believed(keeping: Keeping, client: ExporterClient) -> None:
    client.renew("token", {})
    keeping.hang_up_after = True
    client.renew("token", {})
    keeping.hang_up_after = False
    client.renew("token", {})
    assert (len(keeping.connections), keeping.asked) == (2, ["renew"] * 3)


def test_an_answer_that_is_not_plain_is_read_all_the_same(keeping: Keeping, client: ExporterClient) -> None:
    client.renew("token", {})
    keeping.chunked = True  # as a proxy may do
    assert client.renew("token", {}).device_seconds == 1
    assert client.renew("token", {}).device_seconds == 1


def test_an_exporter_that_does_not_answer_on_a_new_connection_either_is_away(
    keeping: Keeping, client: ExporterClient
) -> None:
    client.renew("token", {})
    keeping.hang_up_before = True
    with pytest.raises(Unanswered) as away:
        client.renew("token", {})
    assert away.value.perhaps_done
    assert keeping.asked == ["renew"] * 3
    keeping.hang_up_before = False
    client.renew("token", {})
