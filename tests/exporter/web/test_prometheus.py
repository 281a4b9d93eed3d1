"""Prometheus itself: takes the web configuration for what it is, and scrapes an exporter that is protected by it."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from urllib.parse import quote

import bcrypt
import pytest
import trustme
import yaml
from demo.binaries import Tools
from demo.ports import ANY, free_ports
from support.programs import listening, wait_for, write_config
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.web.security import web_config

PASSWORD = "a-password"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key"
AUTH = f"basic_auth_users: {{prometheus: {HASH}}}\n"

pytestmark = pytest.mark.binaries


def issue(folder: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    for name, made in (("server", authority.issue_cert("127.0.0.1")), ("client", authority.issue_cert("client.test"))):
        made.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        made.cert_chain_pems[0].write_to_path(str(folder / f"{name}.crt"))
    return authority


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        (TLS + "}\n" + AUTH, True),
        (TLS + ", min_version: TLS12, max_version: TLS13, prefer_server_cipher_suites: false}\n", True),
        (TLS + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt}\n", True),
        (TLS + ", cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], curve_preferences: [CurveP256]}\n", True),
        (TLS + "}\nhttp_server_config: {http2: false, headers: {X-Frame-Options: deny}}\n", True),
        (AUTH, True),
        ("{}\n", True),
        (TLS + ", client_ca_file: ca.crt}\n", False),
        (TLS + ", client_auth_type: Sometimes}\n", False),
        (TLS + ", min_version: TLS9}\n", False),
        (TLS + ", cipher_suites: [NONE]}\n", False),
        (TLS + ", colour: red}\n", False),
        ("tls_server_config: {cert_file: server.crt}\n", False),
        ("tls_server_config: {cert_file: server.crt, key_file: none.key}\n", False),
        ("http_server_config: {headers: {X-Frame-Options: no}}\n", False),
        ("http_server_config: {headers: {Server: none}}\n", False),
        ("tls_config: {}\n", False),
    ],
)
def test_promtool_agrees_about_what_a_web_configuration_can_be(
    tools: Tools, tmp_path: Path, text: str, holds: bool
) -> None:
    issue(tmp_path)
    path = tmp_path / "web.yml"
    path.write_text(text, encoding="utf-8")
    command = [str(tools.promtool), "check", "web-config", str(path)]
    theirs = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (theirs.returncode == 0) is holds, theirs.stdout + theirs.stderr
    if holds:
        web_config.read(path)
    else:
        with pytest.raises(ConfigError):
            web_config.read(path)


def test_prometheus_scrapes_by_tls_with_a_certificate_and_a_password(tools: Tools, tmp_path: Path) -> None:
    issue(tmp_path)
    web = tmp_path / "web.yml"
    client = (
        ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, client_allowed_sans: [client.test]"
    )
    web.write_text(TLS + client + "}\n" + AUTH, encoding="utf-8")
    with listening(
        write_config(tmp_path), "--web.config.file", str(web), environ={"TAXIMETER_DEVICES": "host"}
    ) as running:
        config = tmp_path / "prometheus.yml"
        config.write_text(yaml.safe_dump(_prometheus(tmp_path, running.port)), encoding="utf-8")
        port = free_ports(ANY).prometheus
        command = [
            *(str(tools.prometheus), f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"),
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as prometheus:
            try:
                wait_for(lambda: _values(port, "up") == {"good": 1.0, "wrong": 0.0}, "it does not scrape")
                assert _values(port, "taximeter_config_last_reload_successful") == {"good": 1.0}
            finally:
                prometheus.terminate()


def _prometheus(folder: Path, port: int) -> dict[str, object]:
    def job(name: str, password: str) -> dict[str, object]:
        return {
            "job_name": name,
            "scheme": "https",
            "basic_auth": {"username": "prometheus", "password": password},
            "tls_config": {
                "ca_file": str(folder / "ca.crt"),
                "cert_file": str(folder / "client.crt"),
                "key_file": str(folder / "client.key"),
            },
            "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
        }

    return {"global": {"scrape_interval": "1s"}, "scrape_configs": [job("good", PASSWORD), job("wrong", "guess")]}


def _values(port: int, query: str) -> dict[str, float]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?query={quote(query)}", timeout=60) as answer:
            found = json.load(answer)["data"]["result"]
    except OSError:
        return {}
    return {each["metric"]["job"]: float(each["value"][1]) for each in found}
