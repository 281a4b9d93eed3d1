"""TLS, passwords and the token, over real connections."""

from __future__ import annotations

import base64
import http.client
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
import pytest
import trustme
from support.programs import wait_for
from support.promptness import within
from support.web_server import REQUEST, connect, serving
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.web import server as web_server
from taximeter_exporter.web.security.exposure import exposed
from taximeter_exporter.web.security.guard import Guard, Protection, protection
from taximeter_exporter.web.server import WebServer

TOKEN = "0123456789abcdef-token"


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


USERS = f"basic_auth_users:\n  alice: {hashed('wonderland')}\n  bob: {hashed('b' * 72)}\n"


@dataclass
class Folder:
    """A web configuration, its certificates, and an authority for servers and clients."""

    path: Path
    authority: trustme.CA = field(default_factory=trustme.CA)

    @property
    def file(self) -> Path:
        return self.path / "web.yml"

    def write(self, text: str) -> Path:
        replaced = self.path / "web.new"
        replaced.write_text(text, encoding="utf-8")
        return replaced.rename(self.file)

    def issue(self, name: str = "127.0.0.1") -> None:
        """A certificate for the server, in place of the one before."""
        made = self.authority.issue_cert(name)
        made.private_key_pem.write_to_path(str(self.path / "server.key"))
        made.cert_chain_pems[0].write_to_path(str(self.path / "server.crt"))
        self.authority.cert_pem.write_to_path(str(self.path / "ca.crt"))

    def client(self, *names: str) -> ssl.SSLContext:
        """A client that trusts the authority; with names it shows a certificate of its own for them."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if names:
            self.authority.issue_cert(*names).configure_cert(context)
        return context


TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.issue()
    return made


def guard(folder: Folder, text: str, token: str | None = None) -> Guard:
    token_file = None
    if token is not None:
        token_file = folder.path / "token"
        token_file.write_text(f"{token}\n", encoding="utf-8")
    return Guard(protection(web_config_file=folder.write(text) if text else None, token_file=token_file))


def ask(
    server: WebServer,
    method: str = "GET",
    *,
    context: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
) -> http.client.HTTPResponse:
    asked = (
        http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        if context is None
        else http.client.HTTPSConnection("127.0.0.1", server.port, timeout=120, context=context)
    )
    try:
        asked.request(method, "/", headers=dict(headers or {}))
        response = asked.getresponse()
        response.read()
        return response
    finally:
        asked.close()


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


BEARER = {"Authorization": f"Bearer {TOKEN}"}
ALICE = basic("alice", "wonderland")


def test_with_tls_a_client_that_trusts_the_authority_is_answered(folder: Folder) -> None:
    with serving(guard=guard(folder, TLS)) as server:
        assert server.encrypts
        assert ask(server, context=folder.client()).status == 200
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            ask(server)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = folder.client()
            client.minimum_version = client.maximum_version = version
            assert ask(server, context=client).status == 200


def test_only_the_versions_and_ciphers_that_are_asked_for_are_spoken(folder: Folder) -> None:
    suite = "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256]\n"
    with serving(guard=guard(folder, TLS + suite + "  curve_preferences: [CurveP256]\n")) as server:
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=120)
        with folder.client().wrap_socket(plain, server_hostname="127.0.0.1") as client:
            assert client.cipher() == ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2", 256)
    with serving(guard=guard(folder, TLS + "  min_version: TLS13\n")) as server:
        old = folder.client()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            ask(server, context=old)


def test_a_new_certificate_is_shown_without_a_restart(folder: Folder) -> None:
    with serving(guard=guard(folder, TLS)) as server:
        assert ask(server, context=folder.client()).status == 200
        before = folder.client()
        folder.authority = trustme.CA()
        folder.issue()
        wait_for(lambda: ask(server, context=folder.client()).status == 200, "the new certificate is not shown")
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(server, context=before)


def test_a_certificate_that_cannot_be_read_leaves_the_last_one(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(guard=guard(folder, TLS)) as server:
        (folder.path / "server.key").write_text("broken", encoding="utf-8")
        for _ in range(3):
            assert ask(server, context=folder.client()).status == 200
        (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert line.endswith("both as PEM; what it said before stays in force")
        folder.write("tls_server_config: {cert: x}\n")
        assert ask(server, context=folder.client()).status == 200
        # Without TLS from now on.
        folder.write(USERS)
        wait_for(lambda: ask(server, headers=ALICE).status == 200, "the new file is not in force")


def test_clients_show_a_certificate_where_they_have_to(folder: Folder) -> None:
    mutual = TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
    with serving(guard=guard(folder, mutual)) as server:
        assert ask(server, context=folder.client("prometheus.test")).status == 200
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(server, context=folder.client())
        stranger = folder.client()
        trustme.CA().issue_cert("prometheus.test").configure_cert(stranger)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(server, context=stranger)
    with serving(guard=guard(folder, mutual + "  client_allowed_sans: [prometheus.test]\n")) as server:
        assert ask(server, context=folder.client("prometheus.test")).status == 200
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            ask(server, context=folder.client("other.test"))


def test_clients_that_never_agree_on_tls_keep_nobody_waiting(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "REQUEST_SECONDS", 0.5)
    with serving(guard=guard(folder, TLS)) as server:
        silent = [connect(server, sent) for sent in (b"", b"\x16\x03\x01", REQUEST) for _ in range(30)]
        with within(2):
            assert ask(server, context=folder.client()).status == 200
        wait_for(lambda: not server._connections, "they were not dropped")
        for client in silent:
            client.close()


def test_who_stops_in_the_middle_of_tls_lets_the_server_stop(folder: Folder) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(serving(guard=guard(folder, TLS)))
        clients = [connect(server, b"\x16\x03\x01") for _ in range(5)]
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=120)
        idle = folder.client().wrap_socket(plain, server_hostname="127.0.0.1")
        with within(1.5):
            stack.close()
    for client in (*clients, idle):
        client.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (ALICE, 200),
        (basic("alice", "wrong"), 401),
        (basic("nobody", "wonderland"), 401),
        (basic("bob", "b" * 80), 200),
        (basic("bob", "b" * 71), 401),
        (basic("", ""), 401),
        (basic("alice", "\0"), 401),
        ({"Authorization": "Basic !!!"}, 401),
        ({"Authorization": "Basic YQ=="}, 401),
        ({"Authorization": "Basic " + "A" * 9000}, 401),
        ({"Authorization": "Bearer x"}, 401),
        ({"Authorization": "basic " + ALICE["Authorization"][6:]}, 200),
    ],
)
def test_a_user_is_admitted_by_the_password(folder: Folder, headers: dict[str, str], status: int) -> None:
    with serving(guard=guard(folder, USERS)) as server:
        for _ in range(2):
            answer = ask(server, headers=headers)
            assert answer.status == status
            assert (answer.getheader("WWW-Authenticate") == 'Basic realm="taximeter"') == (status == 401)
            assert ask(server, "POST", headers=headers).status == status


def test_a_password_is_hashed_once_and_a_hash_keeps_no_known_user_waiting(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = []
    go = threading.Event()

    def counted(check: Callable[[bytes, bytes], bool]) -> Callable[[bytes, bytes], bool]:
        def checkpw(password: bytes, known: bytes) -> bool:
            hashes.append(password)
            assert not password.startswith(b"guess") or go.wait(120)
            return check(password, known)

        return checkpw

    monkeypatch.setattr(bcrypt, "checkpw", counted(bcrypt.checkpw))
    with serving(guard=guard(folder, USERS)) as server:
        for _ in range(5):
            assert ask(server, headers=ALICE).status == 200
        assert hashes == [b"wonderland"]
        with ThreadPoolExecutor(8) as guessing:
            guesses = [guessing.submit(ask, server, headers=basic("alice", f"guess{i}")) for i in range(16)]
            wait_for(lambda: len(hashes) > 1, "no guess is hashed")
            assert ask(server, headers=ALICE).status == 200
            go.set()
            assert {guess.result().status for guess in guesses} == {401}
        assert len(hashes) == 17
        # Somebody who is not there costs the same.
        assert ask(server, headers=basic("nobody", "guess")).status == 401
        assert len(hashes) == 18


def test_a_user_who_is_taken_out_is_not_admitted_any_more(folder: Folder) -> None:
    with serving(guard=guard(folder, USERS)) as server:
        assert ask(server, headers=ALICE).status == 200
        folder.write(USERS.replace("alice", "carol"))
        wait_for(lambda: ask(server, headers=ALICE).status == 401, "alice is admitted still")
        assert ask(server, headers=basic("carol", "wonderland")).status == 200


@pytest.mark.parametrize(
    ("text", "method", "headers", "status"),
    [
        ("", "GET", {}, 200),
        ("", "HEAD", {}, 200),
        ("", "POST", {}, 401),
        ("", "DELETE", {}, 401),
        ("", "OPTIONS", {}, 401),
        ("", "POST", BEARER, 200),
        ("", "POST", {"Authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ("", "POST", {"Authorization": f"Bearer {TOKEN}x"}, 401),
        ("", "POST", {"Authorization": TOKEN}, 401),
        ("", "POST", {"Authorization": "Bearer \xff"}, 401),
        ("", "POST", ALICE, 401),
        (USERS, "GET", {}, 401),
        (USERS, "GET", ALICE, 200),
        (USERS, "GET", BEARER, 200),
        (USERS, "POST", ALICE, 401),
        (USERS, "POST", BEARER, 200),
    ],
)
def test_the_token_suffices_for_everything_and_writing_needs_it(
    folder: Folder, text: str, method: str, headers: dict[str, str], status: int
) -> None:
    with serving(guard=guard(folder, text, TOKEN)) as server:
        answer = ask(server, method, headers=headers)
    assert answer.status == status
    if method not in ("GET", "HEAD") and status == 401:
        assert answer.getheader("WWW-Authenticate") == 'Bearer realm="taximeter"'


def test_a_new_token_is_in_force_without_a_restart(folder: Folder) -> None:
    with serving(guard=guard(folder, "", TOKEN)) as server:
        assert ask(server, "POST", headers=BEARER).status == 200
        (folder.path / "token").write_text("another-token-of-some-length", encoding="utf-8")
        wait_for(lambda: ask(server, "POST", headers=BEARER).status == 401, "the old token is in force still")


def test_a_page_of_another_origin_cannot_write() -> None:
    with serving() as server:
        own = {"Origin": f"http://127.0.0.1:{server.port}"}
        assert ask(server, "POST", headers=own).status == 200
        for origin in ("http://evil.test", "null", f"http://localhost:{server.port}"):
            assert ask(server, "POST", headers={"Origin": origin}).status == 403
            assert ask(server, headers={"Origin": origin}).status == 200


def test_headers_are_sent_with_every_answer_and_requests_are_counted(folder: Folder) -> None:
    text = (
        "http_server_config:\n  http2: false\n  headers:\n    Strict-Transport-Security: max-age=31536000\n"
        "    X-Frame-Options: deny\n    X-XSS-Protection: ''\nrate_limit: {interval: 1h, burst: 3}\n"
    )
    with serving(guard=guard(folder, text)) as server:
        answers = [ask(server) for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    for answer in answers:
        assert answer.getheader("Strict-Transport-Security") == "max-age=31536000"
        assert answer.getheader("X-Frame-Options") == "deny"
        assert answer.getheader("X-XSS-Protection") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tls: {}", "tls: is not a field; the fields are: tls_server_config, http_server_config, basic_auth_users"),
        ("tls_server_config: {cert_file: server.crt}", "tls_server_config.key_file: is missing; name the file"),
        ("tls_server_config: {cert: x, key: y}", "tls_server_config.cert: is not taken here; write it to a file"),
        (TLS + "  min_version: TLS10", "tls_server_config.min_version: must be one of: TLS12, TLS13"),
        (TLS + "  min_version: TLS13\n  max_version: TLS12", "tls_server_config.max_version: TLS12 is below"),
        (TLS + "  key_fil: x", "tls_server_config.key_fil: is not a field; did you mean key_file"),
        (
            TLS + "  client_auth_type: RequestClientCert",
            "RequestClientCert' is not offered; write one of: NoC",
        ),
        (TLS + "  client_auth_type: RequireAndVerifyClientCert", "client_ca_file: goes with client_auth_type"),
        (TLS + "  client_ca_file: ca.crt", "client_ca_file: goes with client_auth_type"),
        (TLS + "  client_allowed_sans: [x]", "client_allowed_sans: needs client_auth_type"),
        (TLS + "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]", "cipher_suites[0]: 'TLS_RSA_WITH_RC4_128_SHA' is not"),
        (TLS + "  curve_preferences: [CurveP256, CurveP384]", "curve_preferences: one can be chosen"),
        (TLS.replace("server.crt", "none.crt"), "tls_server_config.cert_file: FOLDER/none.crt cannot be read"),
        (TLS.replace("server.key", "server.crt"), "server.crt is not the key of FOLDER/server.crt"),
        (TLS.replace("server.key", "ca.crt"), "ca.crt is not the key of"),
        ("basic_auth_users: {alice: secret}", "basic_auth_users.alice: is not a bcrypt hash"),
        ('basic_auth_users: {"a:b": x}', "the user 'a:b' has a colon"),
        ("basic_auth_users: [alice]", "basic_auth_users: "),
        ("http_server_config: {headers: {X-Frame-Options: no}}", "http_server_config.headers.X-Frame-Options: must be"),
        ("http_server_config: {headers: {Server: x}}", "http_server_config.headers.Server: is not a field"),
        ('http_server_config: {headers: {X-XSS-Protection: "a\\nb"}}', "X-XSS-Protection: is not one line"),
        ("rate_limit: {interval: soon, burst: 1}", "rate_limit.interval: 'soon' is not a time"),
        ("rate_limit: {interval: 1s}", "rate_limit.burst: 0 would let nothing through"),
        ("a: [", "is not YAML"),
        ("[]", "web.yml: "),
        ("{}\n---\n{}", "has several documents"),
    ],
)
def test_a_web_configuration_that_cannot_be_is_one_line_with_file_field_and_remedy(
    folder: Folder, text: str, words: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        guard(folder, text)
    message = str(raised.value)
    assert message.startswith(f"{folder.file}: ")
    assert words.replace("FOLDER", str(folder.path)) in message
    assert "\n" not in message
    assert "secret" not in message


@pytest.mark.parametrize("token", ["", "short", "with space in the middle", "ümlaut-ümlaut-ümlaut", "x" * 5000])
def test_a_token_that_cannot_be_is_refused_and_not_shown(folder: Folder, token: str) -> None:
    with pytest.raises(ConfigError, match="is not a token of 16 to 512") as raised:
        guard(folder, "", token)
    assert not token or token not in str(raised.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        protection(web_config_file=None, token_file=folder.path / "none")
    assert TOKEN not in repr(guard(folder, "", TOKEN).protection.token)


def test_what_is_open_to_a_network_is_warned_of(folder: Folder) -> None:
    nothing = Guard(Protection())
    assert [*exposed("127.0.0.1", nothing), *exposed("::1", nothing), *exposed("localhost", nothing)] == []
    assert ["set `write_token_file`" in line for line in exposed("0.0.0.0", nothing)] == [True]
    assert ["in clear" in line for line in exposed("gpu.test", guard(folder, "", TOKEN))] == [True]
    assert list(exposed("gpu.test", guard(folder, TLS, TOKEN))) == []
