"""Names that the exporter takes: of a run, and of the labels that say who pays."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

LABEL_LENGTH = 128

_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+=-]{0,127}")
_NOT_IN_A_RUN_NAME = re.compile(r"[^A-Za-z0-9._:@+=-]+")


def check_run(name: str) -> str:
    """Return the name of a run unchanged. Raises `ValueError` that says what a name may be."""
    if _RUN.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} is not a run's name: 1 to 128 letters, digits and any of . _ : @ + = -, "
            "beginning with a letter or a digit"
        )
    return name


def check_label(value: str) -> str:
    """Return the value of another label unchanged. Raises `ValueError` that says what it may be."""
    if not value or len(value) > LABEL_LENGTH or not value.isprintable():
        raise ValueError(f"{value!r} does not fit: 1 to {LABEL_LENGTH} printable characters")
    return value


def default_run(project: str, now: datetime | None = None) -> str:
    """A name for a run that was given none: the project, the time in UTC, and four random hexadecimal digits."""
    moment = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    slug = _NOT_IN_A_RUN_NAME.sub("-", project).lstrip("._:@+=-")[:100] or "run"
    return f"{slug}-{moment}-{secrets.token_hex(2)}"
