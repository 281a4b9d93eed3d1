"""Who a run is and whom it talks to, from arguments first and the environment second."""

from __future__ import annotations

import logging
import os
import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from taximeter.names import check_label, check_run, default_run

EXPORTER = "http://127.0.0.1:9877"
METRICS_HOST = "127.0.0.1"
METRICS_PORT = 9878
CURRENCY = "USD"

NO_LEASE = "-"
"""In place of a lease, where `taximeter run` holds none that it could share."""

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
class Access:
    """How the exporter knows the program, and the program the exporter. Shows nothing that is secret."""

    user: str | None = None
    """For HTTP basic authentication."""
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    """For the calls that write; goes before user and password."""
    token_file: Path | None = None
    """Holds the token, and is read anew for each call."""
    ca_file: Path | None = None
    """PEM certificates that the exporter's is signed by; `None`: those of the machine."""


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
    """The exporter's base URL, without a user and a password."""
    access: Access
    lease: str | None
    """Held by the program that started this one, `taximeter run`; it is shared, and neither taken nor ended."""
    listen: Address
    rank: int
    world: int
    """Processes that train one model, this one among them."""
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
        """Whether the exporter is asked about the run, and told of it."""
        return self.pays and self.price is None and self.lease != NO_LEASE


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

    Reads `TAXIMETER_RUN`, `_PROJECT`, `_TEAM`, `_USER`, `_EXPORTER`, `_TOKEN`, `_TOKEN_FILE`, `_CA_FILE`, `_PRICE`
    and `_CURRENCY`, `_LEASE` where `taximeter run` set it, and of torchrun's variables `RANK`, `LOCAL_RANK` and
    `WORLD_SIZE`. Raises `ValueError` that names the argument or variable and says what would be right.
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
    rank, local_rank = (_of_torchrun(environ, variable, least=0) for variable in ("RANK", "LOCAL_RANK"))
    base, name, password = _named(exporter_name, parse_url, exporter_value or EXPORTER)
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
        exporter=base,
        lease=environ.get("TAXIMETER_LEASE") if settled_run == environ.get("TAXIMETER_RUN") else None,
        access=_access(user=name, password=password, environ=environ),
        listen=(
            Address(host=METRICS_HOST, port=METRICS_PORT + local_rank)
            if listen is None
            else _named("listen", parse_address, listen)
        ),
        rank=rank,
        world=_of_torchrun(environ, "WORLD_SIZE", least=1),
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


def parse_url(url: str) -> tuple[str, str | None, str | None]:
    """Read the exporter's base URL: without a slash at its end, its user, its password. Raises `ValueError`."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError):
        usable = False
    if not usable or parts.query or parts.fragment:
        # Not repeated where there may be a password in it.
        shown = "this" if "@" in str(url) else repr(url)
        raise ValueError(f"{shown} is not an address like {EXPORTER}")
    user, at, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    base = parts._replace(netloc=place).geturl().rstrip("/")
    return (base, unquote(name), unquote(password)) if at else (base, None, None)


def _access(*, user: str | None, password: str | None, environ: Mapping[str, str]) -> Access:
    token, token_file = environ.get("TAXIMETER_TOKEN") or None, environ.get("TAXIMETER_TOKEN_FILE") or None
    if token is not None and token_file is not None:
        raise ValueError("TAXIMETER_TOKEN: TAXIMETER_TOKEN_FILE is set as well; set one of them")
    if token is not None:
        _named("TAXIMETER_TOKEN", check_token, token)
    if token_file is not None:
        _named("TAXIMETER_TOKEN_FILE", read_token, Path(token_file))
    ca_file = environ.get("TAXIMETER_CA_FILE") or None
    if ca_file is not None:
        _named("TAXIMETER_CA_FILE", _check_certificates, Path(ca_file))
    return Access(
        user=user,
        password=password,
        token=token,
        token_file=None if token_file is None else Path(token_file),
        ca_file=None if ca_file is None else Path(ca_file),
    )


def read_token(path: Path) -> str:
    """Read the token that a file holds. Raises `ValueError` that says what is wrong with it, and not what it holds."""
    try:
        return check_token(path.read_text(encoding="ascii").strip())
    except OSError as wrong:
        raise ValueError(f"{path} cannot be read: {wrong.strerror or wrong}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} holds something else than a token of ASCII characters") from None


def check_token(token: str) -> str:
    """Return a token unchanged. Raises `ValueError`, which does not repeat it."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("the token is empty, or has other characters than printable ASCII without spaces")
    return token


def _check_certificates(path: Path) -> None:
    try:
        ssl.create_default_context(cafile=str(path))
    except ssl.SSLError:
        raise ValueError(f"{path} holds no certificates in PEM form") from None
    except OSError as wrong:
        raise ValueError(f"{path} cannot be read: {wrong.strerror or wrong}") from None


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


def _of_torchrun(environ: Mapping[str, str], variable: str, *, least: int) -> int:
    text = environ.get(variable) or str(least)
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise ValueError(f"{variable}: {text!r} is not a whole number from {least}, as torchrun sets it")
    return int(text)
