"""From the device to the message: the same money everywhere."""

from __future__ import annotations

import json
import re
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from demo.binaries import Tools
from demo.checks import booked_cost
from demo.interrupts import Interrupts
from demo.ports import ANY, HOST, free_ports
from demo.stack import Starter
from demo.web import get_json
from integration.conftest import RUN, Asked, Chain
from support.programs import wait_for

pytestmark = pytest.mark.binaries
README = Path(__file__).parents[2] / "README.md"


def test_the_bill_the_ledger_the_api_and_prometheus_agree_to_the_cent(real_chain: Chain) -> None:
    (due,) = booked_cost(real_chain.folder / "ledger.db", RUN).values()
    assert due > 1
    (scraped,) = real_chain.query(f'taximeter_run_cost_total{{run="{RUN}"}}')
    bill = json.loads((real_chain.folder / "bill.json").read_text(encoding="utf-8"))
    told = Decimal(real_chain.run()["cost"]["USD"])
    for amount in (scraped["value"][1], bill["cost"]["USD"], told):
        assert abs(Decimal(amount) - due) < Decimal("0.005")


def test_the_run_is_seen_from_both_sides(real_chain: Chain) -> None:
    run = real_chain.run()
    assert (run["state"], run["result"], run["project"]) == ("ended", "finished", "demo")
    assert run["progress"]["epoch"] == 8
    (samples,) = real_chain.query(f'last_over_time(taximeter_training_samples_total{{run="{RUN}"}}[1h])')
    assert float(samples["value"][1]) == run["progress"]["samples"] > 0
    (accuracy,) = real_chain.query(
        f'last_over_time(taximeter_training_accuracy_ratio{{run="{RUN}",split="validation"}}[1h])'
    )
    assert float(accuracy["value"][1]) > 0.8


def test_the_budget_used_up_arrived_as_words_with_the_money(real_chain: Chain) -> None:
    """Lower thresholds may be overtaken before they are seen; then they are not told of."""

    def summaries() -> dict[float, str]:
        alerts = get_json(f"{real_chain.stack.receiver.url}/")
        return {
            float(alert["labels"]["threshold"]): alert["summary"]
            for alert in alerts
            if alert["labels"].get("budget") == "demo" and "threshold" in alert["labels"]
        }

    wait_for(lambda: 1 in summaries(), "the last threshold did not arrive")
    for summary in summaries().values():
        assert re.fullmatch(r"Budget demo: \d+\.\d\d of 5\.00 USD spent \(\d+%\) this month", summary)


def test_the_devices_shares_add_up_to_the_time_that_has_passed(real_chain: Chain) -> None:
    (spent,) = real_chain.query("sum(taximeter_cost_total)")
    with sqlite3.connect(f"file:{real_chain.folder / 'ledger.db'}?mode=ro", uri=True) as ledger:
        total, booked = ledger.execute(
            "SELECT (SELECT sum(quantity) FROM usage WHERE category = 'compute'), booked_ns FROM device"
        ).fetchone()
    ledger.close()
    assert total < booked
    # The price is 1 USD a second, and what Prometheus had was in the ledger already.
    assert float(spent["value"][1]) <= total / 1e9 + 1e-6


def test_the_snippet_of_the_readme_makes_any_prometheus_scrape_us(
    real_chain: Chain, tools: Tools, tmp_path: Path
) -> None:
    """A second Prometheus, with the configuration that the README shows and only the port changed."""
    snippets = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (snippet,) = [re.sub(r"^ {3}", "", text, flags=re.MULTILINE) for text in snippets if "scrape_configs" in text]
    assert [job["job_name"] for job in yaml.safe_load(snippet)["scrape_configs"]] == [
        "taximeter-exporter",
        "taximeter-trainer",
    ]
    config = tmp_path / "prometheus.yml"
    text = snippet.replace("127.0.0.1:9877", f"{HOST}:{real_chain.ports.exporter}")
    config.write_text(f"global: {{scrape_interval: 1s}}\n{text}", encoding="utf-8")
    starter = Starter(tmp_path, free_ports(ANY), real_chain.processes, Interrupts())
    second = Asked(starter.prometheus(tools.prometheus, config).url)
    price = 'taximeter_price_per_hour{currency="USD"}'
    wait_for(lambda: len(second.query(price)) == 1, "the second Prometheus has no price")
