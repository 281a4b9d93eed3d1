"""A meter on a real SQLite ledger and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

from fakes.manual_clock import ManualClock
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.reading import Device, DeviceKind
from taximeter_exporter.metering.budgets import Budget
from taximeter_exporter.metering.exchange import ExchangeTable
from taximeter_exporter.metering.identity import Identity
from taximeter_exporter.metering.meter import Meter
from taximeter_exporter.metering.observation import Observation, Observations, SeenProcess
from taximeter_exporter.metering.periods import Period
from taximeter_exporter.metering.policy import SplitPolicy
from taximeter_exporter.metering.run import Result
from taximeter_exporter.metering.runs import RunLabels
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.metering.state import RunState
from taximeter_exporter.metering.storage import Volume
from taximeter_exporter.pricing.price import Offer, Price, PricingModel, Rate
from taximeter_exporter.pricing.quote import schedule_for

OFFER = Offer(provider="acme", region="lab", instance_type="box", pricing_model=PricingModel.ON_DEMAND)
GPU0 = Device(uuid="GPU-0", kind=DeviceKind.GPU, index="0", model="H100")
GPU1 = Device(uuid="GPU-1", kind=DeviceKind.GPU, index="1", model="H100")
GPU2 = Device(uuid="GPU-2", kind=DeviceKind.GPU, index="2", model="H100")


def time_ns(text: str) -> int:
    """A moment like `2026-11-21T12:00:00`, in UTC unless it says otherwise, in nanoseconds since 1970."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * NS_PER_SECOND


def price(per_hour: str = "7200", *, gpus: int = 2, currency: str = "USD") -> Price:
    """By default 3600 USD an hour for each of two GPUs: one USD a second."""
    return Price(offer=OFFER, per_hour=Decimal(per_hour), currency=currency, gpus=gpus)


def budget(limit: str = "100", **changes: object) -> Budget:
    """A budget of a month in UTC on everything, unless changed."""
    fields: dict[str, object] = {
        "name": "all",
        "period": Period.MONTH,
        "timezone": ZoneInfo("UTC"),
        "limit": Decimal(limit),
        "currency": "USD",
        "thresholds": (Decimal("0.5"), Decimal("1")),
        "scope": {},
        "exchange": ExchangeTable(()),
    }
    return Budget(**(fields | changes))  # type: ignore[arg-type]


def labels(project: str = "vision", *, devices: tuple[str, ...] | None = None, pids: tuple[int, ...] = ()) -> RunLabels:
    """The labels of a run."""
    return RunLabels(project=project, team="", user="", model="", dataset="", devices=devices, pids=pids)


def process(run: str | None = "seen", *, pid: int = 100, project: str = "vision", **more: int) -> SeenProcess:
    """A process on a device that names its run, or does not."""
    identity = Identity(run=run, project=project) if run else None
    return SeenProcess(pids=(pid,), identity=identity, **more)


@dataclass
class Machine:
    """A machine with a meter that can be stopped and started again."""

    path: Path
    clock: ManualClock = field(
        default_factory=lambda: ManualClock(elapsed_ns=1000 * NS_PER_SECOND, time_ns=time_ns("2026-11-21T12:00:00"))
    )
    devices: Sequence[Device] = (GPU0,)
    prices: Sequence[Price] = field(default_factory=lambda: (price(),))
    budgets: Sequence[Budget] = ()
    bill_gaps: bool = True
    in_use: dict[str, bool | None] = field(default_factory=dict)
    running: dict[str, Sequence[SeenProcess]] = field(default_factory=dict)
    """The processes on each device, by its UUID."""
    policy: SplitPolicy = SplitPolicy.EQUAL
    joules: dict[str, float] = field(default_factory=dict)
    """What each device's energy counter shows, by its UUID; one that has none is left out."""
    volumes: Sequence[Volume] = ()
    transfer: Rate | None = None

    def start(self) -> Meter:
        """Open the ledger and take up metering."""
        self.ledger = SqliteLedger(self.path)
        self.meter = Meter(
            clock=self.clock,
            ledger=self.ledger,
            devices=lambda: tuple(self.devices),
            schedule=schedule_for(self.prices, self.devices),
            budgets=self.budgets,
            bill_gaps=self.bill_gaps,
            observe=self.observe,
            unseen_ns=3 * NS_PER_SECOND,
            policy=self.policy,
            volumes=self.volumes,
            transfer=self.transfer,
        )
        return self.meter

    def observe(self) -> Observations:
        """What is seen of the devices now."""
        return Observations(
            devices={
                device.uuid: Observation(
                    busy=self.in_use.get(device.uuid),
                    taken_ns=self.clock.elapsed_ns(),
                    processes=tuple(self.running.get(device.uuid, ())),
                    energy_joules=self.joules.get(device.uuid),
                )
                for device in self.devices
            }
        )

    def kill(self) -> None:
        """End without a last word: what is not in the ledger is lost."""
        self.ledger.close()

    def pass_time(self, seconds: int) -> None:
        """Tick each second."""
        for _ in range(seconds):
            self.clock.advance(seconds=1)
            self.meter.tick()

    def register(self, name: str = "run", *, resume: bool = False, project: str = "vision", **more: object) -> RunState:
        """Begin a run."""
        return self.meter.register(name, resume=resume, **labels(project, **more))  # type: ignore[arg-type]

    def renew(self, state: RunState) -> RunState:
        """Renew a run."""
        return self.meter.renew(state.run.name, state.run.lease, {})

    def end(self, state: RunState, result: Result = Result.FINISHED) -> RunState:
        """End a run."""
        return self.meter.end(state.run.name, state.run.lease, result, {})

    def shares(self) -> dict[tuple[str, str], Fraction]:
        """What was booked, by project and share."""
        total: dict[tuple[str, str], Fraction] = {}
        for key, amount in self.meter.state().cost.items():
            place = (key.project, str(key.share))
            total[place] = total.get(place, Fraction()) + amount
        return total

    def run_cost(self, name: str = "run") -> Fraction:
        """What a run has cost, in USD."""
        state = self.meter.run(name)
        assert state is not None
        return state.cost.get("USD", Fraction())
