"""Money that is spent becomes a message with the right numbers, within a minute, whatever fails meanwhile."""

from __future__ import annotations

import math
import re

import pytest
from integration.alerts.money import PER_SECOND
from integration.alerts.past import GONE, GONE_SPENT
from integration.alerts.story import Story, Told

pytestmark = pytest.mark.binaries

SECONDS = 60
LAG_SECONDS = 3
"""The exporter books once a second, and a run renews its lease twice."""


def samples(story: Story, budget: str) -> list[tuple[float, float]]:
    """What Prometheus scraped as spent: moments and amounts."""
    (series,) = story.query(f'taximeter_budget_spent{{budget="{budget}",instance!="{GONE}"}}[5m]')
    return [(float(moment), float(amount)) for moment, amount in series["values"]]


def check_amount(story: Story, told: Told, amount: str) -> float:
    """That an amount is one that Prometheus scraped for the message, and what the ledger had then; the whole amount."""
    scraped = samples(story, told.budget)
    since = told.started - 10
    meant = [(at, spent) for at, spent in scraped if since <= at <= told.received and f"{spent:.2f}" == amount]
    assert meant, (told, scraped)
    moment, exact = meant[0]
    assert story.money.spent_at(told.budget, moment - LAG_SECONDS) <= exact <= story.money.spent_at(told.budget, moment)
    return exact


def mails(story: Story, budget: str) -> list[tuple[str, str]]:
    """The subjects of the mails about a budget, as their first word and the rest."""
    subjects = [mail["Subject"] for mail in story.mailbox.messages]
    return [(subject.split()[0], subject) for subject in subjects if f"Budget {budget}: " in subject]


def check_mail(story: Story, told: Told) -> None:
    """That the same went out as mail."""
    assert any(told.summary in subject for _, subject in mails(story, told.budget))


@pytest.mark.parametrize(("severity", "at"), [("info", 9), ("warning", 24), ("critical", 30)])
def test_a_threshold_arrives_with_what_was_spent(story: Story, severity: str, at: float) -> None:
    told = story.told(budget="steps", alert="TaximeterBudgetThreshold", severity=severity)[0]
    found = re.fullmatch(r"Budget steps: (\S+) of 30\.00 USD spent \((\d+)%\) today \(simulated\)", told.summary)
    assert found
    amount = check_amount(story, told, found[1])
    assert amount >= at
    assert int(found[2]) == math.floor(100 * amount / 30)
    check_mail(story, told)
    assert 0 < told.received - story.money.crossed("steps", at) < SECONDS


def test_a_forecast_arrives_with_what_will_be_spent(story: Story) -> None:
    told = story.told(alert="TaximeterBudgetForecast", budget="foreseen")[0]
    found = re.fullmatch(
        r"Budget foreseen: by forecast (\S+) of 10000\.00 USD will be spent by the end of today \(simulated\)",
        told.summary,
    )
    assert found
    # A run at one price is foreseen exactly: what it costs from its beginning to the end of the period.
    whole = PER_SECOND * (story.money.period_end() - story.money.began["foreseen"])
    assert float(found[1]) == pytest.approx(whole, abs=LAG_SECONDS * PER_SECOND)
    check_mail(story, told)
    assert 0 < told.received - story.due < SECONDS


def test_a_burn_arrives_with_its_rate(story: Story) -> None:
    told = story.told(alert="TaximeterBudgetBurnFast", budget="burning")[0]
    found = re.fullmatch(
        r"Budget burning: (\S+) USD per hour over the last hour,"
        r" (\S+) times what lasts to the end of today \(simulated\)",
        told.summary,
    )
    assert found
    amount = check_amount(story, told, found[1])
    per_hour = story.money.limit("burning") / 24
    assert found[2] == f"{amount / per_hour:.1f}"
    assert amount > 14.4 * per_hour
    check_mail(story, told)
    assert 0 < told.received - story.money.crossed("burning", 14.4 * per_hour) < SECONDS


def test_critical_keeps_what_is_less_of_the_same_budget_from_being_told(story: Story) -> None:
    assert story.suppressed == {"info": True, "warning": True, "critical": False}
    assert {told.severity for told in story.told(budget="jump")} == {"critical"}
    assert {status for status, _ in mails(story, "jump")} == {"[CRITICAL]", "[RESOLVED]"}


@pytest.mark.parametrize("budget", ["steps", "jump"])
def test_the_end_is_told_when_the_limit_is_raised(story: Story, budget: str) -> None:
    fired, *_, ended = story.told(budget=budget, severity="critical")
    assert (fired.status, ended.status) == ("firing", "resolved")
    assert mails(story, budget)[-1][0] == "[RESOLVED]"


def test_what_fires_while_alertmanager_is_down_is_told_when_it_is_back(story: Story) -> None:
    told = story.told(budget="unheard")[0]
    assert story.failed_sends > 0
    assert told.started < story.alertmanager_back < told.received
    found = re.match(r"Budget unheard: (\S+) of 2\.00 USD spent", told.summary)
    assert found
    check_amount(story, told, found[1])
    check_mail(story, told)


def test_a_prometheus_that_was_killed_knows_since_when_and_how_much(story: Story) -> None:
    before, after = story.said_before, story.said_after
    assert before.active_since
    assert after.active_since == before.active_since
    # Of the machine that is gone there is no more than what Prometheus has kept.
    assert GONE_SPENT < before.fleet_spent <= after.fleet_spent
    assert 0 < before.burning_per_hour <= after.burning_per_hour
