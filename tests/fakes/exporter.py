"""A small exporter over real HTTP that follows the contract in docs/architecture.md, for the trainer's tests.

It has one made-up device at a price per hour, books a run up to its last renewal as the contract says, and can be told
to misbehave: answer slowly, with an error, with what is not JSON, to forget its leases, to go away and come back.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

DEVICE = "SIM-0"


@dataclass
class Run:
    """A run as the fake knows it."""

    labels: dict[str, Any]
    lease: str
    renewed_at: float
    booked_at: float
    device_seconds: Decimal = Decimal(0)
    state: str = "active"
    result: str | None = None
    progress: dict[str, Any] = field(default_factory=dict)


class FakeExporter:
    """Answers on a loopback port from `start()` until `stop()`; what is changed between holds from the next call."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.price_per_hour: dict[str, Decimal] = {"USD": Decimal(3600)}
        self.simulated = False
        self.unsettled_answers = 0
        """How many answers about a run that has ended still say that its cost is not final."""
        self.renew_seconds: Any = 0.05
        self.runs: dict[str, Run] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """Path below /api/v1/runs and body of every POST, in order."""
        self.status_instead: int | None = None
        self.text_instead: str | None = None
        self.lose_answers = False
        """Carry out what is asked, and hang up instead of answering."""
        self.prices: list[dict[str, Any]] | None = None
        """What GET /api/v1/prices tells; `None`: an older exporter, which has no such page."""
        self.tls: ssl.SSLContext | None = None
        """With one it answers over TLS."""
        self.authorization: str | None = None
        """The header that it asks for."""
        self.hold = threading.Event()
        """No answer before it is set."""
        self.hold.set()
        self._lock = threading.Lock()
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Its base URL, the same after it went away and came back."""
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Be there."""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                json_sent = self.headers["Content-Type"] == "application/json"
                fake.hold.wait(30)
                if fake.authorization not in (None, self.headers["Authorization"]):
                    status, answer = _error(401, None, "say who you are")
                elif json_sent:
                    status, answer = fake.answer(self.path, body)
                else:
                    status, answer = _error(415, None, "send JSON")
                if not fake.lose_answers:
                    self._send(status, answer)

            def do_GET(self) -> None:
                fake.hold.wait(30)
                known = self.path == "/api/v1/prices" and fake.prices is not None
                if fake.authorization not in (None, self.headers["Authorization"]):
                    self._send(*_error(401, None, "say who you are"))
                else:
                    self._send(*((200, {"prices": fake.prices}) if known else _error(404, None, "no such page")))

            def _send(self, status: int, answer: dict[str, Any]) -> None:
                text = fake.text_instead if fake.text_instead is not None else json.dumps(answer)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = False  # joined when the server closes

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that has not waited is what some tests are about."""

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def stop(self) -> None:
        """Go away; what it knows stays."""
        self.hold.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def expire(self, run: str) -> None:
        """The run's lease ran out."""
        self.runs[run].state = "ended"

    def count(self, ending: str) -> int:
        """How many calls had a path that ends so."""
        with self._lock:
            return sum(path.endswith(ending) for path, _ in self.calls)

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Carry out a POST; status and body of the answer."""
        below = path.removeprefix("/api/v1/runs")
        with self._lock:
            self.calls.append((below, body))
            if self.status_instead is not None:
                return _error(self.status_instead, None, "told to")
            if below == path:
                return _error(404, None, "no such page")
            if not below:
                return self._register(body)
            name, action = below.strip("/").split("/")
            run = self.runs.get(name)
            if run is None:
                return _error(404, "run", f"{name} is not known")
            if run.lease != body["lease"]:
                return _error(409, "lease", f"{name} is active under another lease")
            return self._change(name, run, action, body)

    def _change(self, name: str, run: Run, action: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if action == "end" and run.result is not None:
            return 200, self._shown(name, run)
        if run.state == "ended":
            return _error(410, "lease", f"the lease of {name} ended")
        # As the real one, it books a run up to its last renewal, and is a renewal behind when it answers the next.
        until, run.renewed_at = run.renewed_at, self.clock()
        if action == "end":
            until = run.renewed_at
        run.device_seconds += Decimal(until) - Decimal(run.booked_at)
        run.booked_at = until
        run.progress = body.get("progress", run.progress)
        if action == "end":
            run.state, run.result = "ended", body["result"]
        return 200, self._shown(name, run)

    def _settled(self) -> bool:
        self.unsettled_answers -= 1
        return self.unsettled_answers < 0

    def _register(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name = body["run"]
        known = self.runs.get(name)
        if known is not None and known.state == "active":
            return _error(409, "run", f"{name} is active under another lease")
        if known is not None and not body.get("resume"):
            return _error(409, "run", f"{name} has ended: resume it, or choose another name")
        lease = f"lease-{len(self.calls)}"
        now = self.clock()
        run = Run(labels=body, lease=lease, renewed_at=now, booked_at=now)
        if known is not None:
            run.device_seconds = known.device_seconds
        self.runs[name] = run
        more = {"lease": lease, "lease_seconds": 30, "renew_seconds": self.renew_seconds}
        return 201, self._shown(name, run) | more

    def _shown(self, name: str, run: Run) -> dict[str, Any]:
        hours = run.device_seconds / 3600
        return {
            "run": name,
            "project": run.labels["project"],
            "devices": [DEVICE],
            "state": run.state,
            "result": run.result,
            "device_seconds": float(run.device_seconds),
            "cost": {currency: f"{price * hours:.6f}" for currency, price in self.price_per_hour.items()},
            "cost_per_hour": {
                currency: f"{price:.6f}" for currency, price in self.price_per_hour.items() if run.state == "active"
            },
            "progress": run.progress,
            "unbooked_seconds": run.renewed_at - run.booked_at,
            "simulated": self.simulated,
            "settled": run.state == "ended" and self._settled(),
        }


def _error(status: int, field_name: str | None, message: str) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"status": status, "field": field_name, "message": message}}
