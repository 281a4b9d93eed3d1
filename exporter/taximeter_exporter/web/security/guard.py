"""Decides about every connection and every request: who may connect, who may ask, and who may write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from taximeter_exporter.web.http import HttpError, Request, Response
from taximeter_exporter.web.security import token, web_config
from taximeter_exporter.web.security.clients import allowed, credentials
from taximeter_exporter.web.security.token import Token
from taximeter_exporter.web.security.watched import Watched
from taximeter_exporter.web.security.web_config import WebConfig

if TYPE_CHECKING:
    # What only TLS and passwords need is loaded only for them.
    import ssl

    from taximeter_exporter.web.security.passwords import Passwords

_OPEN = WebConfig(headers={}, files=())
READING = frozenset({"GET", "HEAD"})
"""Every other method writes."""


@dataclass(frozen=True, slots=True)
class Protection:
    """The files that say who may; they are looked at again whenever they change."""

    web: Watched[WebConfig] | None = None
    token: Watched[Token] | None = None


def protection(*, web_config_file: Path | None, token_file: Path | None) -> Protection:
    """What the files say. Raises `ConfigError`."""
    web = token_ = None
    if web_config_file is not None:
        web = Watched(lambda: web_config.read(web_config_file), lambda web: web.files)
    if token_file is not None:
        token_ = Watched(lambda: token.read(token_file), lambda _: (token_file,))
    return Protection(web, token_)


class Access(StrEnum):
    """Who can do something."""

    ANYBODY = "anybody"
    USERS = "users"
    """Those of `basic_auth_users`, and whoever has the token if there is one."""
    BEARER = "token"
    """Whoever has the token."""


class Verdict(Enum):
    """About a request that is not refused."""

    ADMITTED = auto()
    OPEN = auto()
    """A password has yet to be hashed, which takes a while."""


class Guard:
    """A token suffices for everything; a user with a password for reading, and for writing where there is no token."""

    def __init__(self, protection: Protection) -> None:
        self.protection = protection
        """May be set anew at any time."""

    @property
    def encrypts(self) -> bool:
        """Whether connections are by TLS."""
        return self.context() is not None

    @property
    def reading(self) -> Access:
        """Who can read."""
        return Access.ANYBODY if self._web().passwords is None else Access.USERS

    @property
    def writing(self) -> Access:
        """Who can write."""
        return self.reading if self.protection.token is None else Access.BEARER

    def context(self) -> ssl.SSLContext | None:
        """What a new connection is encrypted by, if it is."""
        return self._web().context

    def admits(self, certificate: object) -> bool:
        """Whether a client may connect that shows this certificate (as `SSLSocket.getpeercert` gives it), or none."""
        web = self._web()
        return not web.sans or allowed(certificate, web.sans)

    def headers(self) -> Mapping[str, str]:
        """For every answer."""
        return self._web().headers

    def too_many(self) -> bool:
        """Whether there are more requests than `rate_limit` allows, this one counted; for one thread."""
        bucket = self._web().bucket
        return bucket is not None and not bucket.take()

    def verdict(self, request: Request, *, patient: bool) -> Verdict | Response:
        """Whether a request is admitted, or how it is refused. Unless `patient`, it answers at once."""
        authorization = request.header("Authorization")
        writing = request.method not in READING
        if writing and _of_another_page(request):
            return HttpError(403, "a page of another origin cannot write here").response()
        required = self.protection.token
        if required is not None and required.current().fits(authorization):
            return Verdict.ADMITTED
        if required is not None and writing:
            return _refusal("Bearer", "writing takes the token; send the header Authorization: Bearer and the token")
        passwords = self._web().passwords
        return Verdict.ADMITTED if passwords is None else _by_password(passwords, authorization, patient=patient)

    def _web(self) -> WebConfig:
        return _OPEN if self.protection.web is None else self.protection.web.current()


def _by_password(passwords: Passwords, authorization: str, *, patient: bool) -> Verdict | Response:
    given = credentials(authorization)
    if given is None:
        return _refusal("Basic", "give a user and a password, by HTTP basic authentication")
    fits = passwords.check(*given) if patient else passwords.remembered(*given)
    if fits is None:
        return Verdict.OPEN
    return Verdict.ADMITTED if fits else _refusal("Basic", "this user with this password is not admitted")


def _refusal(scheme: str, message: str) -> Response:
    return HttpError(401, message, headers={"WWW-Authenticate": f'{scheme} realm="taximeter"'}).response()


def _of_another_page(request: Request) -> bool:
    """Whether a browser sends it for a page that is not the exporter's own."""
    origin = request.header("Origin")
    return bool(origin) and origin.partition("://")[2] != request.header("Host")
