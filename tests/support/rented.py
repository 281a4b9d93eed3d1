"""Rented GPUs from the driver to the ledger, on a clock that a test moves: NVML is the fake library, all else real."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from fakes.manual_clock import ManualClock
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeGpu, Scenario
from taximeter_exporter.app import remembered
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.open import DeviceChoice, open_source
from taximeter_exporter.devices.reading import Device
from taximeter_exporter.devices.sampler import Sampler
from taximeter_exporter.metering.meter import Meter
from taximeter_exporter.metering.observation import Observer
from taximeter_exporter.metering.processes import ProcessReader
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.metering.state import RunState
from taximeter_exporter.metering.totals import Totals
from taximeter_exporter.pricing.quote import schedule_for

from support.metered import labels, price, time_ns


def unused(uuid: str, **changes: object) -> FakeGpu:
    """A GPU on which nothing runs, unless changed."""
    return FakeGpu(**({"uuid": uuid, "utilization_percent": 0, "processes": ()} | changes))  # type: ignore[arg-type]


class Rented:
    """Each GPU costs a USD a second, and two are paid for.

    A second is one sample of each device, one listing, and one tick of the meter.
    """

    def __init__(self, folder: Path, nvml: FakeNvml, *gpus: FakeGpu, up_seconds: int = 1000) -> None:
        self.nvml = nvml
        self.clock = ManualClock(elapsed_ns=up_seconds * NS_PER_SECOND, time_ns=time_ns("2026-11-21T12:00:00"))
        self.begun_ns = self.clock.elapsed_ns()
        self.show(*gpus)
        self.ledger = SqliteLedger(folder / "ledger.db")
        opened = open_source(
            DeviceChoice.GPU,
            simulate=False,
            host_uuid=str,
            clock=self.clock,
            remembered=lambda: remembered(self.ledger),
        )
        self.sampler = Sampler(
            opened.source,
            opened.devices,
            self.clock,
            interval_ns=NS_PER_SECOND,
            changing=True,
            unmetered=opened.unmetered,
        )
        self.meter = Meter(
            clock=self.clock,
            ledger=self.ledger,
            devices=lambda: self.sampler.devices,
            schedule=schedule_for((price(),), self.sampler.devices),
            budgets=(),
            bill_gaps=True,
            observe=Observer(self.sampler.snapshot, ProcessReader()),
            unseen_ns=3 * NS_PER_SECOND,
        )

    def show(self, *gpus: FakeGpu, driver_load: int = 1) -> None:
        """What the driver shows from now on."""
        self.nvml.answer(Scenario(gpus=gpus, driver_load=driver_load))

    def pass_time(
        self, seconds: int, *, ns: int = 0, hanging: Collection[str] = (), renew: RunState | None = None
    ) -> None:
        """Let time pass; each second is longer by `ns`. Nothing answers for those that hang, nor can be listed then."""
        for _ in range(seconds):
            self.clock.advance(seconds=1, ns=ns)
            if renew is not None:
                self.meter.renew(renew.run.name, renew.run.lease, {})
            for device in self.sampler.devices:
                if device.uuid not in hanging:
                    self.sampler.sample_once(device)
            if not hanging:
                self.sampler.list_once()
            self.meter.tick()

    @contextmanager
    def hung(self, device: Device) -> Iterator[threading.Thread]:
        """A thread that asks a device which hangs; the test has it answer within."""
        thread = threading.Thread(target=self.sampler.sample_once, args=(device,), daemon=True)
        thread.start()
        yield thread
        thread.join(timeout=120)
        assert not thread.is_alive()

    def register(self, *devices: str) -> RunState:
        """Begin a run; without devices on every one."""
        return self.meter.register("run", resume=False, **labels(devices=devices or None))

    @property
    def up(self) -> dict[str, bool]:
        """Whether there is a reading, by UUID."""
        return {sample.device.uuid: sample.reading is not None for sample in self.sampler.snapshot().samples}

    @property
    def passed_ns(self) -> int:
        """The time since the beginning."""
        return self.clock.elapsed_ns() - self.begun_ns

    def seconds(self) -> dict[tuple[str, str], Fraction]:
        """The device time in the ledger, in seconds, by UUID and share."""
        found: Counter[tuple[str, str]] = Counter()
        for row in self.ledger.usage():
            found[row.uuid, str(row.share)] += row.ns
        return {key: Fraction(ns, NS_PER_SECOND) for key, ns in sorted(found.items())}

    def gpu_ns(self, gpu: str, *parts: str) -> Fraction:
        """The time of a whole GPU in the ledger: of each of its parts as much as it is of it."""
        return sum(
            (row.ns * row.rate.part for row in self.ledger.usage() if row.rate and row.uuid in (gpu, *parts)),
            Fraction(),
        )

    def spent(self) -> Fraction:
        """All that is in the ledger, in USD."""
        totals = Totals()
        totals.add(self.ledger.usage(), {run.name: run for run in self.ledger.runs()})
        return sum(totals.cost.values(), Fraction())

    def close(self) -> None:
        """Let go of the ledger and the driver."""
        self.ledger.close()
        assert self.sampler.stop(120)
