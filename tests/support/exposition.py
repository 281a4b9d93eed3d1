"""A stand-in for an exporter: answers scrapes with a text that the test sets, or makes anew for each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Exposition:
    """What is answered from now on."""

    port: int
    text: str | Callable[[], str] = ""


@contextmanager
def serve_exposition(port: int) -> Iterator[Exposition]:
    """Answer every GET on a loopback port with `Exposition.text`, until the end."""
    exposition = Exposition(port)

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

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield exposition
        finally:
            server.shutdown()
            thread.join()
