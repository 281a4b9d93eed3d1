"""What clients show of themselves: a certificate, or a name and a password."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable


def allowed(peer: object, sans: Iterable[str]) -> bool:
    """Whether a client's certificate (as `SSLSocket.getpeercert` gives it) has one of the names."""
    names = peer.get("subjectAltName", ()) if isinstance(peer, dict) else ()
    return not {value for _, value in names}.isdisjoint(sans)


def credentials(authorization: str) -> tuple[bytes, bytes] | None:
    """User and password of an `Authorization: Basic` header (RFC 7617); `None` if it is none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon else None
