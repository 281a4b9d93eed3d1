"""The series that dashboards and rules may ask for: by each one's name the labels that it may have."""

from collections.abc import Iterator, Mapping

from generate import exporter, trainer
from generate.metrics import Row

EVERYWHERE = frozenset({"job", "instance", "simulated"})

ALERT = EVERYWHERE | {"alertname", "severity", "budget", "period", "threshold", "run"}

_OF_TARGET = frozenset({"job", "instance"})
_OF_RULES = _OF_TARGET | {"rule_group"}
_OF_INTEGRATION = _OF_TARGET | {"integration"}


def _series(row: Row) -> Iterator[tuple[str, frozenset[str]]]:
    labels = EVERYWHERE.union(row.labels)
    if row.kind == "histogram":
        yield from ((f"{row.name}_{part}", labels) for part in ("sum", "count"))
        yield f"{row.name}_bucket", labels | {"le"}
    else:
        yield row.name, labels


TAXIMETER: Mapping[str, frozenset[str]] = dict(
    series for table in (*exporter.TABLES, *trainer.TABLES) for row in table.rows for series in _series(row)
)
"""What exporters, trainers and servers tell, by the tables that docs/metrics.md is made of."""

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
