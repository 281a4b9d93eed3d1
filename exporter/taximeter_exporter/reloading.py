"""Puts another configuration in force while the exporter runs: all of it, or nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from taximeter_exporter.clock import Clock
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.settings import Settings
from taximeter_exporter.devices.reading import Device
from taximeter_exporter.metering.ledger import LedgerError
from taximeter_exporter.metering.meter import Meter
from taximeter_exporter.pricing.quote import PriceError, schedule_for
from taximeter_exporter.watching import Watcher
from taximeter_exporter.web.reload import NeedsRestartError, ReloadState
from taximeter_exporter.web.security.guard import Guard, protection

log = logging.getLogger(__name__)

_FIXED = {
    "listen": "listen",
    "ledger": "ledger",
    "devices": "devices",
    "sample_interval_ns": "sample_interval",
    "process_metrics": "process_metrics",
    "dcgm_metrics": "dcgm_metrics",
}
"""What only a start can change: the name in `Settings`, and in the file."""


class Reloader:
    """Safe to call from any thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        load: Callable[[], Settings],
        web_config: Path | None,
        guard: Guard,
        meter: Meter,
        watcher: Watcher,
        devices: Callable[[], Sequence[Device]],
        clock: Clock,
    ) -> None:
        """`settings` are in force; `load` reads them anew, and raises `ConfigError`."""
        self._settings = settings
        self._load = load
        self._web_config = web_config
        self._guard = guard
        self._meter = meter
        self._watcher = watcher
        self._devices = devices
        self._clock = clock
        self._lock = threading.Lock()
        self._state = ReloadState(successful=True, success_time_ns=clock.time_ns())

    def state(self) -> ReloadState:
        """How the last one went; a start counts as one."""
        return self._state

    def reload(self) -> ReloadState:
        """Read the configuration again, and go by it from now on; says when that was.

        Raises `ConfigError`, `NeedsRestartError` or `LedgerError`, and logs it; then nothing has changed.
        """
        with self._lock:
            try:
                self._apply(self._load())
            except (ConfigError, LedgerError) as error:
                self._state = ReloadState(successful=False, success_time_ns=self._state.success_time_ns)
                log.error("the configuration is not reloaded, and the old one stays in force: %s", error)
                raise
            self._state = ReloadState(successful=True, success_time_ns=self._clock.time_ns())
            log.info("the configuration is reloaded")
            return self._state

    def _apply(self, settings: Settings) -> None:
        where = str(settings.path)
        for name, field in _FIXED.items():
            if getattr(settings, name) != getattr(self._settings, name):
                raise NeedsRestartError(where, field, "takes a restart to change; restart the exporter, or undo it")
        guarded = protection(web_config_file=self._web_config, token_file=settings.write_token_file)
        try:
            schedule = schedule_for(settings.prices, self._devices())
        except PriceError as error:
            raise ConfigError(where, error.field, str(error)) from error
        self._meter.reconfigure(
            schedule=schedule,
            budgets=settings.budgets,
            bill_gaps=settings.bill_gaps,
            policy=settings.split_policy,
            volumes=settings.volumes,
            transfer=settings.transfer,
        )
        self._watcher.reconfigure(settings)
        self._guard.protection = guarded
        self._settings = settings
