"""A stand-in for an exporter: answers scrapes with a text that the test sets, or makes anew for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from support.loopback import serving


@dataclass
class Exposition:
    """What is answered from now on."""

    port: int
    text: str | Callable[[], str] = ""


@contextmanager
def serve_exposition(port: int = 0) -> Iterator[Exposition]:
    """Answer every GET on a loopback port, or on any that is free, with `Exposition.text`, until the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = exposition.text
            body = (text if isinstance(text, str) else text()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with serving(Handler, port) as listening:
        exposition = Exposition(listening)
        yield exposition
