"""The configuration: what holds is taken, and every mistake is one line that names file, field and remedy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.settings import load
from taximeter_exporter.devices.open import DeviceChoice
from taximeter_exporter.metering.periods import Period

SHIPPED = Path(__file__).parents[3] / "exporter" / "taximeter.yaml"
MINIMAL = """\
host: {provider: acme, region: lab, instance_type: box}
prices:
  - {provider: acme, region: lab, instance_type: box, per_hour: 12.3456789012345678901, currency: USD}
"""
BUDGET = "budgets:\n  - {name: b, period: month, limit: 5, currency: USD}\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "taximeter.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as raised:
        load(write(tmp_path, text), environ or {})
    message = str(raised.value)
    assert "\n" not in message
    return message.replace(str(tmp_path), "")


def test_the_shipped_configuration_holds() -> None:
    settings = load(SHIPPED, {})
    assert settings.listen == ("127.0.0.1", 9877)
    assert settings.ledger == SHIPPED.parent / "ledger.db"
    assert settings.prices[0].per_hour == 3600
    assert [budget.name for budget in settings.budgets] == ["demo"]


def test_what_is_left_out_has_a_sensible_value_and_a_price_keeps_every_digit(tmp_path: Path) -> None:
    settings = load(write(tmp_path, MINIMAL + BUDGET), {})
    assert settings.prices[0].per_hour == Decimal("12.3456789012345678901")
    assert (settings.sample_interval_ns, settings.bill_gaps, settings.devices) == (10**9, True, DeviceChoice.AUTO)
    (budget,) = settings.budgets
    assert (budget.period, budget.timezone.key, budget.scope) == (Period.MONTH, "UTC", {})
    assert budget.thresholds == (Decimal("0.5"), Decimal("0.8"), Decimal("1.0"))


def test_a_dated_price_is_stale_from_an_age_on(tmp_path: Path) -> None:
    dated = MINIMAL.replace("currency: USD", "currency: USD, as_of: 2026-01-01, source: the contract")
    (price,) = load(write(tmp_path, dated), {}).prices
    assert (price.as_of, price.stale_from, price.source) == (date(2026, 1, 1), date(2026, 6, 30), "the contract")
    (price,) = load(write(tmp_path, dated + "price_max_age: 7d\n"), {}).prices
    assert price.stale_from == date(2026, 1, 8)
    (undated,) = load(write(tmp_path, MINIMAL), {}).prices
    assert undated.stale_from is None


def test_the_environment_overrides_single_fields(tmp_path: Path) -> None:
    prices = MINIMAL + "  - {provider: acme, region: moon, instance_type: box, per_hour: 1, currency: USD}\n"
    environ = {
        "TAXIMETER_LISTEN": "[::1]:1",
        "TAXIMETER_SAMPLE_INTERVAL": "250ms",
        "TAXIMETER_LEDGER": "here.db",
        "TAXIMETER_GAP_POLICY": "skip",
        "TAXIMETER_DEVICES": "host",
        "TAXIMETER_HOST_REGION": "moon",
        "TAXIMETER_RUN": "somebody's run",
    }
    settings = load(write(tmp_path, prices), environ)
    assert settings.listen == ("::1", 1)
    assert settings.sample_interval_ns == 250_000_000
    assert settings.ledger == Path("here.db")
    assert (settings.bill_gaps, settings.devices) == (False, DeviceChoice.HOST)
    assert settings.prices[0].per_hour == 1


RATE = "exchange_rates:\n  - {currency: USD, into: EUR, rate: 0.9, effective_from: 2026-01-01}\n"
OVERLAP = """\
  - {provider: acme, region: lab, instance_type: box, per_hour: 1, currency: USD, effective_from: 2026-01-01}
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no fields; it needs at least `host`"),
        ("[1, 2]", "has no fields; it needs at least `host`"),
        ("a: [1", "line 1: is not YAML that can be read: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\na: 2\n", "line 2: is not YAML that can be read: 'a' is there twice; keep one of them"),
        ("1: 2\n", "line 1: is not YAML that can be read: the key 1 is not a word; put it in quotes"),
        (
            MINIMAL.splitlines()[0],
            "host.provider: no price for 'acme' (there are prices for aws, azure, burncloud, cor",
        ),
        (MINIMAL + "bugdets: []\n", "bugdets: is not a field; did you mean budgets"),
        (MINIMAL.replace("provider: acme,", "provider: acne,", 1), "host.provider: no price for 'acne' (did you mean"),
        (MINIMAL.replace("type: box,", "type: bax,"), "host.instance_type: no price for 'box' (did you mean 'bax')"),
        (MINIMAL.replace("12.3456789012345678901", "-3"), "prices[0].per_hour: -3 cannot be a price; write what"),
        (MINIMAL.replace("12.3456789012345678901", ".nan"), "prices[0].per_hour: NaN cannot be a price; write what"),
        (MINIMAL.replace("12.3456789012345678901", ".inf"), "prices[0].per_hour: "),
        (MINIMAL.replace("12.3456789012345678901", "'12,50'"), "prices[0].per_hour: is not a number; write for"),
        (MINIMAL.replace("USD", "dollars"), "prices[0].currency: is not a currency; write its ISO 4217 code"),
        (MINIMAL.replace("per_hour", "effective_from: soon, per_hour"), "prices[0].effective_from: is not a date"),
        (MINIMAL.replace("per_hour", "gpus: -1, per_hour"), "prices[0].gpus: expected int >= 0"),
        (MINIMAL.replace("per_hour", "pricing_model: sport, per_hour"), "prices[0].pricing_model: must be one of: on_"),
        (MINIMAL + OVERLAP, "prices[1].effective_from: overlaps prices[0], both for acme box in lab, on_demand; end"),
        (
            MINIMAL.replace("per_hour", "effective_from: 2026-02-01, effective_to: 2026-01-01, per_hour"),
            "prices[0].effective_to: 2026-01-01 is not after 2026-02-01",
        ),
        (MINIMAL + "listen: 9877\n", "listen: expected str, got int"),
        (MINIMAL + "listen: localhost\n", "listen: 'localhost' is not an address; write host:port"),
        (MINIMAL + "listen: localhost:99999\n", "listen: 'localhost:99999' is not an address; write host:port"),
        (MINIMAL + "sample_interval: 1 hour\n", "sample_interval: '1 hour' is not a time from 100ms to 1m; write"),
        (MINIMAL + "sample_interval: 1ms\n", "sample_interval: '1ms' is not a time from 100ms to 1m; write"),
        (MINIMAL + "price_max_age: 6 months\n", "price_max_age: '6 months' is not a number of days; write for"),
        (MINIMAL + "price_max_age: 0d\n", "price_max_age: '0d' is not a number of days; write for instance 180d"),
        (MINIMAL + "gap_policy: forget\n", "gap_policy: must be one of: bill, skip"),
        (MINIMAL + "devices: tpu\n", "devices: must be one of: auto, gpu, host"),
        (MINIMAL + BUDGET.replace("5", "0"), "budgets[0].limit: 0 is not a limit; write an amount above 0"),
        (MINIMAL + BUDGET.replace("limit: 5, ", ""), "budgets[0].limit: is missing; the fields are: name"),
        (MINIMAL + BUDGET.replace("USD", "EUR"), "budgets[0].currency: is EUR, but this machine is paid for in USD"),
        (MINIMAL + BUDGET.replace("month", "fortnight"), "budgets[0].period: must be one of: hour, day, week, month"),
        (MINIMAL + BUDGET.replace("name: b", "name: 'b\"'"), "budgets[0].name: is not a name; use letters, digits"),
        (MINIMAL + BUDGET.replace("limit", "timezone: Mars/Olympus, limit"), "budgets[0].timezone: 'Mars/Olympus' is"),
        (MINIMAL + BUDGET.replace("limit", "timezone: ../../etc/passwd, limit"), "budgets[0].timezone: '../../etc/pas"),
        (MINIMAL + BUDGET.replace("limit", "thresholds: [80], limit"), "budgets[0].thresholds: 80 is not a part of"),
        (MINIMAL + BUDGET.replace("limit", "scope: {colour: red}, limit"), "budgets[0].scope.colour: is not a field"),
        (MINIMAL.replace("USD", "USX"), "prices[0].currency: USX is not a currency in use; write its ISO 4217 code"),
        (MINIMAL + RATE.replace("EUR", "EUX"), "exchange_rates[0].into: EUX is not a currency in use; write its"),
        (MINIMAL + RATE.replace("0.9", "0"), "exchange_rates[0].rate: 0 is not a rate; write what one USD is worth"),
        (MINIMAL + RATE.replace("EUR", "USD"), "exchange_rates[0].into: is USD as well; name two currencies"),
        (MINIMAL + RATE + RATE.splitlines()[1], "exchange_rates[1].effective_from: the same as exchange_rates[0]"),
        (MINIMAL + BUDGET + BUDGET.splitlines()[1], "budgets[1].name: 'b' is there twice; give each budget a name"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_field_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    assert refused(tmp_path, text).startswith(f"/taximeter.yaml: {message}")


def test_a_budget_in_another_currency_needs_an_exchange_rate(tmp_path: Path) -> None:
    settings = load(write(tmp_path, MINIMAL + BUDGET.replace("USD", "EUR") + RATE), {})
    assert settings.budgets[0].worth(Fraction(10), "USD", 2**62) == 9


def test_a_budget_of_another_host_is_not_this_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "box-1")
    here = BUDGET.replace("limit", "scope: {host: box-1, team: t}, limit")
    assert [budget.scope for budget in load(write(tmp_path, MINIMAL + here), {}).budgets] == [{"team": "t"}]
    assert load(write(tmp_path, MINIMAL + here.replace("box-1", "box-2")), {}).budgets == ()


def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    assert refused(tmp_path, MINIMAL, {"TAXIMETER_LISTEN": "x"}).startswith(
        "environment variable TAXIMETER_LISTEN: listen: 'x' is not an address; write host:port"
    )
    assert refused(tmp_path, MINIMAL, {"TAXIMETER_HOST_REGION": "moon"}).startswith(
        "environment variable TAXIMETER_HOST_REGION: host.region: no price for 'moon'"
    )


def test_a_flag_in_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "taximeter.yaml"
    path.write_text(MINIMAL, encoding="utf-8")
    assert load(path, {}).process_metrics is False
    assert load(path, {"TAXIMETER_PROCESS_METRICS": "true"}).process_metrics is True
    assert load(path, {"TAXIMETER_PROCESS_METRICS": "false"}).process_metrics is False
    assert refused(tmp_path, MINIMAL, {"TAXIMETER_PROCESS_METRICS": "1"}).startswith(
        "environment variable TAXIMETER_PROCESS_METRICS: process_metrics: "
    )


def test_dcgm_exporters_names_only_by_a_word_that_is_known(tmp_path: Path) -> None:
    path = tmp_path / "taximeter.yaml"
    path.write_text(MINIMAL, encoding="utf-8")
    assert load(path, {}).dcgm_metrics == "none"
    assert load(path, {"TAXIMETER_DCGM_METRICS": "both"}).dcgm_metrics == "both"
    message = refused(tmp_path, f"dcgm_metrics: old\n{MINIMAL}", {})
    assert "dcgm_metrics" in message
    assert "legacy" in message


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent.yaml: cannot be read \(No such file or directory\); name a file"):
        load(tmp_path / "absent.yaml", {})
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load(path, {})
