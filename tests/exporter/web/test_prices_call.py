"""`GET /api/v1/prices`: what devices cost now, and from when on something else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from support.metered import GPU0, price, time_ns
from support.programs import CONFIG, exporter, write_config
from taximeter_exporter.pricing.hours import parse_hours
from taximeter_exporter.pricing.price import Price
from taximeter_exporter.pricing.quote import schedule_for
from taximeter_exporter.web.http import json_response
from taximeter_exporter.web.prices import prices_answer

NOW = "2026-10-23T12:00:00"


def answer(*prices: Price) -> Any:
    shown = prices_answer({"GPU-0": schedule_for(prices, [GPU0])}, time_ns(NOW))
    return msgspec.json.decode(json_response(shown).body)["prices"][0]


def test_a_price_that_stays_has_no_changes() -> None:
    assert answer(price("7200")) == {"uuid": "GPU-0", "currency": "USD", "per_hour": "3600.000000", "changes": []}


def test_nights_are_told_for_a_week_also_when_the_clocks_are_put_back() -> None:
    night = replace(price("2"), hours=parse_hours("22:00-06:00", range(7), ZoneInfo("Europe/Berlin")))
    told = answer(price("8"), night)
    assert told["per_hour"] == "4.000000"
    changes = [(change["at"], change["per_hour"]) for change in told["changes"]]
    assert changes[:4] == [
        ("2026-10-23T20:00:00.000Z", "1.000000"),
        ("2026-10-24T04:00:00.000Z", "4.000000"),
        ("2026-10-24T20:00:00.000Z", "1.000000"),
        ("2026-10-25T05:00:00.000Z", "4.000000"),
    ]
    assert len(changes) == 14
    assert changes[-1][0] == "2026-10-30T05:00:00.000Z"


def test_a_price_that_ends_or_begins_or_is_the_same_again() -> None:
    until = replace(price("8"), effective_to=date(2026, 10, 25))
    same = replace(price("8"), effective_from=date(2026, 10, 25), effective_to=date(2026, 10, 26))
    assert answer(until, same) == {
        "uuid": "GPU-0",
        "currency": "USD",
        "per_hour": "4.000000",
        "changes": [{"at": "2026-10-26T00:00:00.000Z", "per_hour": None}],
    }
    later = replace(price("8", currency="EUR"), effective_from=date(2026, 10, 26))
    assert answer(later) == {
        "uuid": "GPU-0",
        "currency": "EUR",
        "per_hour": None,
        "changes": [{"at": "2026-10-26T00:00:00.000Z", "per_hour": "4.000000"}],
    }
    assert answer(until, later) == {
        "uuid": "GPU-0",
        "currency": "USD",
        "per_hour": "4.000000",
        "changes": [{"at": "2026-10-25T00:00:00.000Z", "per_hour": None}],
    }
    far = replace(price("8"), effective_from=date(2027, 1, 1))
    assert answer(far) == {"uuid": "GPU-0", "currency": None, "per_hour": None, "changes": []}


def test_the_running_exporter_tells_its_devices(tmp_path: Path) -> None:
    night = (
        "  - {provider: acme, region: lab, instance_type: box-8, gpus: 8, per_hour: 1800, currency: USD,"
        " hours: 22:00-06:00, timezone: America/New_York}\nbudgets:"
    )
    config = write_config(tmp_path, CONFIG.replace("budgets:", night))
    with exporter(config, environ={"TAXIMETER_DEVICES": "host"}) as running:
        (host,) = running.get("/api/v1/prices").json()["prices"]
    assert host["currency"] == "USD"
    assert {host["per_hour"], *(change["per_hour"] for change in host["changes"])} == {"1800.000000", "3600.000000"}
    assert len(host["changes"]) in (13, 14)
    assert Decimal(host["changes"][0]["per_hour"]) != Decimal(host["per_hour"])
