"""Money that is spent becomes a message with the right numbers, within a minute, whatever fails meanwhile."""

from __future__ import annotations

import math
import re

import pytest
from integration.alerts.past import GONE, GONE_SPENT
from integration.alerts.story import STEPS_USED, Story, Told
from support.programs import wait_for

pytestmark = pytest.mark.binaries

SECONDS = 60
"""From the money spent to the message, where nobody waits for a processor."""


def scraped(story: Story, metric: str, budget: str) -> dict[float, float]:
    """What Prometheus scraped of a budget, by moment."""
    (series,) = story.query(f'{metric}{{budget="{budget}",instance!="{GONE}"}}[1h]')
    return {float(moment): float(value) for moment, value in series["values"]}


def answered(story: Story, moment: float) -> float:
    """When the scrape of a moment had been answered."""
    (series,) = story.query('scrape_duration_seconds{job="taximeter-exporter"}[1h]')
    return moment + next(float(took) for at, took in series["values"] if float(at) == moment)


def check_amount(story: Story, told: Told, amount: str) -> float:
    """That an amount is one that Prometheus scraped for the message, and what the ledger had then; the whole amount."""
    spent = scraped(story, "taximeter_budget_spent", told.budget)
    since = told.started - SECONDS
    meant = [at for at, value in spent.items() if since <= at <= told.received and f"{value:.2f}" == amount]
    assert meant, (told, spent)
    least = story.money.least_booked(told.budget, meant[0]) - 1e-6  # it is told to six places
    assert least <= spent[meant[0]] <= story.money.most_spent(told.budget, answered(story, meant[0]))
    return spent[meant[0]]


def check_prompt(story: Story, told: Told, due: float) -> None:
    """That the message came soon after it was due."""
    assert 0 < told.received - due < SECONDS + story.waited_seconds


def mails(story: Story, budget: str) -> list[tuple[str, str]]:
    """The subjects of the mails about a budget, as their first word and the rest."""
    subjects = [mail["Subject"] for mail in story.mailbox.messages]
    return [(subject.split()[0], subject) for subject in subjects if f"Budget {budget}: " in subject]


def check_mail(story: Story, told: Told) -> None:
    """That the same went out as mail."""
    wait_for(
        lambda: any(told.summary in subject for _, subject in mails(story, told.budget)), f"no mail of {told.summary}"
    )


@pytest.mark.parametrize("severity", STEPS_USED)
def test_a_threshold_arrives_with_what_was_spent(story: Story, severity: str) -> None:
    told = story.told(budget="steps", alert="TaximeterBudgetThreshold", severity=severity)[0]
    (crossed, limit), spent = story.lowered[severity], story.money.spent["steps"]
    percent = math.floor(100 * spent / limit)
    assert told.summary == f"Budget steps: {spent:.2f} of {limit:.2f} USD spent ({percent}%) today (simulated)"
    assert percent == math.floor(100 * STEPS_USED[severity])
    check_mail(story, told)
    check_prompt(story, told, crossed)


def test_a_forecast_arrives_with_what_will_be_spent(story: Story) -> None:
    told = story.told(alert="TaximeterBudgetForecast", budget="foreseen")[0]
    found = re.fullmatch(
        r"Budget foreseen: by forecast (\S+) of 10000\.00 USD will be spent by the end of today \(simulated\)",
        told.summary,
    )
    assert found
    # A run at one price is foreseen exactly: what it costs from its beginning to the end of the period.
    whole = story.money.most_spent("foreseen", story.money.period_end())
    forecasts = scraped(story, "taximeter_budget_forecast", "foreseen")
    moment = next(at for at, amount in forecasts.items() if f"{amount:.2f}" == found[1])
    late = story.money.most_spent("foreseen", answered(story, moment))
    unbooked = late - scraped(story, "taximeter_budget_spent", "foreseen")[moment]
    assert float(found[1]) == pytest.approx(whole, abs=unbooked + 0.01)
    check_mail(story, told)
    check_prompt(story, told, story.due)


def test_a_burn_arrives_with_its_rate(story: Story) -> None:
    told = story.told(alert="TaximeterBudgetBurnFast", budget="burning")[0]
    found = re.fullmatch(
        r"Budget burning: (\S+) USD per hour over the last hour,"
        r" (\S+) times what lasts to the end of today \(simulated\)",
        told.summary,
    )
    assert found
    amount = check_amount(story, told, found[1])
    per_hour = story.money.limits["burning"] / 24
    assert found[2] == f"{amount / per_hour:.1f}"
    assert amount > 14.4 * per_hour
    check_mail(story, told)
    check_prompt(story, told, story.money.crossed("burning", 14.4 * per_hour))


def test_critical_keeps_what_is_less_of_the_same_budget_from_being_told(story: Story) -> None:
    assert story.suppressed == {"info": True, "warning": True, "critical": False}
    assert {told.severity for told in story.told(budget="jump")} == {"critical"}
    wait_for(lambda: mails(story, "jump")[-1:] and mails(story, "jump")[-1][0] == "[RESOLVED]", "its end is not mailed")
    assert {status for status, _ in mails(story, "jump")} == {"[CRITICAL]", "[RESOLVED]"}


@pytest.mark.parametrize("budget", ["steps", "jump"])
def test_the_end_is_told_when_the_limit_is_raised(story: Story, budget: str) -> None:
    fired, *_, ended = story.told(budget=budget, severity="critical")
    assert (fired.status, ended.status) == ("firing", "resolved")
    wait_for(lambda: mails(story, budget)[-1][0] == "[RESOLVED]", "its end is not mailed")


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
