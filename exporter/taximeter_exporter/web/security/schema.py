"""The shape of Prometheus's web configuration file, as exporter-toolkit documents it (docs/web-configuration.md)."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

Version = Literal["TLS12", "TLS13"]


class TlsSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """`tls_server_config`."""

    cert: str | None = None
    key: str | None = None
    client_ca: str | None = None
    cert_file: str = ""
    key_file: str = ""
    client_auth_type: str = "NoClientCert"
    client_ca_file: str | None = None
    client_allowed_sans: list[str] = []
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: list[str] = []
    prefer_server_cipher_suites: bool = True
    curve_preferences: list[str] = []


class HeadersSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """Headers for every answer; one that is blank is not sent."""

    content_security_policy: str = field(default="", name="Content-Security-Policy")
    x_frame_options: Literal["", "deny", "sameorigin"] = field(default="", name="X-Frame-Options")
    x_content_type_options: Literal["", "nosniff"] = field(default="", name="X-Content-Type-Options")
    x_xss_protection: str = field(default="", name="X-XSS-Protection")
    strict_transport_security: str = field(default="", name="Strict-Transport-Security")


class HttpSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """`http_server_config`. HTTP/1.1 alone is spoken, whatever `http2` says."""

    http2: bool = True
    headers: HeadersSection = field(default_factory=HeadersSection)


class RateSection(Struct, forbid_unknown_fields=True, kw_only=True):
    """`rate_limit`: a request every `interval` and, after a pause, up to `burst` at once."""

    interval: str | int = 0
    burst: int = 0


class WebConfigFile(Struct, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    tls_server_config: TlsSection | None = None
    http_server_config: HttpSection = field(default_factory=HttpSection)
    basic_auth_users: dict[str, str] = {}
    rate_limit: RateSection | None = None
