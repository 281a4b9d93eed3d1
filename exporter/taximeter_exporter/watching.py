"""Looks, every few seconds and in a thread of its own, at what is around the meter and changes seldom.

Neither a tick nor a scrape waits for any of it: a scrape takes the samples that were made at the last look.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from taximeter_exporter.clock import Clock
from taximeter_exporter.config.settings import Settings
from taximeter_exporter.devices.reading import Snapshot
from taximeter_exporter.metering.disk import LedgerDisk, ledger_disk
from taximeter_exporter.metering.periods import QUARTER_HOUR_NS
from taximeter_exporter.metering.state import MeterState
from taximeter_exporter.pricing.price import PricingModel
from taximeter_exporter.reports.market import Holding, market
from taximeter_exporter.reports.offers import in_force
from taximeter_exporter.web.market import market_samples
from taximeter_exporter.web.metrics import MetricSpec, Samples
from taximeter_exporter.web.metrics.exporter import LEDGER_FREE, LEDGER_SIZE

if TYPE_CHECKING:
    from taximeter_exporter.pricing.metadata.reclaim import ReclaimWatch

log = logging.getLogger(__name__)

LOOK_SECONDS = 5

_Metrics = Sequence[tuple[MetricSpec, Samples]]


class Watcher:
    """Safe to call from any thread, but for `look`."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        snapshot: Callable[[], Snapshot],
        state: Callable[[], MeterState],
    ) -> None:
        """`settings` are in force until others are."""
        self._settings = settings
        self._clock = clock
        self._snapshot = snapshot
        self._state = state
        self._reclaim_watch: ReclaimWatch | None = None
        self._market_of: object = None
        self._reclaim: _Metrics = ()
        self._market: _Metrics = ()
        self._disk: _Metrics = ()
        self._stopping = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, name="watch", daemon=True)

    def start(self) -> None:
        """Look now, and again and again; returns at once."""
        self._thread.start()

    def stop(self, patience_seconds: float) -> None:
        """Look no more; whoever has not answered by then is left alone."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(patience_seconds)

    def reconfigure(self, settings: Settings) -> None:
        """Go by these from now on."""
        self._settings = settings
        self._wake.set()

    def samples(self) -> Iterable[tuple[MetricSpec, Samples]]:
        """What was seen at the last look."""
        return (*self._reclaim, *self._market, *self._disk)

    def look(self) -> None:
        """Look now."""
        settings = self._settings
        # first what cannot wait, and last what may hang
        self._reclaim = self._look_for_reclaim(settings)
        self._market = self._look_at_the_market(settings)
        self._disk = _disk_samples(ledger_disk(settings.ledger))

    def _look_for_reclaim(self, settings: Settings) -> _Metrics:
        if settings.offer.pricing_model is not PricingModel.SPOT:
            return ()
        # An exporter on another machine shall not carry what only asking takes.
        from taximeter_exporter.pricing.metadata.reclaim import ReclaimWatch  # noqa: PLC0415
        from taximeter_exporter.web.spot import reclaim_samples  # noqa: PLC0415

        if self._reclaim_watch is None:
            self._reclaim_watch = ReclaimWatch(self._clock)
        reclaim = self._reclaim_watch.look(settings.offer.provider, settings.metadata_address)
        return () if reclaim is None else tuple(reclaim_samples(reclaim))

    def _look_at_the_market(self, settings: Settings) -> _Metrics:
        """Prices change when they are reloaded, and at whole quarter hours, where tariffs and days begin."""
        state, time_ns = self._state(), self._clock.time_ns()
        market_of = (settings.book, tuple(entry.device for entry in state.devices), time_ns // QUARTER_HOUR_NS)
        if market_of == self._market_of:
            return self._market
        peaks = {sample.device.uuid: sample.past.memory_peak_bytes for sample in self._snapshot().samples}
        holdings = [
            Holding(device=entry.device, rate=entry.rate, peak_bytes=peaks.get(entry.device.uuid))
            for entry in state.devices
        ]
        here, prices = in_force(settings.prices, time_ns), in_force(settings.book.prices(), time_ns)
        found = tuple(market_samples(market(holdings, here, prices)))
        self._market_of = market_of
        return found

    def _keep_looking(self) -> None:
        while not self._stopping:
            try:
                self.look()
            except Exception:
                log.exception("what is around the meter cannot be seen, and is looked at again")
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()


def _disk_samples(disk: LedgerDisk | None) -> _Metrics:
    if disk is None:
        return ()
    return (LEDGER_FREE, [((), disk.free_bytes)]), (LEDGER_SIZE, [((), disk.size_bytes)])
