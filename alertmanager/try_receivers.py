"""Tells the configured receivers of a test alert, and says whom it reached: `make test-alert`, EXPLANATION below.

It needs nothing but Python 3.11 and Alertmanager's address, so that it also tries one that runs elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

EXPLANATION = """\
Sends an alert that says of itself that it is a test through a running Alertmanager, by the route that a budget's
alert of this severity takes, and waits until Alertmanager has counted who was told. It ends by itself after a minute,
and that is told too.

    make test-alert                                   a warning, to the Alertmanager of docker compose or of make demo
    make test-alert ARGS='--severity critical'        as if a limit had been reached: somebody may be woken
    make test-alert ARGS='--team vision'              what a team is told
    make test-alert ARGS='--url http://host:9093'     another Alertmanager

Exit status: 0 all were reached, 1 one was not, or nobody would be told, 2 no Alertmanager answers at the address (make
itself ends with 2 in both cases).
What other alerts cause to be sent in the same seconds is counted with it: try at a quiet moment.
"""
LASTS = timedelta(minutes=1)
WAIT_SECONDS = 75.0
"""Alertmanager tries again for as long as the group interval of a route, at most a minute, before it gives up."""
LOOK_SECONDS = 0.25
TIMEOUT_SECONDS = 10.0
WHY = {
    "clientError": "it refused the message: look at the address or the token",
    "serverError": "it had a fault of its own: try again later",
    "contextDeadlineExceeded": "it did not answer in time: look at the address and the network",
    "other": "it was not reached, or the message could not be made: the log says which",
}
"""What Alertmanager gives as the reason of a failure, from 0.26 on."""

_OPENER = build_opener(ProxyHandler({}))
_COUNTER = re.compile(
    r"^alertmanager_(notification_requests|notification_requests_failed|notifications_failed)_total\{(.*)\} (\S+)$",
    re.MULTILINE,
)


class NoAnswer(Exception):
    """Alertmanager cannot be asked. Says at which address, and why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How many attempts were made to tell somebody, and how many of them failed, by kind; and what was given up."""

    attempts: Counter[str]
    failures: Counter[str]
    given_up: Counter[tuple[str, str]]
    """By kind and reason."""


class Alertmanager:
    """A running one, asked over HTTP. Every method raises `NoAnswer`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def tell(self, alert: dict[str, Any]) -> None:
        """Hand it an alert, as Prometheus does."""
        self._ask("/api/v2/alerts", json.dumps([alert]).encode())

    def receivers_of(self, label: str, value: str) -> list[str]:
        """The receivers to which the alerts with this label go."""
        alerts = json.loads(self._ask("/api/v2/alerts?" + urlencode({"filter": f'{label}="{value}"'})))
        return sorted({receiver["name"] for alert in alerts for receiver in alert["receivers"]})

    def integrations(self) -> dict[str, Counter[str]]:
        """How many of each kind, such as `slack`, every receiver has."""
        return integrations(json.loads(self._ask("/api/v2/status"))["config"]["original"])

    def sent(self) -> Sent:
        """What it has counted up to now."""
        sent = Sent(Counter(), Counter(), Counter())
        for name, text, value in _COUNTER.findall(self._ask("/metrics").decode()):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', text))
            kind, number = labels["integration"], int(float(value))
            match name:
                case "notification_requests":
                    sent.attempts[kind] += number
                case "notification_requests_failed":
                    sent.failures[kind] += number
                case _:
                    sent.given_up[kind, labels.get("reason", "")] += number
        return sent

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        try:
            request = Request(self._url + path, data=body, headers={"Content-Type": "application/json"})  # noqa: S310
            with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return bytes(answer.read())
        except (OSError, HTTPException, ValueError) as error:
            raise NoAnswer(
                f"--url {self._url}: no Alertmanager answers there: {getattr(error, 'reason', error)}"
            ) from error


def integrations(config: str) -> dict[str, Counter[str]]:
    """The kinds of each receiver in a configuration as Alertmanager writes it: the same blocks each time."""
    found: dict[str, Counter[str]] = {}
    receiver: Counter[str] = Counter()
    kind = ""
    for line in config.partition("\nreceivers:\n")[2].splitlines():
        if match := re.fullmatch(r"- name: (.+)", line):
            receiver = found.setdefault(match[1].strip("'\""), Counter())
        elif match := re.fullmatch(r"  (\w+)_configs:", line):
            kind = match[1]
        elif line.startswith("  - "):
            receiver[kind] += 1
        elif not line.startswith(" "):
            break
    return found


def trial_alert(severity: str, team: str | None, now: datetime) -> dict[str, Any]:
    """An alert by the route of a budget's, of a budget that is there for this once."""
    return {
        "labels": {
            "alertname": "TaximeterTest",
            "severity": severity,
            "budget": f"test-{now:%Y%m%dT%H%M%S.%fZ}",
            **({"team": team} if team else {}),
        },
        "annotations": {
            "summary": f"TEST of severity {severity}: somebody tries whether alerts arrive; no money is spent",
            "description": "Nothing has to be done. It is over within a minute.",
            "dashboard_url": "/d/taximeter-cost-now",
        },
        "startsAt": now.isoformat(),
        "endsAt": (now + LASTS).isoformat(),
    }


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one kind of receiver: how many there are, how many were told, and what of the attempts that failed."""

    kind: str
    expected: int
    told: int
    failures: int
    given_up: int
    reasons: Sequence[str]

    @property
    def reached(self) -> bool:
        """Whether all of them were told."""
        return self.told >= self.expected and not self.given_up

    @property
    def decided(self) -> bool:
        """Whether nothing more will happen."""
        return self.told + self.given_up >= self.expected

    def in_words(self) -> str:
        """How it went and, if not well, where to look."""
        if self.reached:
            return "reached" if self.expected == 1 else f"reached ({self.expected})"
        if not self.failures:
            return f"NOT TOLD ({self.told} of {self.expected}): is it silenced, inhibited, or held back by a time?"
        reasons = "; ".join(WHY[reason] for reason in self.reasons if reason in WHY)
        return f"FAILED ({self.told} of {self.expected} reached){': ' if reasons else ''}{reasons}"


def outcomes(expected: Counter[str], before: Sent, after: Sent) -> list[Outcome]:
    """How it went by kind, from Alertmanager's counters before and after."""
    given_up = after.given_up - before.given_up
    found = []
    for kind, count in sorted(expected.items()):
        failures = after.failures[kind] - before.failures[kind]
        found.append(
            Outcome(
                kind,
                count,
                told=after.attempts[kind] - before.attempts[kind] - failures,
                failures=failures,
                given_up=sum(number for (other, _), number in given_up.items() if other == kind),
                reasons=[reason for other, reason in given_up if other == kind],
            )
        )
    return found


def try_receivers(alertmanager: Alertmanager, alert: dict[str, Any], wait_seconds: float) -> list[Outcome]:
    """Tell of the alert and wait until all of its receivers were told or given up. Raises `NoAnswer`."""
    before = alertmanager.sent()
    alertmanager.tell(alert)
    receivers = alertmanager.receivers_of("budget", alert["labels"]["budget"])
    kinds = alertmanager.integrations()
    expected = sum((kinds.get(receiver, Counter()) for receiver in receivers), Counter[str]())
    _say(f"Sent: {alert['annotations']['summary']}. It goes to {', '.join(receivers) or 'nobody'}.")
    deadline = time.monotonic() + wait_seconds
    while True:
        found = outcomes(expected, before, alertmanager.sent())
        if all(outcome.decided for outcome in found) or time.monotonic() > deadline:
            return found
        time.sleep(LOOK_SECONDS)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 (printing is what it is for)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try, and say how it went."""
    parser = argparse.ArgumentParser(
        prog="make test-alert", description=EXPLANATION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--severity", choices=["info", "warning", "critical"], default="warning")
    parser.add_argument("--team", metavar="NAME", help="the label team that the alert has (none if not given)")
    port = os.environ.get("TAXIMETER_ALERTMANAGER_PORT", "9093")
    parser.add_argument("--url", default=f"http://127.0.0.1:{port}", help="of Alertmanager (default: %(default)s)")
    parser.add_argument("--wait", type=float, default=WAIT_SECONDS, metavar="SECONDS", help="at most (%(default)g)")
    asked = parser.parse_args(arguments)
    try:
        alert = trial_alert(asked.severity, asked.team, datetime.now(UTC))
        found = try_receivers(Alertmanager(asked.url), alert, asked.wait)
    except NoAnswer as error:
        sys.stderr.write(f"make test-alert: {error}\n")
        return 2
    for outcome in found:
        _say(f"    {outcome.kind:<12} {outcome.in_words()}")
    if not found:
        _say("Nobody would be told of such an alert: alertmanager/secrets/README.md tells how to turn a way on.")
    elif not all(outcome.reached for outcome in found):
        _say("Alertmanager's log says more: docker compose logs alertmanager, or .demo/alertmanager.log.")
    return 0 if found and all(outcome.reached for outcome in found) else 1


if __name__ == "__main__":
    sys.exit(main())
