"""Who a run is and whom it talks to, from arguments first and the environment second."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from urllib.parse import urlsplit

from taximeter.names import check_label, check_run, default_run

EXPORTER = "http://127.0.0.1:9877"
METRICS_HOST = "127.0.0.1"
METRICS_PORT = 9878
CURRENCY = "USD"

_CURRENCY = re.compile(r"[A-Z]{3}")

_log = logging.getLogger("taximeter")

T = TypeVar("T")

Amount = Decimal | int | float | str
"""Money as a program may give it; a float counts as the decimal number that it is written as."""


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
    price: Decimal | None
    """Of an hour of the run, given by hand; then no exporter is asked."""
    currency: str
    """Of price and budget."""
    budget: Decimal | None
    """What the run may cost."""

    @property
    def pays(self) -> bool:
        """Of several processes that train one model only the first is a run, so that its cost counts once."""
        return self.rank == 0

    @property
    def takes_lease(self) -> bool:
        """Whether the exporter is asked for a lease."""
        return self.pays and self.price is None


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
    price: Amount | None = None,
    currency: str | None = None,
    budget: Amount | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Settle what was given as an argument, what the environment says, and what is left to defaults.

    Reads `TAXIMETER_RUN`, `_PROJECT`, `_TEAM`, `_USER`, `_EXPORTER`, `_PRICE` and `_CURRENCY`, and of torchrun's
    variables `RANK` and `LOCAL_RANK`. Raises `ValueError` that names the argument or variable and says what would be
    right.
    """

    def given(field: str, argument: T | None) -> tuple[str, T | str | None]:
        variable = f"TAXIMETER_{field.upper()}"
        return (field, argument) if argument is not None else (variable, environ.get(variable) or None)

    def label(field: str, argument: str | None) -> str | None:
        name, value = given(field, argument)
        return None if value is None else _named(name, check_run if field == "run" else check_label, value)

    settled_project = label("project", project) or "default"
    exporter_name, exporter_value = given("exporter", exporter)
    price_name, price_value = given("price", price)
    currency_name, currency_value = given("currency", currency)
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
        price=None if price_value is None else _named(price_name, parse_price, price_value),
        currency=_named(currency_name, check_currency, currency_value or CURRENCY),
        budget=None if budget is None else _named("budget", parse_budget, budget),
    )


def parse_price(amount: Amount) -> Decimal:
    """Read what an hour costs, 0 or more. Raises `ValueError`."""
    number = _decimal(amount)
    if number is None or number < 0:
        raise ValueError(f"{amount!r} is not what an hour costs: a number from 0, such as 2.50")
    return number


def parse_budget(amount: Amount) -> Decimal:
    """Read what a run may cost, more than 0. Raises `ValueError`."""
    number = _decimal(amount)
    if number is None or number <= 0:
        raise ValueError(f"{amount!r} is not what a run may cost: a number above 0, such as 20")
    return number


def check_currency(code: str) -> str:
    """Return the code of a currency unchanged. Raises `ValueError`."""
    if not isinstance(code, str) or _CURRENCY.fullmatch(code) is None:
        raise ValueError(f"{code!r} is not a currency of ISO 4217: three capital letters, such as USD")
    return code


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


def _decimal(amount: Amount) -> Decimal | None:
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | float | str):
        return None
    try:
        number = Decimal(repr(amount) if isinstance(amount, float) else amount)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _named(name: str, read: Callable[[Any], T], given: Any) -> T:
    try:
        return read(given)
    except ValueError as wrong:
        raise ValueError(f"{name}: {wrong}") from None


def _rank(environ: Mapping[str, str], variable: str) -> int:
    text = environ.get(variable) or "0"
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{variable}: {text!r} is not a whole number from 0, as torchrun sets it")
    return int(text)
