"""How old a price is, as Prometheus sees it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.programs import CONFIG, exporter, write_config

HOST = {"TAXIMETER_DEVICES": "host"}
PLAIN = CONFIG.replace(", as_of: 2026-01-01", "")


def dated(days: int) -> tuple[str, float]:
    """A configuration whose price is of so many days ago, and when that day began."""
    day = (datetime.now(UTC) - timedelta(days=days)).date()
    began = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return PLAIN.replace("currency: USD}", f"currency: USD, as_of: {day}}}", 1) + "price_max_age: 30d\n", began


def test_a_dated_price_has_an_age_and_is_stale_from_its_limit_on(tmp_path: Path) -> None:
    for days, stale in ((10, 0), (40, 1)):
        config, began = dated(days)
        with exporter(write_config(tmp_path, config), environ=HOST) as running:
            before = time.time()
            age = running.value("taximeter_price_age_seconds")
            assert before - began - 20 <= age <= time.time() - began
            assert running.value("taximeter_price_stale") == stale


def test_ones_own_price_without_a_date_has_no_age_and_is_not_stale(tmp_path: Path) -> None:
    with exporter(write_config(tmp_path, PLAIN), environ=HOST) as running:
        assert "taximeter_price_age_seconds" not in {name for name, _ in running.metrics()}
        assert running.value("taximeter_price_stale") == 0


def test_a_price_of_the_catalog_without_a_date_has_no_age_and_is_stale(tmp_path: Path) -> None:
    config = "listen: 127.0.0.1:0\nhost: {provider: ibm, region: us-south, instance_type: 8xH100}\n"
    with exporter(write_config(tmp_path, config), environ=HOST) as running:
        assert "taximeter_price_age_seconds" not in {name for name, _ in running.metrics()}
        assert running.value("taximeter_price_stale") == 1
        assert running.value("taximeter_price_per_hour", provider="ibm", currency="USD") == 80
