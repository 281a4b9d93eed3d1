"""Which message makes which other one needless, by the real Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

import pytest
from alertmanager.newer import newer_alertmanager
from demo.binaries import Tools
from demo.configs import write_configs
from demo.interrupts import Interrupts
from demo.ports import ANY, free_ports
from demo.processes import Processes
from demo.stack import Starter
from demo.web import get_json
from support.posting import post_alerts
from support.programs import wait_for

pytestmark = pytest.mark.binaries

Labels = Mapping[str, str]

_CASES = count()

BUDGET = {
    "alertname": "TaximeterBudgetThreshold",
    "budget": "demo",
    "period": "month",
    "currency": "USD",
    "job": "taximeter-exporter",
    "instance": "host:9877",
}
INFO, WARNING, CRITICAL = ({**BUDGET, "severity": severity} for severity in ("info", "warning", "critical"))
FAST = {**CRITICAL, "alertname": "TaximeterBudgetBurnFast"}
SLOW = {**WARNING, "alertname": "TaximeterBudgetBurnSlow"}
FORECAST = {**WARNING, "alertname": "TaximeterBudgetForecast"}
OF_ALL_MACHINES = {
    "alertname": "TaximeterFleetBudgetThreshold",
    "budget": "demo",
    "period": "month",
    "currency": "USD",
}
FLEET_INFO, FLEET_WARNING, FLEET_CRITICAL = (
    {**OF_ALL_MACHINES, "severity": severity} for severity in ("info", "warning", "critical")
)
RUN_BUDGET = {"run": "r-1", "period": "run"}

EXPORTER = {"job": "taximeter-exporter", "instance": "host:9877"}
EXPORTER_DOWN = {**EXPORTER, "alertname": "TaximeterExporterDown", "severity": "critical"}
COLLECTION_FAILING = {**EXPORTER, "alertname": "TaximeterCollectionFailing", "severity": "warning"}
NOT_WRITING = {**EXPORTER, "alertname": "TaximeterLedgerNotWriting", "severity": "critical"}
WRITE_FAILING = {**EXPORTER, "alertname": "TaximeterLedgerWriteFailing", "severity": "warning"}
RECLAIM = {**EXPORTER, "alertname": "TaximeterSpotReclaim", "severity": "critical", "provider": "aws"}
TRAINER = {"job": "taximeter-trainer", "instance": "host:9878"}
TRAINER_DOWN = {**TRAINER, "alertname": "TaximeterTrainerDown", "severity": "warning"}
SCRAPE_SLOW = {**TRAINER, "alertname": "TaximeterScrapeSlow", "severity": "warning"}

GPU = {**EXPORTER, "uuid": "GPU-1", "gpu": "0"}
GPU_DOWN = {**GPU, "alertname": "TaximeterGpuDown", "severity": "critical"}
GPU_HOT = {**GPU, "alertname": "TaximeterGpuHot", "severity": "warning"}
XID = {**GPU, "alertname": "TaximeterGpuXidCritical", "severity": "critical", "xid": "79"}
REMAP_FAILED = {**GPU, "alertname": "TaximeterGpuRowRemapFailed", "severity": "critical"}
REPAIR_PENDING = {**GPU, "alertname": "TaximeterGpuRepairPending", "severity": "warning"}

NAN = {"run": "r-1", "alertname": "TaximeterLossNotFinite", "severity": "critical"}
STALLED = {**EXPORTER, "run": "r-1", "alertname": "TaximeterRunStalled", "severity": "warning"}
DATA_WAIT = {"run": "r-1", "alertname": "TaximeterDataWait", "severity": "warning"}

SILENCED: list[tuple[str, Labels, Labels]] = [
    ("the limit, what was crossed before it", CRITICAL, WARNING),
    ("the limit, the first threshold", CRITICAL, INFO),
    ("a threshold, a lower one", WARNING, INFO),
    ("the limit, the forecast", CRITICAL, FORECAST),
    ("the limit of a run, its lower threshold", CRITICAL | RUN_BUDGET, INFO | RUN_BUDGET),
    ("a fast burn, a slow one", FAST, SLOW),
    ("the limit for all machines, that of one", FLEET_CRITICAL, CRITICAL),
    ("the limit for all machines, its lower threshold", FLEET_CRITICAL, FLEET_WARNING),
    ("a threshold for all machines, that of one", FLEET_WARNING, WARNING),
    ("the first threshold for all machines, that of one", FLEET_INFO, INFO),
    ("an exporter that is down, what fails in it", EXPORTER_DOWN, COLLECTION_FAILING),
    ("an exporter that is down, its GPUs", EXPORTER_DOWN, GPU_HOT),
    ("a trainer that is down, its slow answer", TRAINER_DOWN, SCRAPE_SLOW),
    ("a machine that is taken, its silence", RECLAIM, EXPORTER_DOWN),
    ("a machine that is taken, its heat", RECLAIM, GPU_HOT),
    ("a ledger that is not written, single failures", NOT_WRITING, WRITE_FAILING),
    ("a GPU that is gone, its heat", GPU_DOWN, GPU_HOT),
    ("a repair that failed, one to come", REMAP_FAILED, REPAIR_PENDING),
    ("a worthless run, its pace", NAN, DATA_WAIT),
    ("a stalled run, its pace", STALLED, DATA_WAIT),
]
TOLD: list[tuple[str, Labels, Labels]] = [
    ("another budget", CRITICAL, WARNING | {"budget": "other"}),
    ("another period of the same name", CRITICAL, WARNING | {"period": "day"}),
    ("another currency", CRITICAL, WARNING | {"currency": "EUR"}),
    ("another run's budget", CRITICAL | RUN_BUDGET, WARNING | RUN_BUDGET | {"run": "r-2"}),
    ("another machine's budget", CRITICAL, WARNING | {"instance": "other:9877"}),
    ("that one machine alone is over, when all are at a threshold", FLEET_WARNING, CRITICAL),
    ("a run's own limit, when all machines are over theirs", FLEET_CRITICAL, CRITICAL | RUN_BUDGET),
    ("another budget of one machine", FLEET_CRITICAL, CRITICAL | {"budget": "other"}),
    ("no budget at all", CRITICAL, COLLECTION_FAILING),
    (
        "what is not ours",
        {"alertname": "Theirs", "severity": "critical"},
        {"alertname": "Other", "severity": "warning"},
    ),
    ("how much is gone, while it goes fast", FAST, WARNING),
    ("how much is gone, while it is forecast to go", FORECAST, INFO),
    ("the limit itself, while it goes fast", FAST, CRITICAL),
    ("the money, of an exporter that is down", EXPORTER_DOWN, WARNING),
    ("another exporter", EXPORTER_DOWN, COLLECTION_FAILING | {"instance": "other:9877"}),
    ("why the machine may have gone", EXPORTER_DOWN, XID),
    ("the money, of a machine that is taken", RECLAIM, WARNING),
    ("the silence of another machine", RECLAIM, EXPORTER_DOWN | {"instance": "other:9877"}),
    ("why the GPU may have gone", GPU_DOWN, XID),
    ("another GPU", GPU_DOWN, GPU_HOT | {"uuid": "GPU-2"}),
    ("another run", NAN, DATA_WAIT | {"run": "r-2"}),
    ("a run's money", NAN, WARNING | RUN_BUDGET),
]


@pytest.fixture(scope="module", params=["of a distribution", "of docker compose"])
def alertmanager(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the older one, and of the newer one."""
    folder = tmp_path_factory.mktemp("inhibition")
    ports = free_ports(ANY)
    config = write_configs(folder, ports, gpus=0).alertmanager
    if request.param == "of docker compose":
        with newer_alertmanager(config, ports.alertmanager) as url:
            yield url
    else:
        tools: Tools = request.getfixturevalue("tools")
        with Processes() as processes:
            yield Starter(folder, ports, processes, Interrupts()).alertmanager(tools.alertmanager, config).url


def told(alertmanager: str, *alerts: Labels) -> list[Labels]:
    """Those of the alerts that are not inhibited, once all of them have been considered."""
    # Alerts are considered in the order in which they came: when the last is silenced, nothing is left to happen.
    last = {"budget": f"last-{next(_CASES)}"}
    post_alerts(alertmanager, *({"labels": labels} for labels in (*alerts, CRITICAL | last, INFO | last)))

    def active() -> list[Labels]:
        return [entry["labels"] for entry in get_json(f"{alertmanager}/api/v2/alerts", inhibited="false")]

    wait_for(lambda: INFO | last not in active(), "the last is not inhibited")
    found = active()
    return [alert for alert in alerts if alert in found]


def apart(*alerts: Labels) -> list[Labels]:
    """The alerts with labels that no other case has, so that all can be told to one Alertmanager."""
    mark = f"-{next(_CASES)}"
    return [
        {name: value + mark if name in {"budget", "instance", "run"} else value for name, value in alert.items()}
        for alert in alerts
    ]


@pytest.mark.parametrize(("source", "target"), [case[1:] for case in SILENCED], ids=[case[0] for case in SILENCED])
def test_what_says_more_silences(alertmanager: str, source: Labels, target: Labels) -> None:
    source, target = apart(source, target)
    assert told(alertmanager, source, target) == [source]


@pytest.mark.parametrize(("source", "target"), [case[1:] for case in TOLD], ids=[case[0] for case in TOLD])
def test_what_is_news_is_told(alertmanager: str, source: Labels, target: Labels) -> None:
    source, target = apart(source, target)
    assert told(alertmanager, source, target) == [source, target]
