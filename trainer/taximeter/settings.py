"""Who a run is and whom it talks to, from arguments first and the environment second."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from taximeter.names import check_label, check_run, default_run

EXPORTER = "http://127.0.0.1:9877"
METRICS_HOST = "127.0.0.1"
METRICS_PORT = 9878

_log = logging.getLogger("taximeter")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the metrics endpoint listens; port 0 takes any that is free."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a meter needs to know before it starts. Nothing here changes while it runs."""

    run: str
    project: str
    team: str | None
    user: str | None
    model: str | None
    dataset: str | None
    devices: tuple[str, ...] | None
    """UUIDs of the devices that the run pays for; `None`: every device of the exporter."""
    resume: bool
    exporter: str
    """The exporter's base URL."""
    listen: Address
    rank: int

    @property
    def takes_lease(self) -> bool:
        """Of several processes that train one model only the first is a run, so that its cost counts once."""
        return self.rank == 0


def resolve(
    *,
    run: str | None = None,
    project: str | None = None,
    team: str | None = None,
    user: str | None = None,
    model: str | None = None,
    dataset: str | None = None,
    devices: Iterable[str] | None = None,
    resume: bool = False,
    exporter: str | None = None,
    listen: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Settle what was given as an argument, what the environment says, and what is left to defaults.

    Reads `TAXIMETER_RUN`, `_PROJECT`, `_TEAM`, `_USER` and `_EXPORTER`, and of torchrun's variables `RANK` and
    `LOCAL_RANK`. Raises `ValueError` that names the argument or variable and says what would be right.
    """

    def label(field: str, argument: str | None) -> str | None:
        variable = f"TAXIMETER_{field.upper()}"
        name, value = (field, argument) if argument is not None else (variable, environ.get(variable) or None)
        return None if value is None else _named(name, check_run if field == "run" else check_label, value)

    settled_project = label("project", project) or "default"
    exporter_name, exporter_value = (
        ("exporter", exporter) if exporter is not None else ("TAXIMETER_EXPORTER", environ.get("TAXIMETER_EXPORTER"))
    )
    rank, local_rank = _rank(environ, "RANK"), _rank(environ, "LOCAL_RANK")
    settled_run = label("run", run)
    if rank > 0 and settled_run is None:
        _log.warning("rank %d does not know the run's name: set TAXIMETER_RUN, the same for every rank", rank)
    return Settings(
        run=settled_run or default_run(settled_project),
        project=settled_project,
        team=label("team", team),
        user=label("user", user),
        model=None if model is None else _named("model", check_label, model),
        dataset=None if dataset is None else _named("dataset", check_label, dataset),
        devices=None if devices is None else tuple(_named("devices", check_label, uuid) for uuid in devices),
        resume=resume,
        exporter=_named(exporter_name, check_url, exporter_value or EXPORTER),
        listen=(
            Address(host=METRICS_HOST, port=METRICS_PORT + local_rank)
            if listen is None
            else _named("listen", parse_address, listen)
        ),
        rank=rank,
    )


def parse_address(text: str) -> Address:
    """Read `host:port`, or `[host]:port` for IPv6. Raises `ValueError`."""
    host, separator, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not separator or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not host:port, for instance {METRICS_HOST}:{METRICS_PORT}")
    return Address(host=host, port=int(port))


def check_url(url: str) -> str:
    """Return the exporter's base URL without a slash at its end. Raises `ValueError`."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is not an address like {EXPORTER}")
    return url.rstrip("/")


def _named(name: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as wrong:
        raise ValueError(f"{name}: {wrong}") from None


def _rank(environ: Mapping[str, str], variable: str) -> int:
    text = environ.get(variable) or "0"
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{variable}: {text!r} is not a whole number from 0, as torchrun sets it")
    return int(text)
