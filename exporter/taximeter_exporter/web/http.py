"""A request and a response as values, so that handlers need no server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import msgspec

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a handler sees of a request."""

    method: str
    path: str
    """Decoded."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes = b""

    def header(self, name: str) -> str:
        """A header's value; empty if it was not sent."""
        return self.headers.get(name.lower(), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a handler answers."""

    status: int = 200
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpError(Exception):
    """Ends a request with an error; `field` is the field of the request at fault, if one is."""

    def __init__(
        self, status: int, message: str, *, field: str = "", headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(message)
        self.status = status
        self.field = field
        self.headers = headers

    def response(self) -> Response:
        """The error as the API shows it."""
        error = {"status": self.status, "field": self.field, "message": str(self)}
        return json_response({"error": error}, status=self.status, headers=self.headers)


def json_response(value: Any, *, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
    """A value as JSON."""
    return Response(status=status, content_type=JSON, body=msgspec.json.encode(value) + b"\n", headers=headers)


def text_response(text: str, *, status: int = 200) -> Response:
    """A line of text."""
    return Response(status=status, content_type="text/plain; charset=utf-8", body=f"{text}\n".encode())
