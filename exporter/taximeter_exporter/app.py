"""Wires the parts together, starts them in the order in which they can fail, and stops them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from taximeter_exporter.clock import NS_PER_SECOND, Clock
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.config.settings import Settings
from taximeter_exporter.devices.open import NoDeviceError, open_source
from taximeter_exporter.devices.reading import ReadError
from taximeter_exporter.devices.roster import Remembered
from taximeter_exporter.devices.sampler import SILENT_INTERVALS, Sampler
from taximeter_exporter.metering.ledger import Ledger, LedgerError
from taximeter_exporter.metering.meter import Meter
from taximeter_exporter.metering.observation import Observer
from taximeter_exporter.metering.processes import ProcessReader
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.pricing.quote import PriceError, Schedule, schedule_for
from taximeter_exporter.reloading import Reloader
from taximeter_exporter.watching import Watcher
from taximeter_exporter.web.live.last_hour import LastHour
from taximeter_exporter.web.reload import ReloadState
from taximeter_exporter.web.routes import Routes
from taximeter_exporter.web.security.exposure import exposed
from taximeter_exporter.web.security.guard import Guard, protection
from taximeter_exporter.web.server import PortError, WebServer

log = logging.getLogger(__name__)

_TICK_LAG = 20
"""Such a part of an interval the devices are given to be read in it, before what they say is metered."""
_STOP_SECONDS = 0.2
"""So long a driver may take to answer what it was asked last, twice."""


class Exporter:
    """The running exporter."""

    def __init__(
        self,
        *,
        meter: Meter,
        sampler: Sampler,
        watcher: Watcher,
        last_hour: LastHour,
        server: WebServer,
        routes: Routes,
        reload: Callable[[], ReloadState],
        clock: Clock,
        interval_ns: int,
    ) -> None:
        self.reload = reload
        """Go by the configuration as it is now; see `Reloader.reload`."""
        self._meter = meter
        self._sampler = sampler
        self._watcher = watcher
        self._last_hour = last_hour
        self._server = server
        self._clock = clock
        self._interval_ns = interval_ns
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._tick, name="meter", daemon=True),
            threading.Thread(target=server.serve, args=(routes.handle,), name="web", daemon=True),
        ]

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return self._server.host

    @property
    def scheme(self) -> str:
        """By which it is asked at present."""
        return "https" if self._server.encrypts else "http"

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.port

    def start(self) -> None:
        """Begin to sample, to meter and to answer; returns at once."""
        self._sampler.start()
        self._watcher.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop answering, sample no more, and book what has passed."""
        self._stopping.set()
        self._server.stop()
        # what is being answered may take as long as a driver does, and both are waited for at once
        self._sampler.stop(_STOP_SECONDS)
        self._watcher.stop(_STOP_SECONDS)
        for thread in self._threads:
            thread.join()
        self._meter.tick()

    def _tick(self) -> None:
        while not self._stopping.wait(self._until_tick_ns() / NS_PER_SECOND):
            try:
                self._meter.tick()
                self._last_hour.record(self._sampler.snapshot(), self._meter.state())
            except Exception:
                # The time stays unbooked, and the next tick takes it along.
                log.exception("metering failed, and is tried again")

    def _until_tick_ns(self) -> int:
        """How long it is until the devices have been read in the next interval."""
        return self._interval_ns - (self._clock.elapsed_ns() - self._interval_ns // _TICK_LAG) % self._interval_ns


@contextmanager
def exporter(
    load: Callable[[], Settings], *, clock: Clock, simulate: bool, web_config: Path | None
) -> Iterator[Exporter]:
    """Everything opened and nothing started; closed again however it ends.

    `load` reads the configuration, now and for every reload; `web_config` says who may connect and ask.

    Raises `ConfigError` for whatever keeps it from starting; then nothing was booked or left open.
    """
    settings = load()
    with ExitStack() as stack:
        stack.enter_context(_named(settings))
        guard = Guard(protection(web_config_file=web_config, token_file=settings.write_token_file))
        server = WebServer(*settings.listen, guard)
        stack.callback(server.stop)
        for warning in exposed(settings.listen[0], guard):
            log.warning("%s", warning)
        ledger = SqliteLedger(settings.ledger, simulated=simulate)
        stack.callback(ledger.close)
        opened = open_source(
            settings.devices,
            simulate=simulate,
            host_uuid=ledger.host_uuid,
            clock=clock,
            remembered=lambda: remembered(ledger),
        )
        sampler = Sampler(
            opened.source,
            opened.devices,
            clock,
            interval_ns=settings.sample_interval_ns,
            changing=opened.changing,
            unmetered=opened.unmetered,
        )
        stack.callback(sampler.stop, _STOP_SECONDS)
        schedule = schedule_for(settings.prices, sampler.devices)
        meter = _meter(settings, clock=clock, ledger=ledger, sampler=sampler, schedule=schedule)
        watcher = Watcher(settings, clock=clock, snapshot=sampler.snapshot, state=meter.state)
        reloader = Reloader(
            settings,
            load=load,
            web_config=web_config,
            guard=guard,
            meter=meter,
            watcher=watcher,
            devices=lambda: sampler.devices,
            clock=clock,
        )
        last_hour = LastHour()
        routes = Routes(
            clock=clock,
            meter=meter,
            snapshot=sampler.snapshot,
            last_hour=last_hour,
            reload=reloader.reload,
            reloaded=reloader.state,
            watched=watcher.samples,
            interval_ns=settings.sample_interval_ns,
            process_metrics=settings.process_metrics,
            dcgm_metrics=settings.dcgm_metrics,
        )
        yield Exporter(
            meter=meter,
            sampler=sampler,
            watcher=watcher,
            last_hour=last_hour,
            server=server,
            routes=routes,
            reload=reloader.reload,
            clock=clock,
            interval_ns=settings.sample_interval_ns,
        )


def remembered(ledger: Ledger) -> list[Remembered]:
    """What a ledger knows of devices."""
    models = ledger.models()
    return [
        Remembered(uuid=uuid, model=models[uuid], boot_id=cursor.boot_id) for uuid, cursor in ledger.cursors().items()
    ]


def _meter(settings: Settings, *, clock: Clock, ledger: Ledger, sampler: Sampler, schedule: Schedule) -> Meter:
    return Meter(
        clock=clock,
        ledger=ledger,
        devices=lambda: sampler.devices,
        schedule=schedule,
        budgets=settings.budgets,
        bill_gaps=settings.bill_gaps,
        observe=Observer(sampler.snapshot, ProcessReader()),
        unseen_ns=SILENT_INTERVALS * settings.sample_interval_ns,
        policy=settings.split_policy,
        volumes=settings.volumes,
        transfer=settings.transfer,
    )


@contextmanager
def _named(settings: Settings) -> Iterator[None]:
    """Every failure with the file and the field at fault."""
    host, port = settings.listen
    try:
        yield
    except PortError as error:
        raise ConfigError(str(settings.path), "listen", f"{host}:{port} {error}") from error
    except LedgerError as error:
        raise ConfigError(str(settings.path), "ledger", str(error)) from error
    except PriceError as error:
        raise ConfigError(str(settings.path), error.field, str(error)) from error
    except (NoDeviceError, ReadError) as error:
        raise ConfigError(str(settings.path), "devices", str(error)) from error
