"""Reads Prometheus's web configuration file, and checks it for what its shape alone cannot tell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from taximeter_exporter import exact_yaml
from taximeter_exporter.config.error import ConfigError, Refused
from taximeter_exporter.validation import explain
from taximeter_exporter.web.security.rate import Bucket
from taximeter_exporter.web.security.schema import HeadersSection, RateSection, WebConfigFile

if TYPE_CHECKING:
    import ssl

    from taximeter_exporter.web.security.passwords import Passwords

_DURATION = re.compile(r"^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)$")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_ONE_LINE = re.compile(r"^[\x20-\x7e]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """How the server is protected."""

    context: ssl.SSLContext | None = None
    """`None`: without TLS."""
    sans: Sequence[str] = ()
    """Of which a client's certificate must have one, if there are any."""
    passwords: Passwords | None = None
    """`None`: whoever connects may ask."""
    headers: Mapping[str, str]
    bucket: Bucket | None = None
    files: Sequence[Path]
    """Of which it is made, itself the first."""


def read(path: Path) -> WebConfig:
    """What the file says. Raises `ConfigError`."""
    # An exporter without this file shall not carry what only TLS needs.
    from taximeter_exporter.web.security import tls  # noqa: PLC0415

    try:
        documents = exact_yaml.read(path)
        raw = documents[0] if documents and documents[0] is not None else {}
        file = msgspec.convert(raw, WebConfigFile)
        if len(documents) > 1:
            raise Refused("", "has several documents, separated by ---; keep one of them")
        section = file.tls_server_config
        return WebConfig(
            context=None if section is None else tls.context(section, path.parent),
            sans=() if section is None else tuple(section.client_allowed_sans),
            passwords=_passwords(file.basic_auth_users),
            headers=_headers(file.http_server_config.headers),
            bucket=_bucket(file.rate_limit),
            files=(path, *([] if section is None else tls.files(section, path.parent))),
        )
    except OSError as error:
        raise ConfigError(
            str(path), "", f"cannot be read ({error.strerror}); name a file with --web.config.file"
        ) from error
    except exact_yaml.YamlError as error:
        raise ConfigError(str(path), error.line, str(error)) from error
    except msgspec.ValidationError as error:
        raise ConfigError(str(path), *explain(error, WebConfigFile)) from error
    except Refused as error:
        raise ConfigError(str(path), error.field, str(error)) from error


def _passwords(users: Mapping[str, str]) -> Passwords | None:
    if not users:
        return None
    from taximeter_exporter.web.security.passwords import HASH, Passwords  # noqa: PLC0415

    for name, bcrypt_hash in users.items():
        if ":" in name:
            raise Refused("basic_auth_users", f"the user {name!r} has a colon, which no user can have; leave it out")
        if not HASH.match(bcrypt_hash):
            raise Refused(
                f"basic_auth_users.{name}",
                "is not a bcrypt hash; write what `htpasswd -nBC 10 ''` says of the password, after its colon",
            )
    return Passwords(users)


def _headers(section: HeadersSection) -> dict[str, str]:
    headers: dict[str, str] = {name: value for name, value in msgspec.to_builtins(section).items() if value}
    for name, value in headers.items():
        if not _ONE_LINE.match(value):
            raise Refused(f"http_server_config.headers.{name}", "is not one line of plain text; write it as one")
    return headers


def _bucket(section: RateSection | None) -> Bucket | None:
    if section is None or section.interval in (0, "0"):
        return None
    match = _DURATION.match(str(section.interval))
    interval_s = float(match[1]) * _UNIT_S[match[2]] if match else 0
    if interval_s <= 0:
        raise Refused(
            "rate_limit.interval", f"{section.interval!r} is not a time; write for instance 1s, or 0 for none"
        )
    if section.burst < 1:
        raise Refused("rate_limit.burst", f"{section.burst} would let nothing through; write at least 1")
    return Bucket(interval_s=interval_s, burst=section.burst)
