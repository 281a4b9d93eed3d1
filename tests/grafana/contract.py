"""The metrics that docs/metrics.md and docs/architecture.md promise, read from their tables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ARCHITECTURE = REPOSITORY / "docs" / "architecture.md"
METRICS = REPOSITORY / "docs" / "metrics.md"

EVERYWHERE = frozenset({"job", "instance", "simulated"})
TRAINER = frozenset({"run", "rank"})

ALERT = EVERYWHERE | {"alertname", "severity", "budget", "period", "threshold", "run"}

_OF_TARGET = frozenset({"job", "instance"})
_OF_RULES = _OF_TARGET | {"rule_group"}
_OF_INTEGRATION = _OF_TARGET | {"integration"}

PROMETHEUS: Mapping[str, frozenset[str]] = {
    "up": EVERYWHERE,
    "ALERTS": ALERT | {"alertstate"},
    "ALERTS_FOR_STATE": ALERT,
    "scrape_duration_seconds": _OF_TARGET,
    "scrape_samples_scraped": _OF_TARGET,
}
"""What Prometheus itself adds."""

WATCHERS: Mapping[str, frozenset[str]] = {
    "prometheus_build_info": _OF_TARGET | {"version"},
    "prometheus_config_last_reload_success_timestamp_seconds": _OF_TARGET,
    "prometheus_config_last_reload_successful": _OF_TARGET,
    "prometheus_notifications_alertmanagers_discovered": _OF_TARGET,
    "prometheus_notifications_dropped_total": _OF_TARGET,
    "prometheus_notifications_errors_total": _OF_TARGET | {"alertmanager"},
    "prometheus_notifications_queue_capacity": _OF_TARGET,
    "prometheus_notifications_queue_length": _OF_TARGET,
    "prometheus_notifications_sent_total": _OF_TARGET | {"alertmanager"},
    "prometheus_rule_evaluation_failures_total": _OF_RULES,
    "prometheus_rule_group_interval_seconds": _OF_RULES,
    "prometheus_rule_group_iterations_missed_total": _OF_RULES,
    "prometheus_rule_group_last_duration_seconds": _OF_RULES,
    "prometheus_rule_group_last_evaluation_samples": _OF_RULES,
    "prometheus_rule_group_last_evaluation_timestamp_seconds": _OF_RULES,
    "prometheus_rule_group_rules": _OF_RULES,
    "prometheus_tsdb_head_series": _OF_TARGET,
    "alertmanager_alerts": _OF_TARGET | {"state"},
    "alertmanager_build_info": _OF_TARGET | {"version"},
    "alertmanager_config_last_reload_success_timestamp_seconds": _OF_TARGET,
    "alertmanager_config_last_reload_successful": _OF_TARGET,
    "alertmanager_notification_latency_seconds_count": _OF_INTEGRATION,
    "alertmanager_notification_latency_seconds_sum": _OF_INTEGRATION,
    "alertmanager_notification_requests_failed_total": _OF_INTEGRATION,
    "alertmanager_notification_requests_total": _OF_INTEGRATION,
    "alertmanager_notifications_failed_total": _OF_INTEGRATION,
    "alertmanager_notifications_total": _OF_INTEGRATION,
    "process_cpu_seconds_total": EVERYWHERE,
    "process_max_fds": EVERYWHERE,
    "process_open_fds": EVERYWHERE,
    "process_resident_memory_bytes": EVERYWHERE,
    "process_start_time_seconds": EVERYWHERE,
    "process_virtual_memory_bytes": EVERYWHERE,
}
"""What Prometheus 2.42 and 3.5 and Alertmanager 0.25 and 0.28 tell of themselves, and processes of theirs."""

_ROW = re.compile(r"^\| (?P<names>`taximeter_[^|]+) \| (?P<type>gauge|counter|histogram) \|(?P<labels>[^|]*)\|$")
_GENERATED_ROW = re.compile(
    r"^\| (?P<names>`taximeter_\w+`) \| (?P<type>gauge|counter|histogram) \|[^|]*\|(?P<labels>[^|]*)\|[^|]*\|[^|]*\|$"
)


@dataclass(frozen=True)
class Table:
    """The tables of metrics.

    Attributes:
        labels: for each series' name (a histogram's with their suffixes) the labels that it may have.
        text: the whole of both pages.
    """

    labels: dict[str, frozenset[str]]
    text: str


def read_table() -> Table:
    """All metrics of both pages.

    A name that starts with an underscore goes on from the first two words of the row's first name.
    """
    text = METRICS.read_text(encoding="utf-8") + ARCHITECTURE.read_text(encoding="utf-8")
    trainer_from = text.index("### Trainer")
    labels: dict[str, frozenset[str]] = {}
    position = 0
    for line in text.splitlines(keepends=True):
        if match := _ROW.match(line.rstrip("\n")) or _GENERATED_ROW.match(line.rstrip("\n")):
            names = re.findall(r"`(\w+)`", match["names"])
            stem = "_".join(names[0].split("_")[:2])
            own = set(re.findall(r"[a-z_]+", re.sub(r"\(.*\)|:.*", "", match["labels"])))
            common = EVERYWHERE | (TRAINER if position > trainer_from else set())
            for name in names:
                full = stem + name if name.startswith("_") else name
                if match["type"] == "histogram":
                    labels |= {f"{full}_{suffix}": frozenset(own | common) for suffix in ("sum", "count")}
                    labels[f"{full}_bucket"] = frozenset(own | common | {"le"})
                else:
                    labels[full] = frozenset(own | common)
        position += len(line)
    return Table(labels=labels, text=text)
