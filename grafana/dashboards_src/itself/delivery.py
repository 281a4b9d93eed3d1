"""The way of alerts from Prometheus over Alertmanager to people."""

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards_src.layer import colours, units
from dashboards_src.layer.fields import colours_of_names, watched
from dashboards_src.layer.panels import LAST, MAX, lines
from dashboards_src.layer.queries import over_time, rows
from dashboards_src.layer.tables import Column, table
from dashboards_src.promql import firing_alerts, rate

_NO_PROMETHEUS = "Prometheus does not scrape itself"
_NO_ALERTMANAGER = "Alertmanager is not scraped"
_OUTCOMES = colours_of_names({"sent": colours.GOOD, "failed": colours.WARNING, "given up": colours.BAD})


def firing() -> Panel:
    """Alerts over time."""
    return lines(
        title="Alerts firing, by severity",
        description=(
            "Taximeter's alerts that fire; the Watchdog, which always does, has the severity none and is not among "
            "them."
        ),
        unit=units.COUNT,
        decimals=0,
        minimum=0,
        stacked=True,
        legend=(LAST, MAX),
        queries=[over_time(f"count by (severity) ({firing_alerts()})", "{{severity}}")],
        overrides=colours_of_names(colours.SEVERITIES),
        no_value="no alert fires",
    )


def handed_over() -> Panel:
    """From Prometheus to Alertmanager."""
    return lines(
        title="From Prometheus to Alertmanager",
        description=(
            "Alerts per second that Prometheus sent to Alertmanager, that failed to be sent, and that it gave up. An "
            "alert that fires is sent again and again."
        ),
        unit=units.PER_SECOND,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time(f"sum({rate('prometheus_notifications_sent_total')})", "sent"),
            over_time(f"sum({rate('prometheus_notifications_errors_total')})", "failed"),
            over_time(f"sum({rate('prometheus_notifications_dropped_total')})", "given up"),
        ],
        no_value=_NO_PROMETHEUS,
        overrides=_OUTCOMES,
    )


def queue() -> Panel:
    """How full the queue to Alertmanager is."""
    return lines(
        title="Queue to Alertmanager",
        description="Alerts that wait in Prometheus, of as many as can; when it is full, alerts are lost.",
        unit=units.RATIO,
        minimum=0,
        maximum=1,
        legend=(LAST, MAX),
        queries=[
            over_time(
                "max by (instance) (prometheus_notifications_queue_length / prometheus_notifications_queue_capacity)",
                "{{instance}}",
            )
        ],
        no_value=_NO_PROMETHEUS,
    )


def alertmanagers() -> Panel:
    """What Alertmanager holds, and how many of them Prometheus knows."""
    return lines(
        title="Alerts in Alertmanager",
        description=(
            "Alerts that Alertmanager holds: active ones are told to people, suppressed ones are silenced or "
            "inhibited by others."
        ),
        unit=units.COUNT,
        decimals=0,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time("max by (state) (alertmanager_alerts)", "{{state}}"),
            over_time("max(prometheus_notifications_alertmanagers_discovered)", "Alertmanagers known"),
        ],
        no_value=_NO_ALERTMANAGER,
    )


def integrations() -> Panel:
    """A row for each way in which people are told."""

    def within_range(metric: str) -> str:
        return f"sum by (integration) (increase({metric}[$__range]))"

    used = f"{within_range('alertmanager_notification_requests_total')} > 0"

    return table(
        title="Notifications, by integration",
        description=(
            "Ways in which people are told (e-mail, webhook and so on) that Alertmanager ever used: notifications "
            "within the time range, those that failed after all attempts, single requests and those of them that "
            "failed, and how long one takes on average."
        ),
        queries=[
            rows(f"{within_range('alertmanager_notifications_total')} and on (integration) {used}"),
            rows(f"{within_range('alertmanager_notifications_failed_total')} and on (integration) {used}"),
            rows(f"{within_range('alertmanager_notification_requests_total')} and on (integration) {used}"),
            rows(f"{within_range('alertmanager_notification_requests_failed_total')} and on (integration) {used}"),
            rows(
                f"{within_range('alertmanager_notification_latency_seconds_sum')} / "
                f"({within_range('alertmanager_notification_latency_seconds_count')} > 0)"
            ),
        ],
        columns=[
            Column("integration", "Integration"),
            Column("Value #A", "Sent", units.COUNT, decimals=0, width=75),
            Column("Value #B", "Failed", units.COUNT, decimals=0, steps=watched(1, 1), width=75),
            Column("Value #C", "Requests", units.COUNT, decimals=0, width=90),
            Column("Value #D", "Requests failed", units.COUNT, decimals=0, steps=watched(1, 10), width=125),
            Column("Value #E", "Takes", units.SECONDS, decimals=2, steps=watched(5, 15), width=90),
        ],
        sort_by="Integration",
        no_value="no notification was sent in this time",
    )


def latency() -> Panel:
    """How long people wait for a notification on its way."""
    took, sent = (rate(f"alertmanager_notification_latency_seconds_{part}") for part in ("sum", "count"))
    return lines(
        title="Notifications: duration",
        description="How long sending a notification took on average, by integration.",
        unit=units.SECONDS,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time(
                f"sum by (integration) ({took}) / (sum by (integration) ({sent}) > 0)",
                "{{integration}}",
            )
        ],
        no_value="no notification was sent in this time",
    )


def notifications() -> Panel:
    """Sent and failed over time."""
    return lines(
        title="Notifications over time",
        description=(
            "Notifications per second that Alertmanager sent to people, and those that failed after all attempts."
        ),
        unit=units.PER_SECOND,
        minimum=0,
        legend=(LAST, MAX),
        queries=[
            over_time(f"sum({rate('alertmanager_notifications_total')})", "sent"),
            over_time(f"sum({rate('alertmanager_notifications_failed_total')})", "failed"),
        ],
        no_value=_NO_ALERTMANAGER,
        overrides=_OUTCOMES,
    )
