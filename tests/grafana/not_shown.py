"""Metrics that no dashboard shows, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping

NOT_SHOWN: Mapping[str, str] = {
    "DCGM_FI_": "the same readings by another exporter's names, for dashboards that people already have",
    "taximeter_gpu_memory_used_peak_bytes": "a day's figure for an alert; what is used is shown as it goes",
    "taximeter_price_condition": "what alerts ask; which prices are stale is shown, and what has no price",
    "taximeter_last_day_cost": "what alerts ask; what was idle or nobody's is shown over any time range",
    "taximeter_refused_readings_last_timestamp_seconds": "what an alert asks; how many were refused is shown",
    "taximeter_recent_gap_seconds": "what an alert asks; all gaps are shown",
    "taximeter_cost_total": "of each device; what all of a machine have cost is shown by project and by share",
    "taximeter_budget_threshold_ratio": "where a budget warns; the alerts that come of it are shown",
    "taximeter_training_steps_without_loss": "while it is there the loss has no line, and an alert comes of it",
}
"""A metric's name, or how the names of several begin, and why."""
