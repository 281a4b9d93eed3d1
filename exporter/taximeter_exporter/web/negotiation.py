"""What a scraper asks for: which format, and whether it may be compressed (RFC 9110, 12.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

_UTF8 = "allow-utf-8"


class Format(Enum):
    """How metrics are written, by its media type and version."""

    TEXT = ("text/plain", "0.0.4")
    TEXT_1 = ("text/plain", "1.0.0")
    OPENMETRICS = ("application/openmetrics-text", "1.0.0")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is answered."""

    format: Format
    content_type: str


def choose(accept: str) -> Chosen:
    """The format that the scraper likes best; the plain one if it names none that there is, as Prometheus expects."""
    best, best_weight = Chosen(Format.TEXT, _content_type(Format.TEXT, "")), 0.0
    for media_type, parameters in _entries(accept):
        format_ = _matching(media_type, parameters.get("version"))
        weight = _weight(parameters)
        if format_ is not None and weight > best_weight:
            best_weight = weight
            best = Chosen(format_, _content_type(format_, parameters.get("escaping", "")))
    return best


def takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is accepted, and not less than the body as it is."""
    weights = {coding: _weight(parameters) for coding, parameters in _entries(accept_encoding)}
    gzip = weights.get("gzip", weights.get("*", 0.0))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _matching(media_type: str, version: str | None) -> Format | None:
    if media_type in ("*/*", "text/*"):
        return Format.TEXT
    for format_ in Format:
        name, its_version = format_.value
        if media_type == name and version in (None, its_version):
            return format_
    return None


def _content_type(format_: Format, escaping: str) -> str:
    """No name has a character that would have to be escaped; whoever takes such names is told that nothing is."""
    media_type, version = format_.value
    escaped = f"; escaping={_UTF8}" if escaping == _UTF8 and format_ is not Format.TEXT else ""
    return f"{media_type}; version={version}; charset=utf-8{escaped}"


def _entries(header: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """What is listed, with its parameters, in lower case."""
    for entry in header.lower().split(","):
        name, *rest = (part.strip() for part in entry.split(";"))
        if name:
            yield name, {key.strip(): value.strip() for key, _, value in (part.partition("=") for part in rest)}


def _weight(parameters: Mapping[str, str]) -> float:
    """0 to 1; what cannot be read is as good as not said."""
    try:
        return min(1.0, max(0.0, float(parameters.get("q", "1"))))
    except ValueError:
        return 1.0
