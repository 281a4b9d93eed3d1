"""TLS as the web configuration file asks for it, on the standard library's `ssl`."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from taximeter_exporter.config.error import Refused
from taximeter_exporter.web.security.ciphers import CIPHERS, CIPHERS_13, CURVES
from taximeter_exporter.web.security.schema import TlsSection

_SECTION = "tls_server_config"
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_VERIFY = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


def files(section: TlsSection, folder: Path) -> list[Path]:
    """The files that it names; a path that is not absolute is relative to the web configuration file's folder."""
    names = (section.cert_file, section.key_file, section.client_ca_file)
    return [folder / name for name in names if name]


def context(section: TlsSection, folder: Path) -> ssl.SSLContext:
    """What a server needs to speak TLS. Raises `Refused`."""
    _check(section)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version, made.maximum_version = _VERSIONS[section.min_version], _VERSIONS[section.max_version]
    made.set_alpn_protocols(["http/1.1"])
    if section.prefer_server_cipher_suites:
        made.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    _choose(made, section)
    certificate, key = folder / section.cert_file, folder / section.key_file
    _readable("cert_file", certificate)
    _readable("key_file", key)
    # An encrypted key would otherwise be asked for on the terminal.
    _load(
        "key_file",
        f"{key} is not the key of {certificate}, without a passphrase, both as PEM",
        lambda: made.load_cert_chain(certificate, key, password=""),
    )
    if section.client_ca_file:
        authority = folder / section.client_ca_file
        _readable("client_ca_file", authority)
        _load("client_ca_file", f"{authority} has no certificate as PEM", lambda: made.load_verify_locations(authority))
    made.verify_mode = _VERIFY[section.client_auth_type]
    return made


def _check(section: TlsSection) -> None:
    for inline, file in (("cert", "cert_file"), ("key", "key_file"), ("client_ca", "client_ca_file")):
        if getattr(section, inline) is not None:
            raise Refused(f"{_SECTION}.{inline}", f"is not taken here; write it to a file, and name that in `{file}`")
    for name in ("cert_file", "key_file"):
        if not getattr(section, name):
            raise Refused(f"{_SECTION}.{name}", "is missing; name the file")
    if section.client_auth_type not in _VERIFY:
        raise Refused(
            f"{_SECTION}.client_auth_type",
            f"{section.client_auth_type!r} is not offered; write one of: {', '.join(_VERIFY)}",
        )
    verifies = _VERIFY[section.client_auth_type] is not ssl.CERT_NONE
    if verifies != bool(section.client_ca_file):
        raise Refused(
            f"{_SECTION}.client_ca_file",
            f"goes with client_auth_type RequireAndVerifyClientCert, which is {section.client_auth_type}; give both, or"
            " neither",
        )
    if section.client_allowed_sans and section.client_auth_type != "RequireAndVerifyClientCert":
        raise Refused(f"{_SECTION}.client_allowed_sans", "needs client_auth_type RequireAndVerifyClientCert")
    if section.min_version > section.max_version:
        raise Refused(f"{_SECTION}.max_version", f"{section.max_version} is below min_version {section.min_version}")


def _choose(made: ssl.SSLContext, section: TlsSection) -> None:
    """Cipher suites and curve."""
    for place, name in enumerate(section.cipher_suites):
        if name not in CIPHERS and name not in CIPHERS_13:
            raise Refused(
                f"{_SECTION}.cipher_suites[{place}]", f"{name!r} is not offered; choose from: {', '.join(CIPHERS)}"
            )
    chosen = [CIPHERS[name] for name in section.cipher_suites if name in CIPHERS]
    if chosen:
        made.set_ciphers(":".join(chosen))
    if section.curve_preferences:
        if len(section.curve_preferences) > 1 or section.curve_preferences[0] not in CURVES:
            raise Refused(
                f"{_SECTION}.curve_preferences", f"one can be chosen, of: {', '.join(CURVES)}; or leave it out for all"
            )
        made.set_ecdh_curve(CURVES[section.curve_preferences[0]])


def _readable(field: str, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise Refused(f"{_SECTION}.{field}", f"{path} cannot be read ({error.strerror})") from error


def _load(field: str, otherwise: str, load: Callable[[], object]) -> None:
    try:
        load()
    except (OSError, ValueError) as error:
        raise Refused(f"{_SECTION}.{field}", otherwise) from error
