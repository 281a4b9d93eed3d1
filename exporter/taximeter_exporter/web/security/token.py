"""The token that the writing calls ask for."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from pathlib import Path

from taximeter_exporter.config.error import ConfigError

_MOST_BYTES = 4096
_TOKEN = re.compile(rb"^[A-Za-z0-9._~+/-]{16,512}=*\Z")
"""As RFC 6750, 2.1 has them, and too long to be guessed."""


@dataclass(frozen=True, slots=True)
class Token:
    """It is never shown, not even in a log."""

    _value: bytes

    def __repr__(self) -> str:
        return "Token(…)"

    def fits(self, authorization: str) -> bool:
        """Whether an `Authorization` header bears it; takes as long whatever is wrong with it."""
        scheme, _, value = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(value.strip().encode("utf-8", "replace"), self._value)


def read(path: Path) -> Token:
    """The token in a file. Raises `ConfigError`, which does not tell what is in it."""
    try:
        with path.open("rb") as file:
            value = file.read(_MOST_BYTES).strip()
    except OSError as error:
        raise ConfigError(
            str(path), "", f"cannot be read ({error.strerror}); name in `write_token_file` a file with a token"
        ) from error
    if not _TOKEN.match(value):
        raise ConfigError(
            str(path),
            "",
            "is not a token of 16 to 512 letters, digits and . _ ~ + / -; write what `openssl rand -hex 32` says",
        )
    return Token(value)
