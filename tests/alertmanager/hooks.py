"""A stand-in on loopback for Slack, Teams, Discord, Telegram, PagerDuty and other addresses that take JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from support.loopback import serving

TELEGRAMS_ANSWER = b'{"ok": true, "result": {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "group"}}}'


@dataclass
class Hooks:
    """What was posted, by path; a path in `refused` is answered with that status."""

    url: str
    posted: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)


@contextmanager
def serve_hooks() -> Iterator[Hooks]:
    """Take every POST until the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hooks.posted[self.path] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = hooks.refused.get(self.path, 202 if self.path == "/pagerduty" else 200)
            body = TELEGRAMS_ANSWER if "sendMessage" in self.path else b"ok"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with serving(Handler) as port:
        hooks = Hooks(f"http://127.0.0.1:{port}")
        yield hooks
