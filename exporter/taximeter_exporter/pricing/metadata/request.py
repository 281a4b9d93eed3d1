"""HTTP to a metadata service: short, bounded, direct (never through a proxy), and without following redirects."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

_MOST_BYTES = 256 * 1024


class NoAnswerError(Exception):
    """The service did not answer as this cloud's does. Says how."""


class NotThereError(NoAnswerError):
    """The service has nothing at that path: 404."""


@dataclass(frozen=True, slots=True)
class Service:
    """A metadata service, and until when it may answer."""

    address: str
    """`host:port` or a host."""
    deadline: float
    """On `time.monotonic`, in seconds; for all requests together."""

    def request(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> tuple[Mapping[str, str], str]:
        """The headers (lower case) and the text of a 200. Raises `NoAnswerError` for everything else."""
        connection = HTTPConnection(self.address, timeout=self._left())
        try:
            connection.request(method, path, headers=dict(headers or {}))
            sock = connection.sock
            with connection.getresponse() as response:
                body = b""
                # piece by piece, so that an answer that drips in cannot outlast the deadline
                while piece := response.read1(_MOST_BYTES):
                    body += piece
                    if len(body) > _MOST_BYTES:
                        raise NoAnswerError("answers without end")
                    sock.settimeout(self._left())
            if response.status == 404:
                raise NotThereError("answers 404")
            if response.status != 200:
                raise NoAnswerError(f"answers {response.status}")
            return {name.lower(): value for name, value in response.getheaders()}, body.decode("utf-8")
        except TimeoutError as error:
            raise NoAnswerError("does not answer in time") from error
        except UnicodeDecodeError as error:
            raise NoAnswerError("answers something that is not text") from error
        except OSError as error:
            raise NoAnswerError(f"cannot be reached ({error.strerror or error})") from error
        except HTTPException as error:
            raise NoAnswerError("answers something that is not HTTP") from error
        finally:
            connection.close()

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise NoAnswerError("does not answer in time")
        return left


def parse_object(text: str) -> dict[str, Any]:
    """A JSON object. Raises `NoAnswerError` for anything else, such as the page of a captive portal."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise NoAnswerError("answers something that is not JSON") from error
    if not isinstance(found, dict):
        raise NoAnswerError("answers something that is not a JSON object")
    return found


def word(found: Mapping[str, Any], name: str) -> str:
    """A field that must be a word. Raises `NoAnswerError` if it is not."""
    value = found.get(name)
    if not isinstance(value, str) or not value or len(value) > 128 or not value.isprintable() or " " in value:
        raise NoAnswerError(f"answers without {name}")
    return value
