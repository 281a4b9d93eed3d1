"""The exporter itself: whether what it shows can be believed."""

from __future__ import annotations

from taximeter_exporter.web.metrics.spec import MetricSpec

BUILD_INFO = MetricSpec("build_info", "Always 1; the version of the exporter.", "the distribution", ("version",))
COLLECT_SUCCESS = MetricSpec(
    "collect_success", "1 if every device answered within the last interval, else 0.", "sampler"
)
COLLECT_LAST_SUCCESS = MetricSpec(
    "collect_last_success_timestamp_seconds", "When every device had last answered.", "sampler"
)
COLLECT_DURATION = MetricSpec("collect_duration_seconds", "How long the slowest device took to answer last.", "sampler")
UNATTRIBUTED_PROCESSES = MetricSpec(
    "unattributed_processes",
    "Processes seen on the devices that could not be told to be a run's, by the reason.",
    "/proc of each process",
    ("reason",),
    counter=True,
)
LEDGER_FAILURES = MetricSpec(
    "ledger_write_failures", "Writes to the ledger that failed and were tried again.", "ledger", counter=True
)
LEDGER_LAST_WRITE = MetricSpec("ledger_last_write_timestamp_seconds", "When the ledger was last written.", "ledger")
LEDGER_FREE = MetricSpec(
    "ledger_free_bytes", "Room on the ledger's file system that the exporter may use.", "statvfs(3)"
)
LEDGER_SIZE = MetricSpec("ledger_size_bytes", "Size of the ledger, with its write-ahead log.", "stat(2)")
CONFIG_RELOAD_SUCCESSFUL = MetricSpec(
    "config_last_reload_successful", "1 if the configuration was read the last time it was to be, else 0.", "reloader"
)
CONFIG_RELOAD_SUCCESS_TIME = MetricSpec(
    "config_last_reload_success_timestamp_seconds",
    "When the configuration in force was read.",
    "reloader",
)

ALL = (
    BUILD_INFO,
    COLLECT_SUCCESS,
    COLLECT_LAST_SUCCESS,
    COLLECT_DURATION,
    UNATTRIBUTED_PROCESSES,
    LEDGER_FAILURES,
    LEDGER_LAST_WRITE,
    LEDGER_FREE,
    LEDGER_SIZE,
    CONFIG_RELOAD_SUCCESSFUL,
    CONFIG_RELOAD_SUCCESS_TIME,
)
