"""Webhook messages as Alertmanager sends them."""

from __future__ import annotations

from typing import Any


def alert(**changes: Any) -> dict[str, Any]:
    """One alert of a webhook message; Alertmanager's times have nine decimal places."""
    return {
        "status": "firing",
        "labels": {"alertname": "TaximeterBudgetThreshold", "budget": "demo", "severity": "warning"},
        "annotations": {
            "summary": "Budget demo: 8.00 of 10.00 USD spent (80%) this month",
            "description": "Decide now which runs <may> go on.",
        },
        "startsAt": "2026-10-07T12:34:56.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://127.0.0.1:9090/graph",
        "fingerprint": "a4f3c2",
        **changes,
    }


def message(*alerts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A message, as the webhook receives it and as a template gets it."""
    return {
        "version": "4",
        "groupKey": '{}:{budget="demo"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "people",
        "groupLabels": {"budget": "demo"},
        "commonLabels": {"severity": "warning", "budget": "demo"},
        "commonAnnotations": {},
        "externalURL": "http://127.0.0.1:9093",
        "alerts": list(alerts),
        **changes,
    }


def told(name: str, severity: str, summary: str, description: str, **annotations: str) -> dict[str, Any]:
    """An alert with the annotations that every rule of ours writes, and `annotations`; with its run, if it has one."""
    run = annotations.pop("run", "")
    return alert(
        labels={"alertname": name, "severity": severity, **({"run": run} if run else {})},
        annotations={
            "summary": summary,
            "description": description,
            "runbook_url": f"docs/runbooks/{name}.md",
            "dashboard_url": f"/d/taximeter-cost-now{f'?var-run={run}' if run else ''}",
            **annotations,
        },
    )


def over(firing: dict[str, Any], ends_at: str = "2026-10-07T16:09:31Z") -> dict[str, Any]:
    """The same alert when it no longer fires."""
    return {**firing, "status": "resolved", "endsAt": ends_at}
