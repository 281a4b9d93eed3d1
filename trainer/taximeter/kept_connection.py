"""A connection to the exporter that is kept from one renewal of a lease to the next."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from http.client import HTTPConnection

_ANSWER_BYTES = 1 << 20
_STATUS = re.compile(rb"HTTP/1\.1 ([2-5]\d\d)[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+) *\r\n")
# With either of these it takes an HTTP library to say where the answer ends.
_UNUSUAL = (b"\r\ntransfer-encoding:", b"\r\ncontent-encoding:")


class KeptConnection:
    """Takes over the connection of an `HTTPConnection` that has been answered, be it over TLS, and asks again on it.

    Not by http.client, which takes several times as long, every five seconds, from the training. An answer that is
    not of the plainest kind counts as none: whoever asks then does so once more by http.client.
    """

    def __init__(self, connection: HTTPConnection) -> None:
        self._socket: socket.socket = connection.sock
        connection.sock = None
        port = "" if connection.port == connection.default_port else f":{connection.port}"
        self._host = f"[{connection.host}]{port}" if ":" in connection.host else f"{connection.host}{port}"
        self.goes_on = True
        """Whether the exporter keeps it as well."""

    def ask(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer. Raises `ConnectionError` if there was none, `OSError` if it took too long."""
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        content = body.encode()
        length = f"Content-Length: {len(content)}\r\n\r\n"
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n{fields}{length}"
        self._socket.sendall(head.encode("latin-1") + content)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive(len(received))
        answer = received[: end + 2].lower()
        status, size = _STATUS.match(received), _LENGTH.search(answer)
        if status is None or size is None or any(field in answer for field in _UNUSUAL):
            raise ConnectionError("an answer that is not plain")
        self.goes_on = b"\r\nconnection: close" not in answer
        text = received[end + 4 :]
        while len(text) < int(size[1]):
            text += self._receive(len(text))
        return int(status[1]), text

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _receive(self, so_far: int) -> bytes:
        received = self._socket.recv(1 << 16)
        if not received or so_far > _ANSWER_BYTES:
            raise ConnectionError("no whole answer")
        return received
