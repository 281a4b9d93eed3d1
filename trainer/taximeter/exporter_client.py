"""The calls to the exporter that a run needs, each one request with short timeouts.

Renewals, which come every five seconds, follow on each other on one connection: to make one takes longer than all
else.

See "The exporter's API" in docs/architecture.md.
"""

from __future__ import annotations

import base64
import http.client
import json
import math
import ssl
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from taximeter.cost import Money, Quote
from taximeter.kept_connection import KeptConnection
from taximeter.settings import Access, Settings, read_token

_ANSWER_BYTES = 1 << 20
_LONGEST_SECONDS = 3600

Progress = dict[str, int | float]
"""What is told with a renewal: of `epoch`, `step`, `samples`, `bytes`, `accuracy` and `loss` those that are known."""


class Unanswered(Exception):
    """The exporter did not answer, or not with what was asked for: it is away, or something else is there."""

    def __init__(self, message: str, *, perhaps_done: bool) -> None:
        super().__init__(message)
        self.perhaps_done = perhaps_done
        """Whether the request may have been carried out all the same, only its answer is lost."""


class Refused(Exception):
    """The exporter answered that it will not."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A registered run."""

    token: str
    renew_seconds: float
    quote: Quote


class ExporterClient:
    """One run's side of the conversation. Every call raises `Unanswered` or `Refused`."""

    def __init__(self, settings: Settings, *, timeout: float = 2.0) -> None:
        parts = urlsplit(settings.exporter)
        self._access = settings.access
        self._context = _context(settings.access.ca_file) if parts.scheme == "https" else None
        self._host = parts.hostname or ""
        self._port = parts.port
        self._runs = f"{parts.path}/api/v1/runs"
        self._run = f"{self._runs}/{quote(settings.run, safe='')}"
        self._prices = f"{parts.path}/api/v1/prices"
        self._timeout = timeout
        self._kept: KeptConnection | None = None
        self._registration = {
            "run": settings.run,
            "project": settings.project,
            "team": settings.team,
            "user": settings.user,
            "model": settings.model,
            "dataset": settings.dataset,
            "devices": settings.devices,
        }

    def register(self, *, resume: bool) -> Lease:
        """Begin the run, or with `resume` go on with one that has ended."""
        body = {field: value for field, value in self._registration.items() if value is not None}
        answer = self._post(self._runs, body | ({"resume": True} if resume else {}))
        try:
            token, renew_seconds = str(answer["lease"]), float(answer["renew_seconds"])
        except (KeyError, TypeError, ValueError) as wrong:
            raise Unanswered(f"the answer has no lease: {wrong!r}", perhaps_done=True) from None
        if not 0 < renew_seconds <= _LONGEST_SECONDS:
            raise Unanswered(f"renew_seconds is {renew_seconds}", perhaps_done=True)
        return Lease(token=token, renew_seconds=renew_seconds, quote=_quote(answer))

    def renew(self, token: str, progress: Progress) -> Quote:
        """Keep the lease, and the connection for the next renewal."""
        body = json.dumps({"lease": token, "progress": progress})
        return _quote(self._ask("POST", f"{self._run}/renew", body, keep=True))

    def close(self) -> None:
        """Hang up, if a connection was kept."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def end(self, token: str, result: str, progress: Progress) -> Quote:
        """End the run. To say so twice does no harm, and asks anew what it cost."""
        return _quote(self._post(f"{self._run}/end", {"lease": token, "result": result, "progress": progress}))

    def prices(self) -> Any:
        """What devices cost now, and how that will change, as `GET /api/v1/prices` tells it."""
        return self._ask("GET", self._prices)

    def _connection(self) -> http.client.HTTPConnection:
        if self._context is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._context)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._ask("POST", path, json.dumps(body))

    def _ask(self, method: str, path: str, body: str | None = None, *, keep: bool = False) -> Any:
        kept, self._kept = self._kept, None
        sent = False
        try:
            headers = {"Content-Type": "application/json", **_authorization(self._access)}
            if kept is not None:
                sent = True
                try:
                    status, text = kept.ask(method, path, body or "", headers)
                except (ConnectionError, ssl.SSLError):
                    # The exporter has hung up meanwhile. What comes after a renewal does no harm if it is said twice.
                    kept.close()
                    kept, sent = None, False
            if kept is None:
                # Not urllib: it would send these through a proxy that the environment names.
                connection = self._connection()
                with closing(connection):
                    connection.connect()
                    sent = True
                    connection.request(method, path, body, headers)
                    response = connection.getresponse()
                    status, text = response.status, response.read(_ANSWER_BYTES)
                    if keep and response.isclosed() and connection.sock is not None:
                        kept = KeptConnection(connection)
            if keep and kept is not None and kept.goes_on:
                self._kept = kept
        except (OSError, ValueError, http.client.HTTPException) as wrong:
            raise Unanswered(str(wrong) or type(wrong).__name__, perhaps_done=sent) from None
        finally:
            if kept is not None and kept is not self._kept:
                kept.close()
        try:
            answer = json.loads(text)
        except ValueError:
            raise Unanswered(f"the answer ({status}) is not JSON", perhaps_done=True) from None
        if status >= 500:
            raise Unanswered(_message(answer, status), perhaps_done=True)
        if status >= 300:
            raise Refused(status, _message(answer, status))
        return answer


def _context(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))


def _authorization(access: Access) -> dict[str, str]:
    """The header that says who asks. Raises `ValueError` if the token cannot be read."""
    token = access.token if access.token_file is None else read_token(access.token_file)
    if token is not None:
        return {"Authorization": f"Bearer {token}"}
    if access.user is not None:
        pair = f"{access.user}:{access.password or ''}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _message(answer: Any, status: int) -> str:
    try:
        error = answer["error"]
        field = error.get("field")
        return f"{field}: {error['message']}" if field else str(error["message"])
    except (AttributeError, KeyError, TypeError):
        return f"status {status}"


def _quote(answer: Any) -> Quote:
    try:
        return Quote(
            cost=_money(answer["cost"]),
            cost_per_hour=_money(answer["cost_per_hour"]),
            # One of before does not say; then the time between two renewals is missing.
            unbooked_ns=_nanoseconds(answer.get("unbooked_seconds", 0)),
            device_seconds=Decimal(str(answer["device_seconds"])),
            devices=tuple(answer["devices"] or ()),
            simulated=bool(answer["simulated"]),
            settled=bool(answer["settled"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError, InvalidOperation) as wrong:
        raise Unanswered(f"the answer is not a run: {wrong!r}", perhaps_done=True) from None


def _nanoseconds(seconds: float) -> int:
    if not 0 <= seconds < math.inf:
        raise ValueError(f"unbooked_seconds is {seconds}")
    return round(seconds * 1e9)


def _money(amounts: dict[str, str]) -> Money:
    money = {currency: Decimal(amount) for currency, amount in amounts.items()}
    if not all(amount.is_finite() for amount in money.values()):
        raise InvalidOperation("an amount is not finite")
    return money
