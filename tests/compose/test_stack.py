"""`docker compose up` alone: all is healthy, a run is trained and metered, and the budget's alerts are mailed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from compose.conftest import RunningStack
from compose.files import REPOSITORY, read_yaml
from demo.checks import ended_run, equal_to_the_cent, prometheus_cost, thresholds_arrived, told_cost
from demo.web import get_json
from support.programs import wait_for

pytestmark = pytest.mark.compose

BUDGET = read_yaml(REPOSITORY / "exporter/taximeter.yaml")["budgets"][0]
MONEY_IN_WORDS = rf"Budget demo: \d+\.\d\d of {BUDGET['limit']:.2f} USD spent \(\d+%\) this month"


def test_every_service_is_healthy(stack: RunningStack) -> None:
    def healths() -> dict[str | None, str | None]:
        return {container.Service: container.Health for container in stack.compose.get_containers()}

    wait_for(lambda: healths() == dict.fromkeys(stack.services, "healthy"), f"not all are healthy: {healths()}")


def test_no_service_runs_as_root(stack: RunningStack) -> None:
    users = {name: stack.compose.exec_in_container(["id", "-u"], name)[0].strip() for name in stack.services}
    assert all(user.isdigit() and user != "0" for user in users.values()), users


def test_every_target_is_up(stack: RunningStack) -> None:
    prometheus = stack.url("prometheus")

    def healths() -> dict[str, str]:
        targets = get_json(f"{prometheus}/api/v1/targets")["data"]["activeTargets"]
        return {target["labels"]["job"]: target["health"] for target in targets}

    jobs = {section["job_name"] for section in read_yaml(REPOSITORY / "prometheus/prometheus.yml")["scrape_configs"]}
    wait_for(lambda: healths() == dict.fromkeys(jobs, "up"), "a target is not up")


def test_the_first_run_has_learnt_and_was_watched(stack: RunningStack, first_run: Mapping[str, Any]) -> None:
    assert (first_run["project"], first_run["result"], first_run["simulated"]) == ("demo", "finished", False)
    assert first_run["progress"]["accuracy"] > 0.95
    accuracy = f'taximeter_training_accuracy_ratio{{run="{first_run["run"]}",split="validation"}}'
    # The trainer stays, so its last figures can still be scraped.
    wait_for(
        lambda: [float(entry["value"][1]) for entry in stack.query(accuracy)] == [first_run["progress"]["accuracy"]],
        "Prometheus never had the run's last accuracy",
    )


def test_prometheus_has_the_cost_of_the_ledger(stack: RunningStack, first_run: Mapping[str, Any]) -> None:
    due = told_cost(first_run)
    assert due["USD"] > 0
    prometheus = stack.url("prometheus")
    wait_for(
        lambda: equal_to_the_cent(prometheus_cost(prometheus, first_run["run"]), due),
        f"Prometheus never had {due}",
    )


@pytest.mark.usefixtures("first_run")
def test_what_became_of_the_budget_is_mailed_with_the_money_in_words(stack: RunningStack) -> None:
    inbox = f"{stack.url('mail')}/email"

    def mails() -> dict[str, Any]:
        found = ((re.fullmatch(rf"\[(\w+)\] {MONEY_IN_WORDS}", mail["subject"]), mail) for mail in get_json(inbox))
        return {match[1]: mail for match, mail in found if match}

    # At a dollar a second lower thresholds may be overtaken before they are seen; then they are not told of.
    wait_for(lambda: "CRITICAL" in mails(), "the mail of the limit did not arrive")
    for mail in mails().values():
        assert mail["to"] == [{"address": "budgets@localhost", "name": ""}]
        assert re.search(MONEY_IN_WORDS, mail["text"])
        assert re.search(MONEY_IN_WORDS, mail["html"])


@pytest.mark.usefixtures("first_run")
def test_the_receiver_got_the_limit_and_prints_it(stack: RunningStack) -> None:
    def received() -> set[Decimal]:
        ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9099/').read().decode())"
        alerts, _, _ = stack.compose.exec_in_container(["python", "-c", ask], "receiver")
        return thresholds_arrived(json.loads(alerts), "demo")

    wait_for(lambda: max(received(), default=0) == max(BUDGET["thresholds"]), "the limit did not arrive")
    printed, _ = stack.compose.get_logs("receiver")
    assert re.search(f"CRITICAL: {MONEY_IN_WORDS}", printed)


@pytest.mark.usefixtures("first_run")
def test_another_run_is_trained_and_ends_with_its_bill(stack: RunningStack) -> None:
    bill = json.loads(
        stack.run("run", "--rm", "-T", "trainer", "train", "--project", "vision", "--epochs", "1", "--format", "json")
    )
    run = ended_run(stack.url("exporter"), bill["run"])
    assert run["project"] == "vision"
    assert equal_to_the_cent(told_cost(run), {"USD": Decimal(bill["cost"]["USD"])})


# Last, for the trainer and what sends alerts are not started again.
def test_the_ledger_and_the_history_survive_that_the_stack_is_taken_down(
    stack: RunningStack, first_run: Mapping[str, Any]
) -> None:
    def spent() -> Decimal:
        return Decimal(get_json(f"{stack.url('exporter')}/api/v1/status")["cost"]["USD"])

    before = spent()
    stack.run("down")
    stack.run("up", "--wait", "exporter", "prometheus")
    assert spent() >= before
    assert ended_run(stack.url("exporter"), first_run["run"]) == first_run
    # The time in between is paid for, and can be told from use.
    wait_for(lambda: stack.query("taximeter_gap_seconds_total > 0"), "no gap was booked")
    history = f'last_over_time(taximeter_training_accuracy_ratio{{run="{first_run["run"]}"}}[1h])'
    assert stack.query(history)
