"""Whatever is written in a configuration, it is taken, or refused in one line with file and field: nothing else."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.settings import Settings, load
from taximeter_exporter.web.security import token, web_config

SHIPPED = Path(__file__).parents[3] / "exporter" / "taximeter.yaml"
FIELDS = [
    "listen",
    "sample_interval",
    "ledger",
    "gap_policy",
    "split_policy",
    "devices",
    "write_token_file",
    "host",
    "prices",
    "discounts",
    "catalog",
    "price_max_age",
    "storage",
    "transfer",
    "budgets",
    "exchange_rates",
    "provider",
    "region",
    "instance_type",
    "pricing_model",
    "per_hour",
    "owned",
    "currency",
    "gpus",
    "gpu_model",
    "effective_from",
    "effective_to",
    "hours",
    "weekdays",
    "timezone",
    "as_of",
    "source",
    "billing",
    "percent",
    "name",
    "gb",
    "per_gb_month",
    "per_gb",
    "class",
    "period",
    "limit",
    "scope",
    "thresholds",
    "project",
    "into",
    "rate",
    "increment_seconds",
    "purchase_price",
    "purchased_on",
    "useful_life_years",
    "power_watts",
    "electricity_per_kwh",
    "pue",
]
WEB_FIELDS = [
    "tls_server_config",
    "http_server_config",
    "basic_auth_users",
    "rate_limit",
    "cert_file",
    "key_file",
    "client_auth_type",
    "cipher_suites",
    "client_ca_file",
    "min_version",
    "headers",
    "http2",
    "X-Frame-Options",
    "interval",
    "burst",
    "alice",
    "curve_preferences",
]
WORDS = [
    "acme",
    "lab",
    "box-8",
    "auto",
    "USD",
    "EUR",
    "XXX",
    "month",
    "day",
    "run",
    "1s",
    "100ms",
    "0s",
    "180d",
    "22:00-06:00",
    "06:00-06:00",
    "24:00-25:00",
    "Europe/Berlin",
    "../../etc",
    "..",
    "/",
    "aws",
    "on_demand",
    "owned",
    "127.0.0.1:0",
    "[::1]:9",
    "::",
    "bill",
    "memory",
    "host",
    "gpu",
    "TLS12",
    "NoClientCert",
    "mon",
    "sun",
    "2026-02-30",
    "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze",
]

SETTINGS = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.sampled_from([0, 1, -1, 0.5, 1e308, float("inf"), float("nan"), date(1, 1, 1), date(2026, 1, 1), date.max]),
    st.dates(),
    st.sampled_from(WORDS),
    st.text(max_size=20),
)


def _structures(fields: list[str]) -> st.SearchStrategy[Any]:
    keys = st.one_of(st.sampled_from(fields), st.sampled_from(fields), st.text(max_size=8))
    return st.recursive(
        _SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=25,
    )


TRIED: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _told() -> Iterator[None]:
    begun = time.monotonic()
    yield
    print(f"configurations tried: {sum(TRIED.values())} in {time.monotonic() - begun:.1f} s: {dict(TRIED)}")  # noqa: T201


def holds(read: Callable[[Path], object], path: Path, text: str | bytes, kind: str) -> object | None:
    """What is read, or nothing if it is refused as it should be."""
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    try:
        value = read(path)
    except ConfigError as error:
        message = str(error)
        assert message.isprintable(), message
        assert message.startswith(f"{path}: "), message
        assert len(message) > len(f"{path}: ") + 10
        TRIED[f"{kind}: refused"] += 1
        return None
    TRIED[f"{kind}: taken"] += 1
    return value


def _load(path: Path) -> Settings:
    return load(path, {})


@SETTINGS
@given(top=st.dictionaries(st.sampled_from(FIELDS), _structures(FIELDS), max_size=8))
def test_anything_in_yaml_is_settings_or_one_line(tmp_path: Path, top: dict[str, Any]) -> None:
    top.setdefault("host", {"provider": "acme", "region": "lab", "instance_type": "box-8"})
    if top["host"] == "auto":
        return  # asks the network
    holds(_load, tmp_path / "taximeter.yaml", yaml.safe_dump(top, allow_unicode=True), "structure")


EXAMPLE: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8")) | {
    "prices": [
        {
            "provider": "acme",
            "region": "lab",
            "instance_type": "box-8",
            "pricing_model": "on_demand",
            "gpus": 8,
            "per_hour": 3600,
            "currency": "USD",
            "effective_from": date(2026, 1, 1),
            "as_of": date(2026, 1, 1),
        },
        {
            "provider": "acme",
            "region": "lab",
            "instance_type": "box-8",
            "per_hour": 1800,
            "gpus": 8,
            "currency": "USD",
            "hours": "22:00-06:00",
            "weekdays": ["sat", "sun"],
            "timezone": "Europe/Berlin",
        },
        {
            "provider": "us",
            "region": "lab",
            "instance_type": "server",
            "currency": "EUR",
            "owned": {
                "purchase_price": 1000,
                "purchased_on": date(2026, 1, 1),
                "useful_life_years": 4,
                "power_watts": 500,
                "electricity_per_kwh": 0.3,
                "pue": 1.2,
            },
        },
    ],
    "storage": [{"name": "sets", "gb": 5, "per_gb_month": 0.1, "currency": "USD"}],
    "transfer": {"per_gb": 0.1, "currency": "USD"},
    "discounts": [{"provider": "aws", "percent": 12.5}],
    "exchange_rates": [{"currency": "EUR", "into": "USD", "rate": 1.1, "effective_from": date(2026, 1, 1)}],
}


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*at, key))


PATHS = list(_paths(EXAMPLE))


@SETTINGS
@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(PATHS),
            st.sampled_from(["set", "set", "delete", "add", "twice"]),
            st.sampled_from(FIELDS),
            _structures(FIELDS),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_the_example_with_changes_is_settings_or_one_line(
    tmp_path: Path, changes: list[tuple[tuple[Any, ...], str, str, Any]]
) -> None:
    assert len(PATHS) > 60
    top = copy.deepcopy(EXAMPLE)
    for at, what, field, value in changes:
        _change(top, at, what, field, value)
    if top.get("host") == "auto":
        return
    holds(_load, tmp_path / "taximeter.yaml", yaml.safe_dump(top, allow_unicode=True), "example")


def _change(top: dict[str, Any], at: tuple[Any, ...], what: str, field: str, value: Any) -> None:
    *way, last = at
    found: Any = top
    try:
        for step in way:
            found = found[step]
        if what == "set":
            found[last] = value
        elif what == "delete":
            del found[last]
        elif what == "add" and isinstance(found[last], dict):
            found[last][field] = value
        elif what == "twice" and isinstance(found, list):
            found.append(copy.deepcopy(found[last]))
    except (KeyError, IndexError, TypeError):
        pass  # an earlier change took it away


def test_the_example_itself_is_taken(tmp_path: Path) -> None:
    text = yaml.safe_dump(EXAMPLE)
    assert isinstance(holds(_load, tmp_path / "taximeter.yaml", text, "example"), Settings)


@SETTINGS
@given(
    place=st.integers(0, 6000),
    cut=st.integers(0, 30),
    put=st.binary(max_size=12)
    | st.sampled_from([b"\t", b"{", b"&a *a", b"---\n", b"!!python/object:os.system", b"<<: *x"]),
)
def test_the_example_with_other_bytes_in_it_is_settings_or_one_line(
    tmp_path: Path, place: int, cut: int, put: bytes
) -> None:
    text = SHIPPED.read_bytes()
    place %= len(text)
    holds(_load, tmp_path / "taximeter.yaml", text[:place] + put + text[place + cut :], "bytes")


@SETTINGS
@given(
    variable=st.sampled_from(["LISTEN", "SAMPLE_INTERVAL", "LEDGER", "GAP_POLICY", "DEVICES", "HOST_REGION"]),
    value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
    | st.sampled_from(WORDS),
)
def test_any_environment_is_settings_or_one_line_that_names_the_variable(variable: str, value: str) -> None:
    name = f"TAXIMETER_{variable}"
    try:
        load(SHIPPED, {name: value})
    except ConfigError as error:
        assert str(error).isprintable()
        assert str(error).startswith(f"environment variable {name}: ")
        TRIED["environment: refused"] += 1
    else:
        TRIED["environment: taken"] += 1


@SETTINGS
@given(top=_structures(WEB_FIELDS))
def test_any_web_configuration_is_taken_or_refused_in_one_line(tmp_path: Path, top: Any) -> None:
    holds(web_config.read, tmp_path / "web.yml", yaml.safe_dump(top, allow_unicode=True), "web")


@SETTINGS
@given(text=st.binary(max_size=60))
def test_any_token_file_is_taken_or_refused_in_one_line(tmp_path: Path, text: bytes) -> None:
    holds(token.read, tmp_path / "token", text, "token")
