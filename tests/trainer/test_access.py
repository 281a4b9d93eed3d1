"""An exporter behind TLS, a password or a token, over real connections; and no secret is ever shown."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import taximeter
import trustme
from fakes.exporter import FakeExporter
from fakes.ticks import Ticks
from taximeter.exporter_client import ExporterClient, Refused, Unanswered
from taximeter.settings import resolve

SECRET = "open sesame: 1/2"
IN_A_URL = "open%20sesame%3A%201%2F2"
TOKEN = "0123456789abcdef-token"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def encrypted(ticks: Ticks, authority: trustme.CA) -> Iterator[FakeExporter]:
    fake = FakeExporter(lambda: ticks() / 1e9)
    fake.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(fake.tls)
    yield fake.start()
    fake.stop()


def client(exporter: str, **environ: str) -> ExporterClient:
    named = {f"TAXIMETER_{name}": value for name, value in environ.items()}
    return ExporterClient(resolve(run="r", exporter=exporter, environ=named), timeout=60)


def test_tls_with_an_authority_of_ones_own(
    encrypted: FakeExporter, authority: trustme.CA, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(authority.cert_pem.bytes())
    assert client(encrypted.url, CA_FILE=str(ca_file)).register(resume=False).quote.devices == ("SIM-0",)
    with pytest.raises(Unanswered, match="certificate verify failed") as refused:
        client(encrypted.url).register(resume=False)
    assert not refused.value.perhaps_done
    assert len(encrypted.calls) == 1


def test_a_password_in_the_address_is_sent_and_not_shown(
    exporter: FakeExporter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    exporter.authorization = "Basic " + base64.b64encode(f"ann:{SECRET}".encode()).decode()
    place = exporter.url.removeprefix("http://")
    monkeypatch.setenv("TAXIMETER_EXPORTER", f"http://ann:{IN_A_URL}@{place}/")
    settings = resolve(run="r")
    assert settings.exporter == exporter.url
    assert SECRET not in repr(settings)
    with taximeter.Meter(run="r", listen="127.0.0.1:0") as meter:
        assert meter.wait_registered(10) is None
        exporter.authorization = "Basic another"
        exporter.runs["r"].lease = "another's"
        assert meter.end().run == "r"
        meter.close(last_scrape_seconds=0)
    assert SECRET not in caplog.text
    assert IN_A_URL not in caplog.text


def test_a_wrong_password_is_a_refusal(exporter: FakeExporter) -> None:
    exporter.authorization = "Basic something"
    with pytest.raises(Refused, match="say who you are"):
        client(exporter.url.replace("//", "//ann:wrong@")).register(resume=False)


def test_a_token_goes_before_a_password(exporter: FakeExporter) -> None:
    exporter.authorization = f"Bearer {TOKEN}"
    client(exporter.url.replace("//", "//ann:wrong@"), TOKEN=TOKEN).register(resume=False)


def test_a_token_from_a_file_may_change(exporter: FakeExporter, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(f"{TOKEN}\n")
    exporter.authorization = f"Bearer {TOKEN}"
    asking = client(exporter.url, TOKEN_FILE=str(token_file))
    lease = asking.register(resume=False)
    exporter.authorization = "Bearer new"
    token_file.write_text("new")
    asking.renew(lease.token, {})
    token_file.unlink()
    with pytest.raises(Unanswered, match="token cannot be read"):
        asking.renew(lease.token, {})


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"TOKEN": "a", "TOKEN_FILE": "b"}, "TAXIMETER_TOKEN: TAXIMETER_TOKEN_FILE is set as well"),
        ({"TOKEN": f"{SECRET}\n"}, "TAXIMETER_TOKEN: the token is empty, or has other characters"),
        ({"TOKEN_FILE": "no/such/file"}, "TAXIMETER_TOKEN_FILE: no/such/file cannot be read: No such file"),
        ({"CA_FILE": "no/such/file"}, "TAXIMETER_CA_FILE: no/such/file cannot be read: No such file"),
        ({"CA_FILE": __file__}, f"TAXIMETER_CA_FILE: {__file__} holds no certificates"),
        ({"EXPORTER": f"http://ann:{SECRET}@:9877"}, "TAXIMETER_EXPORTER: this is not an address like http"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_with_it(environ: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as wrong:
        resolve(run="r", environ={f"TAXIMETER_{name}": value for name, value in environ.items()})
    assert SECRET not in str(wrong.value)
