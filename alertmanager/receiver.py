"""A webhook receiver for Alertmanager: prints what arrives in words, and keeps it so that it can be read back.

`GET /` answers the alerts received, oldest first, as a JSON list of

    {"received_at", "status", "severity", "summary", "description", "starts_at", "ends_at", "labels"}

`GET /healthz` answers 200, and `POST` takes Alertmanager's webhook message, version 4
(https://prometheus.io/docs/alerting/latest/configuration/#webhook_config).
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_BODY_BYTES = 1024 * 1024
KEPT_ALERTS = 1000
BODY_TIMEOUT_SECONDS = 10.0


class NotAlertsError(Exception):
    """A message that is not one of Alertmanager's webhook. Says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ReceivedAlert:
    """One alert as it arrived. Times are RFC 3339 in UTC; `ends_at` is empty while it fires."""

    received_at: str
    status: str
    severity: str
    summary: str
    description: str
    starts_at: str
    ends_at: str
    labels: dict[str, str]

    def in_words(self) -> str:
        """Two lines that a person reads: status, severity and summary; then time and description."""
        head = "RESOLVED" if self.status == "resolved" else self.severity.upper()
        when = f"over since {self.ends_at}" if self.status == "resolved" else f"since {self.starts_at}"
        return f"{head}: {self.summary}\n    {when}. {self.description}"


def parse_message(body: bytes, received_at: datetime) -> list[ReceivedAlert]:
    """The alerts of a webhook message. Raises `NotAlertsError`."""
    try:
        message = json.loads(body)
        return [_alert(alert, received_at) for alert in message["alerts"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAlertsError(f"not a webhook message of Alertmanager: {error!r}") from error


def _alert(alert: Any, received_at: datetime) -> ReceivedAlert:
    labels = {str(name): str(value) for name, value in alert["labels"].items()}
    annotations = alert["annotations"]
    status = str(alert["status"])
    return ReceivedAlert(
        received_at=_utc(received_at),
        status=status,
        severity=labels.get("severity", "none"),
        summary=_one_line(annotations.get("summary", labels.get("alertname", "an alert without a name"))),
        description=_one_line(annotations.get("description", "")),
        starts_at=_utc(datetime.fromisoformat(alert["startsAt"])),
        ends_at=_utc(datetime.fromisoformat(alert["endsAt"])) if status == "resolved" else "",
        labels=labels,
    )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _one_line(text: Any) -> str:
    # Labels are a stranger's text: nothing in them may move the cursor of the terminal that this is printed on.
    return "".join(character if character.isprintable() else " " for character in str(text))


class Receiver(ThreadingHTTPServer):
    """Listens at once; `serve_forever` answers. Keeps the last `KEPT_ALERTS` alerts."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._alerts: deque[ReceivedAlert] = deque(maxlen=KEPT_ALERTS)
        super().__init__(address, _Handler)

    def take(self, alerts: list[ReceivedAlert]) -> None:
        """Keep alerts and say them."""
        with self._lock:
            self._alerts.extend(alerts)
            for alert in alerts:
                self._say(alert.in_words())

    def alerts(self) -> list[ReceivedAlert]:
        """What was received, oldest first."""
        with self._lock:
            return list(self._alerts)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    timeout = BODY_TIMEOUT_SECONDS
    server_version = "taximeter-receiver"

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._answer(200, {"status": "ok"})
        elif self.path == "/":
            self._answer(200, [asdict(alert) for alert in self.server.alerts()])
        else:
            self._answer(404, {"error": "only / and /healthz are here"})

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._answer(411, {"error": "Content-Length is missing or not a number"})
        elif int(length) > MAX_BODY_BYTES:
            self._answer(413, {"error": f"a message has at most {MAX_BODY_BYTES} bytes"})
        else:
            try:
                self.server.take(parse_message(self.rfile.read(int(length)), datetime.now(UTC)))
            except NotAlertsError as error:
                self._answer(400, {"error": str(error)})
            else:
                self._answer(200, {"status": "ok"})

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status >= 400:
            # What is left of a refused body must not be read as the next request.
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name that the base class gives it)
        """Requests are not news; alerts are."""


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not host:port, such as 127.0.0.1:9099")
    return host, int(port)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 (printing is what it is for)


def main(arguments: list[str] | None = None) -> int:
    """Receive until interrupted. Exit status 2 if the address cannot be listened on."""
    parser = argparse.ArgumentParser(prog="receiver.py", description="Prints the alerts that Alertmanager sends.")
    parser.add_argument("--listen", type=_address, default=("127.0.0.1", 9099), metavar="HOST:PORT")
    address: tuple[str, int] = parser.parse_args(arguments).listen
    try:
        receiver = Receiver(address, _say)
    except OSError as error:
        reason = error.strerror or error
        sys.stderr.write(f"receiver.py: --listen {address[0]}:{address[1]}: {reason}; choose another address\n")
        return 2
    # As the first process of a container it would not be ended by a signal that it does not handle.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with receiver:
        _say(f"Waiting for alerts on http://{address[0]}:{receiver.server_port}/")
        try:
            receiver.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
