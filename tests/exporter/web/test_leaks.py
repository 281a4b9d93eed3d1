"""Nothing that is secret, and nothing of where it lies, is answered: whatever is asked, and however badly.

Words that are nowhere else are planted in the environment, the configuration, the command line and the names of
folders, and looked for in every byte that comes back.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import pytest
from support.programs import CONFIG, RunningExporter, listening, wait_for

TOKEN = "canary-token-0123456789"
PASSWORD = "canary-password"
FOLDER = "canary-folder"
SECRET_ENVIRONMENT = {
    "TAXIMETER_DEVICES": "host",
    "AWS_SECRET_ACCESS_KEY": "canary-environment",
    "CANARY_NAME": "1",
}
BASIC = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()


@dataclass
class Planted:
    """An exporter, and what it must not tell."""

    running: RunningExporter
    folder: Path
    words: tuple[bytes, ...]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    folder = tmp_path_factory.mktemp(FOLDER)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (folder / "canary-token-file").write_text(TOKEN, encoding="utf-8")
    (folder / "canary-web.yml").write_text(f"basic_auth_users: {{alice: {hashed}}}\n", encoding="utf-8")
    config = folder / "taximeter.yaml"
    source = "currency: USD, source: canary-contract, as_of"
    text = CONFIG.replace("currency: USD, as_of", source) + "write_token_file: canary-token-file\nledger: canary.db\n"
    config.write_text(text, encoding="utf-8")
    users = {"Authorization": f"Basic {BASIC}"}
    words = (
        *(b"canary", b"CANARY", hashed.encode(), hashed[7:].encode(), BASIC.encode()),
        *(str(folder).encode(), b"/root", b"/tmp"),
    )
    options = ("--web.config.file", str(folder / "canary-web.yml"))
    with listening(config, *options, environ=SECRET_ENVIRONMENT) as running:
        wait_for(lambda: running.call("GET", "/readyz", headers=users).status == 200, "it is not ready")
        yield Planted(running, folder, words)


def ask(planted: Planted, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", planted.running.port), timeout=120) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while part := client.recv(65536):
            received += part
    return received


AUTHORIZATION = (
    b"",
    b"Authorization: Basic " + BASIC.encode() + b"\r\n",
    b"Authorization: Bearer " + TOKEN.encode() + b"\r\n",
    b"Authorization: Bearer nonsense\r\n",
)
PATHS = [
    "/",
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/v1/status",
    "/api/v1/overview",
    "/api/v1/openapi.json",
    "/api/v1/budgets",
    "/api/v1/prices",
    "/api/v1/runs",
    "/api/v1/runs/none",
    "/api/v1/runs/none/renew",
    "/api/v1/runs/none/end",
    "/-/reload",
    "/-/config",
    "/config",
    "/debug",
    "/debug/pprof",
    "/.env",
    "/.git/config",
    "/proc/self/environ",
    "/static",
    "/..%2f..%2fetc%2fpasswd",
    "//etc/passwd",
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/proc/self/environ",
    "/index.html",
    "/api",
    "/api/v1/../../taximeter.yaml",
    "/taximeter.yaml",
    "/canary.db",
    "*",
    "x",
    "http://127.0.0.1/metrics",
    "http://[/",
    "/%00",
    "/%ff",
    "/?x=%s",
    "/{0.__class__}",
    "/${env:AWS_SECRET_ACCESS_KEY}",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "NONSENSE"]


@pytest.mark.parametrize("authorization", AUTHORIZATION, ids=["nobody", "user", "token", "wrong token"])
def test_no_answer_has_a_secret_or_a_folder(planted: Planted, authorization: bytes) -> None:
    asked = 0
    for path in PATHS:
        for method in METHODS:
            body = b'{"run": "x", "project": "", "canar": 1}' if method in ("POST", "PUT") else b""
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
            sent = head.encode() + b"Content-Type: application/json\r\n" + authorization + b"\r\n" + body
            answer = ask(planted, sent)
            asked += 1
            assert answer.startswith(b"HTTP/1.1 "), (method, path, answer)
            assert not answer.startswith(b"HTTP/1.1 500"), (method, path, answer)
            _check(planted, answer, but=(b"canary.db", b"canar") if "canary" in path else ())
    assert asked == len(PATHS) * len(METHODS)


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic canary=\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Canary: " + b"canary" * 5000 + b"\r\n\r\n",
        b"\0" * 100 + b"\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n",
    ],
)
def test_no_refusal_has_one_either(planted: Planted, sent: bytes) -> None:
    answer = ask(planted, sent)
    assert answer.startswith(b"HTTP/1.1 4")
    _check(planted, answer)


def test_a_configuration_that_is_refused_is_told_without_its_folder_and_its_secrets(planted: Planted) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    config = planted.folder / "taximeter.yaml"
    before = config.read_text(encoding="utf-8")
    for broken in (
        before + "catalog: canary-catalog.yaml\n",
        before.replace("canary-token-file", f"{planted.folder}/nowhere/token"),
        before.replace("ledger: canary.db", "ledger: other.db"),
        before.replace("listen: 127.0.0.1:0", "listen: 127.0.0.1:1"),
        "[",
        "",
    ):
        config.write_text(broken, encoding="utf-8")
        answer = planted.running.call("POST", "/-/reload", headers=bearer)
        assert answer.status in (409, 422), answer.body
        for word in (str(planted.folder).encode(), FOLDER.encode(), TOKEN.encode(), PASSWORD.encode()):
            assert word not in answer.body
    config.unlink()
    answer = planted.running.call("POST", "/-/reload", headers=bearer)
    assert answer.status == 422
    assert FOLDER.encode() not in answer.body
    config.write_text(before, encoding="utf-8")
    assert planted.running.call("POST", "/-/reload", headers=bearer).status == 200


def _check(planted: Planted, answer: bytes, but: tuple[bytes, ...] = ()) -> None:
    assert b"Traceback" not in answer
    for allowed in but:
        answer = answer.replace(allowed, b"")
    for word in planted.words:
        assert word not in answer, (word, answer)
    assert b"server:" not in answer.lower(), "what it runs on is nobody's business"
