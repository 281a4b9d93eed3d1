"""Metadata services of clouds, as strict as the real ones: what they ask for must be there, or they refuse.

What a cloud announces is in a mapping that a test may change while the service runs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from types import MappingProxyType
from typing import Any

from support.loopback import serving

Answer = tuple[int, dict[str, str], bytes]
Cloud = Callable[[BaseHTTPRequestHandler], Answer | None]
"""What a request is answered with; `None`: nothing, ever."""

_TOKEN = "AQAEAL-token=="
_MISSING: Answer = (404, {}, b"")


def _json(value: object, **headers: str) -> Answer:
    return 200, {"Content-Type": "application/json", **headers}, json.dumps(value).encode()


def aws(
    instance_type: str = "p4d.24xlarge",
    region: str = "us-east-1",
    life_cycle: str = "on-demand",
    announced: Mapping[str, object] = MappingProxyType({}),
) -> Cloud:
    """IMDSv2: without a token everything is 401; a PUT that a proxy has forwarded is 403.

    `announced` has documents by their path below /latest/meta-data/; what is not there is 404.
    """

    documents: dict[str, Answer] = {
        "/latest/dynamic/instance-identity/document": _json({"instanceType": instance_type, "region": region}),
        "/latest/meta-data/instance-life-cycle": (200, {}, life_cycle.encode()),
    }

    def token(request: BaseHTTPRequestHandler) -> Answer:
        if "X-Forwarded-For" in request.headers:
            return 403, {}, b""
        ttl = request.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        return (200, {}, _TOKEN.encode()) if ttl.isdigit() and 1 <= int(ttl) <= 21600 else (400, {}, b"")

    def answer(request: BaseHTTPRequestHandler) -> Answer:
        if request.command == "PUT":
            return token(request) if request.path == "/latest/api/token" else _MISSING
        if request.headers.get("X-aws-ec2-metadata-token") != _TOKEN:
            return 401, {}, b""
        path = request.path.removeprefix("/latest/meta-data/")
        if path in announced:
            return _json(announced[path])
        return documents.get(request.path, _MISSING)

    return answer


def google(
    machine_type: str = "a2-highgpu-1g",
    zone: str = "us-central1-a",
    scheduling: dict[str, str] | None = None,
    announced: Mapping[str, str] = MappingProxyType({}),
) -> Cloud:
    """Compute Engine: without `Metadata-Flavor: Google` it is 403, and every answer carries it.

    `announced` has the keys `preempted` and `maintenance-event` once they are not what they are as a rule.
    """
    usual = {"preempted": "FALSE", "maintenance-event": "NONE"}

    def answer(request: BaseHTTPRequestHandler) -> Answer:
        if request.command != "GET" or not request.path.startswith("/computeMetadata/v1/instance/"):
            return _MISSING
        if request.headers.get("Metadata-Flavor") != "Google":
            return 403, {"Metadata-Flavor": "Google"}, b""
        key = request.path.removeprefix("/computeMetadata/v1/instance/")
        if key in usual:
            return 200, {"Metadata-Flavor": "Google"}, {**usual, **announced}[key].encode()
        if key != "?recursive=true":
            return _MISSING
        instance = {
            "machineType": f"projects/1/machineTypes/{machine_type}",
            "zone": f"projects/1/zones/{zone}",
            "scheduling": scheduling or {"preemptible": "FALSE"},
        }
        return _json(instance, **{"Metadata-Flavor": "Google"})

    return answer


def azure(
    vm_size: str = "Standard_NC24ads_A100_v4",
    location: str = "eastus",
    priority: str = "",
    announced: Mapping[str, object] = MappingProxyType({"Events": []}),
) -> Cloud:
    """IMDS: without `Metadata: true` or an API version it is 400. The machine is called `trainer_0`.

    `announced` is the document of scheduled events.
    """

    def answer(request: BaseHTTPRequestHandler) -> Answer:
        path, _, query = request.path.partition("?")
        if request.command != "GET":
            return 405, {}, b""
        if request.headers.get("Metadata") != "true" or not query.startswith("api-version=20"):
            return 400, {}, b'{"error": "Bad request"}'
        if path == "/metadata/scheduledevents":
            return _json(dict(announced))
        if path != "/metadata/instance/compute":
            return _MISSING
        return _json({"name": "trainer_0", "vmSize": vm_size, "location": location, "priority": priority})

    return answer


def portal(request: BaseHTTPRequestHandler) -> Answer:
    """A captive portal: answers everything with 200 and a page."""
    return 200, {"Content-Type": "text/html"}, b"<!doctype html><title>Welcome</title>Please sign in"


def redirecting(request: BaseHTTPRequestHandler) -> Answer:
    """Sends everything elsewhere."""
    return 302, {"Location": "http://127.0.0.1:9/"}, b""


def nowhere(request: BaseHTTPRequestHandler) -> Answer:
    """A web server that knows nothing of this."""
    return _MISSING


def silent(request: BaseHTTPRequestHandler) -> None:
    """Takes the request and never answers."""


@contextmanager
def serve_metadata(cloud: Cloud) -> Iterator[str]:
    """Serve on a loopback port; its address."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = cloud(self)
            if answer is None:
                over.wait()
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_PUT(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with serving(Handler) as port:
        try:
            yield f"127.0.0.1:{port}"
        finally:
            over.set()  # or the server waits for the answers that never come
