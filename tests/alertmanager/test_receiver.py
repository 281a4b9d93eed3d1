"""The webhook receiver, as its own process, asked over HTTP."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import pytest
from demo.configs import REPOSITORY
from support.messages import alert, message

RECEIVER = str(REPOSITORY / "alertmanager" / "receiver.py")


@dataclass
class Running:
    process: subprocess.Popen[str]
    port: int

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, json.load(answer)
        finally:
            connection.close()

    def post(self, content: object) -> tuple[int, Any]:
        return self.ask("POST", "/", json.dumps(content).encode())

    def printed(self) -> str:
        """Ends it and gives what it printed since it was up."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return output


@pytest.fixture
def receiver() -> Iterator[Running]:
    command = [sys.executable, RECEIVER, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            first = process.stdout.readline()
            yield Running(process, int(first.rstrip("/\n").rpartition(":")[2]))
        finally:
            process.kill()


def test_alerts_are_printed_in_words_and_can_be_read_back(receiver: Running) -> None:
    resolved = alert(status="resolved", endsAt="2026-10-07T13:00:00Z")
    assert receiver.post(message(alert(), resolved)) == (200, {"status": "ok"})
    status, kept = receiver.ask("GET", "/")
    assert status == 200
    assert [entry.pop("received_at")[-1] for entry in kept] == ["Z", "Z"]
    assert kept == [
        {
            "status": "firing",
            "severity": "warning",
            "summary": "Budget demo: 8.00 of 10.00 USD spent (80%) this month",
            "description": "Decide now which runs <may> go on.",
            "starts_at": "2026-10-07T12:34:56Z",
            "ends_at": "",
            "labels": alert()["labels"],
        },
        {
            "status": "resolved",
            "severity": "warning",
            "summary": "Budget demo: 8.00 of 10.00 USD spent (80%) this month",
            "description": "Decide now which runs <may> go on.",
            "starts_at": "2026-10-07T12:34:56Z",
            "ends_at": "2026-10-07T13:00:00Z",
            "labels": alert()["labels"],
        },
    ]
    assert receiver.printed() == (
        "WARNING: Budget demo: 8.00 of 10.00 USD spent (80%) this month\n"
        "    since 2026-10-07T12:34:56Z. Decide now which runs <may> go on.\n"
        "RESOLVED: Budget demo: 8.00 of 10.00 USD spent (80%) this month\n"
        "    over since 2026-10-07T13:00:00Z. Decide now which runs <may> go on.\n"
    )


def test_nothing_in_an_alert_moves_the_cursor(receiver: Running) -> None:
    assert receiver.post(message(alert(annotations={"summary": "a\x1b[2J\nb", "description": ""})))[0] == 200
    assert receiver.printed().startswith("WARNING: a [2J b\n")


@pytest.mark.parametrize(
    "body",
    [b"", b"not JSON", b"[]", b'{"alerts": 1}', b'{"alerts": [{}]}', json.dumps(message(alert(labels=3))).encode()],
    ids=["empty", "not JSON", "a list", "no list", "an empty alert", "labels that are none"],
)
def test_what_is_not_a_message_is_refused_and_the_next_one_taken(receiver: Running, body: bytes) -> None:
    status, answer = receiver.ask("POST", "/", body)
    assert status == 400
    assert "not a webhook message" in answer["error"]
    assert receiver.post(message(alert()))[0] == 200
    assert len(receiver.ask("GET", "/")[1]) == 1


def test_a_message_of_more_than_a_mebibyte_is_refused_unread(receiver: Running) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=60) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n")
        assert connection.makefile("rb").readline().split()[1] == b"413"


def test_a_message_without_its_length_is_refused(receiver: Running) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=60) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        assert connection.makefile("rb").readline().split()[1] == b"411"


def test_health_and_an_unknown_path(receiver: Running) -> None:
    assert receiver.ask("GET", "/healthz") == (200, {"status": "ok"})
    assert receiver.ask("GET", "/elsewhere")[0] == 404


def test_a_port_in_use_is_one_line_and_status_2(receiver: Running) -> None:
    command = [sys.executable, RECEIVER, "--listen", f"127.0.0.1:{receiver.port}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr == (
        f"receiver.py: --listen 127.0.0.1:{receiver.port}: Address already in use; choose another address\n"
    )


def test_an_address_that_is_none_is_status_2() -> None:
    done = subprocess.run([sys.executable, RECEIVER, "--listen", "here"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'here' is not host:port, such as 127.0.0.1:9099" in done.stderr
