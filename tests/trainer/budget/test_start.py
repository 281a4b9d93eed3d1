"""`--start cheapest` waits for the cheaper hours, as far as an exporter knows them."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trustme
from fakes.exporter import FakeExporter
from support.programs import CONFIG, write_config
from support.programs import exporter as real_exporter
from taximeter.settings import resolve
from taximeter.training.start import NoPrices, course_of, wait_for_cheapest

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Wait:
    """A clock that sleeping moves, and what was said meanwhile."""

    def __init__(
        self, exporter: str, *, meanwhile: Callable[[datetime], None] | None = None, begin: datetime = NOON
    ) -> None:
        self.now = begin
        self.said: list[str] = []
        self._meanwhile = meanwhile
        settings = resolve(exporter=exporter)
        wait_for_cheapest(settings, self.said.append, now=lambda: self.now, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        if self._meanwhile is not None:
            self._meanwhile(self.now)


def change(hours: float, per_hour: str | None) -> dict[str, Any]:
    return {"at": (NOON + timedelta(hours=hours)).isoformat().replace("+00:00", "Z"), "per_hour": per_hour}


def price(
    per_hour: str | None, *changes: dict[str, Any], currency: str | None = "USD", uuid: str = "A"
) -> dict[str, Any]:
    return {"uuid": uuid, "currency": currency, "per_hour": per_hour, "changes": list(changes)}


@pytest.fixture(autouse=True)
def in_berlin() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as here:
        here.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def test_it_waits_for_the_first_of_the_cheapest_hours(exporter: FakeExporter) -> None:
    exporter.prices = [price("4.00", change(2, "2.50"), change(8.5, "1.00"), change(20, "4.00"), change(32, "1.00"))]
    wait = Wait(exporter.url)
    assert wait.now == NOON + timedelta(hours=8.5)
    assert wait.said == [
        "--start cheapest: waiting until Mon 02 Mar 21:30 CET (8 h 30 min): 1.00 USD an hour instead of 4.00 USD "
        "saves 75%; Ctrl-C ends the wait\n",
        "--start cheapest: starting now, at 1.00 USD an hour\n",
    ]


def test_the_devices_prices_are_added_up(exporter: FakeExporter) -> None:
    """A alone is cheapest after an hour, both together after three."""
    exporter.prices = [
        price("2", change(1, "1.5"), change(3, "2")),
        price("3", change(3, "1"), change(4, "9"), uuid="B"),
    ]
    assert Wait(exporter.url).now == NOON + timedelta(hours=3)


def test_now_is_the_cheapest(exporter: FakeExporter) -> None:
    exporter.prices = [price("1", change(2, "1"), change(3, "4"))]
    wait = Wait(exporter.url)
    assert (wait.now, wait.said) == (NOON, ["--start cheapest: starting now, at 1.00 USD an hour\n"])


def test_hours_without_a_price_are_not_the_cheapest(exporter: FakeExporter) -> None:
    exporter.prices = [price(None, change(1, "3"), change(2, None), change(3, "2"), change(4, None))]
    wait = Wait(exporter.url)
    assert wait.now == NOON + timedelta(hours=3)
    assert "2.00 USD an hour from then on, and no price is known now" in wait.said[0]


def test_what_lies_more_than_a_week_ahead_is_not_waited_for(exporter: FakeExporter) -> None:
    exporter.prices = [price("3", change(24, "2"), change(7 * 24, "1"))]
    assert Wait(exporter.url).now == NOON + timedelta(hours=24)


@pytest.mark.parametrize(
    ("prices", "why"),
    [
        ([price("3")], "the price has no schedule"),
        ([], "the exporter has no prices"),
        ([price(None)], "it has no price for all devices"),
        ([price("3"), price("4", currency="EUR", uuid="B")], "prices in EUR, USD cannot be compared"),
        ([price(None, currency=None)], "the exporter has no prices"),
        ([price("3", change(1, "1")), price(None, currency=None, uuid="B")], "it has no price for all devices"),
        ([price("NaN")], "the answer of {url} is no list of prices"),
        ([price("3", {"at": "soon", "per_hour": "1"})], "the answer of {url} is no list of prices"),
        ([price("3", {"at": "2026-03-02T13:00:00", "per_hour": "1"})], "the answer of {url} is no list of prices"),
        ([{"uuid": "A"}], "the answer of {url} is no list of prices"),
        (None, "the exporter at {url} tells no prices (no such page)"),
    ],
)
def test_without_a_schedule_it_starts_at_once_and_says_why(
    exporter: FakeExporter, prices: list[dict[str, Any]] | None, why: str
) -> None:
    exporter.prices = prices
    wait = Wait(exporter.url)
    assert wait.now == NOON
    assert wait.said == [f"--start cheapest: starting now: {why.format(url=exporter.url)}\n"]


def test_without_an_exporter_it_starts_at_once_and_says_so(exporter: FakeExporter) -> None:
    exporter.stop()
    wait = Wait(exporter.url)
    assert wait.now == NOON
    assert wait.said[0].startswith(f"--start cheapest: starting now: no exporter at {exporter.url} (")


@pytest.mark.parametrize("how", ["token", "token_file", "password"])
def test_prices_are_asked_for_behind_tls_as_runs_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    authority = trustme.CA()
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    (tmp_path / "token").write_text("0123456789abcdef\n")
    encrypted = FakeExporter()
    encrypted.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(encrypted.tls)
    encrypted.prices = [price("4", change(8, "1"))]
    encrypted.authorization = "Bearer 0123456789abcdef" if how != "password" else "Basic YW5uOnNlY3JldA=="
    monkeypatch.setenv("TAXIMETER_CA_FILE", str(tmp_path / "ca.pem"))
    if how == "token":
        monkeypatch.setenv("TAXIMETER_TOKEN", "0123456789abcdef")
    elif how == "token_file":
        monkeypatch.setenv("TAXIMETER_TOKEN_FILE", str(tmp_path / "token"))
    encrypted.start()
    try:
        url = encrypted.url.replace("//", "//ann:secret@") if how == "password" else encrypted.url
        assert Wait(url).now == NOON + timedelta(hours=8)
        encrypted.authorization = "Bearer another"
        refused = Wait(url)
        assert refused.now == NOON
        assert "tells no prices (say who you are)" in refused.said[0]
        monkeypatch.delenv("TAXIMETER_CA_FILE")
        assert "certificate verify failed" in Wait(url).said[0]
    finally:
        encrypted.stop()


def test_a_schedule_that_changes_meanwhile_is_followed(exporter: FakeExporter) -> None:
    exporter.prices = [price("4", change(8, "1"))]

    def raise_the_night(now: datetime) -> None:
        if now >= NOON + timedelta(hours=1):
            exporter.prices = [price("4", change(3, "2"), change(8, "3"))]

    wait = Wait(exporter.url, meanwhile=raise_the_night)
    assert wait.now == NOON + timedelta(hours=3)
    assert [text.partition("(")[0] for text in wait.said] == [
        "--start cheapest: waiting until Mon 02 Mar 21:00 CET ",
        "--start cheapest: waiting until Mon 02 Mar 16:00 CET ",
        "--start cheapest: starting now, at 2.00 USD an hour\n",
    ]


def test_an_exporter_that_goes_away_meanwhile_has_said_enough(exporter: FakeExporter) -> None:
    exporter.prices = [price("4", change(8, "1"))]
    wait = Wait(exporter.url, meanwhile=lambda _: exporter.stop())
    assert wait.now == NOON + timedelta(hours=8)
    assert len(wait.said) == 2


def test_a_course_is_exact() -> None:
    course = course_of([price("0.1", change(1, "0.3")), price("0.2", change(2, None), uuid="B")])
    assert course.first == Decimal("0.3")
    assert [amount for _, amount in course.changes] == [Decimal("0.5"), None]
    with pytest.raises(NoPrices):
        course_of([])


def test_the_real_exporter_tells_its_nights(tmp_path: Path) -> None:
    """A price that is halved for an hour, from the third hour from now on."""
    begin = datetime.now(UTC)
    cheap = begin.replace(minute=0, second=0, microsecond=0) + timedelta(hours=3)
    hours = f"{cheap:%H:%M}-{cheap + timedelta(hours=1):%H:%M}"
    night = (
        "  - {provider: acme, region: lab, instance_type: box-8, gpus: 8, per_hour: 1800, currency: USD,"
        f" hours: '{hours}', timezone: UTC}}\nbudgets:"
    )
    config = write_config(tmp_path, CONFIG.replace("budgets:", night))
    with real_exporter(config, environ={"TAXIMETER_DEVICES": "host"}) as running:
        wait = Wait(f"http://127.0.0.1:{running.port}", begin=begin)
    assert wait.now == cheap
    assert "saves 50%" in wait.said[0]
