"""Asking the parts of the stack over HTTP. Everything is on loopback, so no proxy is asked."""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

TIMEOUT_SECONDS = 60.0
"""On a machine that is busy with a training, and with much else."""
_OPENER = build_opener(ProxyHandler({}))


class NoAnswer(Exception):
    """An address did not answer as it should. Says which, and how."""


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with _OPENER.open(url, timeout=TIMEOUT_SECONDS):
            return True
    except HTTPError as error:
        error.close()
        return False
    except (OSError, HTTPException):
        return False


def get_json(url: str, **parameters: str) -> Any:
    """The JSON that a GET answers. Raises `NoAnswer`."""
    body = _ask(Request(f"{url}?{urlencode(parameters)}" if parameters else url), url)  # noqa: S310 (as for `post`)
    try:
        return json.loads(body)
    except ValueError as error:
        raise NoAnswer(f"{url} did not answer: {error}") from error


def post(url: str) -> None:
    """A POST without a body. Raises `NoAnswer` unless it is answered with success."""
    _ask(Request(url, method="POST"), url)  # noqa: S310 (our own loopback)


def _ask(request: Request, url: str) -> bytes:
    try:
        with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return bytes(answer.read())
    except HTTPError as error:
        with error:
            raise NoAnswer(f"{url} answered {error.code}: {error.read(500).decode(errors='replace')}") from error
    except (OSError, HTTPException) as error:
        raise NoAnswer(f"{url} did not answer: {error}") from error
