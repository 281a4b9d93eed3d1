"""Money that is spent becomes words that a person gets: real Prometheus, real Alertmanager, webhook and mail."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from demo.binaries import Tools
from demo.configs import REPOSITORY, Configs, write_configs
from demo.interrupts import Interrupts
from demo.ports import ANY, Ports, free_ports
from demo.processes import Processes
from demo.stack import Starter
from demo.web import get_json
from support.exposition import serve_exposition
from support.mail import catch_mail
from support.posting import post_alerts
from support.programs import wait_for

pytestmark = pytest.mark.binaries

CONFIGURE = REPOSITORY / "alertmanager" / "configure.py"
BUDGET = 'budget="demo",period="month",currency="USD",simulated="true"'


def spent(amount: float) -> str:
    thresholds = [(0.5, "info"), (0.8, "warning"), (1, "critical")]
    lines = [
        f'taximeter_budget_threshold_ratio{{{BUDGET},severity="{severity}",threshold="{at}"}} {at}'
        for at, severity in thresholds
    ]
    return "\n".join(
        [f"taximeter_budget_limit{{{BUDGET}}} 10", f"taximeter_budget_spent{{{BUDGET}}} {amount}", *lines, ""]
    )


def hurry(configs: Configs) -> None:
    """A test waits one second where people wait five or ten."""
    prometheus, alertmanager = (yaml.safe_load(path.read_text()) for path in (configs.prometheus, configs.alertmanager))
    prometheus["global"].update(scrape_interval="1s", scrape_timeout="1s", evaluation_interval="1s")
    for route in alertmanager["route"]["routes"]:
        route["group_interval"] = "1s"
    configs.prometheus.write_text(yaml.safe_dump(prometheus))
    configs.alertmanager.write_text(yaml.safe_dump(alertmanager))


@pytest.fixture
def ports() -> Ports:
    return free_ports(ANY)


@pytest.fixture
def configs(tmp_path: Path, ports: Ports) -> Configs:
    return write_configs(tmp_path, ports, gpus=0)


@pytest.fixture
def starter(tmp_path: Path, ports: Ports) -> Iterator[Starter]:
    with Processes() as processes:
        yield Starter(tmp_path, ports, processes, Interrupts())


def test_each_threshold_arrives_in_words_and_its_end_too(
    tools: Tools, ports: Ports, configs: Configs, starter: Starter
) -> None:
    hurry(configs)
    received: list[tuple[str, str, str]] = []

    def arrived(*wanted: tuple[str, str, str]) -> bool:
        received[:] = [
            (alert["status"], alert["severity"], alert["summary"])
            for alert in get_json(f"{receiver.url}/")
            if alert["labels"]["alertname"] == "TaximeterBudgetThreshold"
        ]
        return set(wanted) <= set(received)

    def wait(*wanted: tuple[str, str, str]) -> None:
        wait_for(lambda: arrived(*wanted), f"{wanted} did not arrive")

    with serve_exposition(ports.exporter) as exporter:
        exporter.text = spent(4.99)
        receiver = starter.receiver()
        starter.alertmanager(tools.alertmanager, configs.alertmanager)
        prometheus = starter.prometheus(tools.prometheus, configs.prometheus)

        def seen(amount: str) -> bool:
            answer = get_json(f"{prometheus.url}/api/v1/query", query="budget:taximeter_budget_spent:ratio")
            return [entry["value"][1] for entry in answer["data"]["result"]] == [amount]

        wait_for(lambda: seen("0.499"), "nothing was evaluated")
        assert arrived()
        assert received == []

        exporter.text = spent(5.12)
        wait(("firing", "info", "Budget demo: 5.12 of 10.00 USD spent (51%) this month (simulated)"))
        assert {severity for _, severity, _ in received} == {"info"}

        # At once over all of it: of what was crossed on the way nobody needs to be told any more.
        exporter.text = spent(10)
        whole = "Budget demo: 10.00 of 10.00 USD spent (100%) this month (simulated)"
        wait(("firing", "critical", whole))

        exporter.text = spent(0)
        wait(("resolved", "info", whole), ("resolved", "critical", whole))
        assert {severity for _, severity, _ in received} == {"info", "critical"}


def test_mail_has_the_money_in_its_subject_and_says_what_to_do(
    tools: Tools, configs: Configs, starter: Starter
) -> None:
    """Alertmanager's configuration as compose has it, with nothing changed but the mail server's address."""
    with catch_mail() as mailbox:
        out = ("--out", configs.alertmanager)
        command: list[str | Path] = [sys.executable, CONFIGURE, "--catcher", f"127.0.0.1:{mailbox.port}", *out]
        subprocess.run(command, check=True)
        alertmanager = starter.alertmanager(tools.alertmanager, configs.alertmanager)
        alert = {
            "labels": {"alertname": "TaximeterBudgetThreshold", "budget": "demo", "severity": "warning"},
            "annotations": {
                "summary": "Budget demo: 8.00 of 10.00 USD spent (80%) this month",
                "description": "Decide now which runs may go on.",
            },
            "startsAt": datetime.now(UTC).isoformat(),
        }
        post_alerts(alertmanager.url, alert)
        wait_for(lambda: mailbox.messages, "no mail came")
    mail = mailbox.messages[0]
    assert mail["Subject"] == "[WARNING] Budget demo: 8.00 of 10.00 USD spent (80%) this month"
    assert mail["From"] == "taximeter@localhost"
    assert mail["To"] == "budgets@localhost"
    parts = {
        part.get_content_type(): part.get_content().replace("\r\n", "\n")
        for part in mail.walk()
        if not part.is_multipart()
    }
    assert parts["text/plain"].startswith(
        "WARNING: Budget demo: 8.00 of 10.00 USD spent (80%) this month\nDecide now which runs may go on.\n"
    )
    assert "<strong>Budget demo: 8.00 of 10.00 USD spent (80%) this month</strong>" in parts["text/html"]
