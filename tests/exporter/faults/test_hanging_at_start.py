"""A GPU that hangs when the exporter starts: it starts with the others, and the money of one that it knew goes on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pynvml
import pytest
from fakes.nvml.build import build, environment
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeInstance, Scenario
from support.programs import wait_for, write_config
from support.promptness import within
from support.rented import Rented, unused
from support.watched_gpus import Watched, watched
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.nvml import listing
from taximeter_exporter.web.health import problems

ONE, TWO = unused("GPU-1"), unused("GPU-2")
HUNG = replace(TWO, hang=True)
NOT_METERED = "1 of 2 GPUs not metered: GPU 1 cannot be identified: no answer within 2 s"

IMPATIENT = """\
#!{python}
import sys
from taximeter_exporter.cli.main import main
from taximeter_exporter.devices.nvml import listing
listing.PATIENCE_SECONDS = 2
sys.exit(main())
"""


@pytest.fixture(autouse=True)
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for a GPU for more than two seconds, here and in the program that is started."""
    monkeypatch.setattr(listing, "PATIENCE_SECONDS", 2)
    script = tmp_path / "taximeter-exporter"
    script.write_text(IMPATIENT.format(python=sys.executable), encoding="utf-8")
    script.chmod(0o700)
    monkeypatch.setattr("support.programs.program", lambda _: str(script))


def answered() -> bool:
    """Whether no call hangs in this process any more."""
    return not any(thread.name == "ask the driver" for thread in threading.enumerate())


def wrong(rented: Rented) -> list[str]:
    """What `/readyz` would say."""
    snapshot, state = rented.sampler.snapshot(), rented.meter.state()
    return problems(snapshot, state, now_ns=rented.clock.elapsed_ns(), interval_ns=NS_PER_SECOND)


@contextmanager
def started(tmp_path: Path, fake_nvml: FakeNvml, *, up_seconds: int = 1000) -> Iterator[Rented]:
    """It starts while the second GPU hangs; in the end it does not any more."""
    rented = Rented(tmp_path, fake_nvml, ONE, HUNG, up_seconds=up_seconds)
    yield rented
    rented.show(ONE, TWO)
    wait_for(answered, "the call does not return")
    rented.close()


@pytest.mark.parametrize("leased", [False, True])
def test_the_time_of_one_that_was_known_goes_on_to_the_nanosecond(
    tmp_path: Path, fake_nvml: FakeNvml, leased: bool
) -> None:
    before = Rented(tmp_path, fake_nvml, ONE, TWO)
    run = before.register("GPU-2") if leased else None
    before.pass_time(5, renew=run)
    before.close()
    with started(tmp_path, fake_nvml, up_seconds=1000 + 5 + 10) as rented:
        rented.pass_time(4, renew=run)
        assert rented.up == {"GPU-1": True, "GPU-2": False}
        (told,) = wrong(rented)
        assert told == (
            "GPU-2 is not read: the driver does not show it; GPU 1 cannot be identified: no answer within 2 s"
        )
        rented.show(ONE, TWO)
        wait_for(answered, "the call does not return")
        rented.pass_time(1, renew=run)  # listed
        rented.pass_time(2, renew=run)
        assert rented.up == {"GPU-1": True, "GPU-2": True}
        assert wrong(rented) == []
        # whose it is nobody can tell while it hangs, and in the second in which it is listed
        lent, own = {("GPU-2", "active"): 5 + 7}, {("GPU-2", "idle"): 5 + 2, ("GPU-2", "unattributed"): 4 + 1}
        assert rented.seconds() == {
            ("GPU-1", "idle"): 5 + 7,
            ("GPU-1", "gap"): 10,
            ("GPU-2", "gap"): 10,
            **(lent if leased else own),
        }
        assert rented.spent() == 2 * (5 + 10 + 7)


def test_one_that_was_divided_is_metered_as_a_whole_until_it_says_how_it_is(
    tmp_path: Path, fake_nvml: FakeNvml
) -> None:
    instances = tuple(
        FakeInstance(uuid=f"MIG-{slices}", name=f"NVIDIA H100 80GB HBM3 MIG {slices}g.40gb", compute_slices=slices)
        for slices in (3, 4)
    )
    divided = replace(TWO, utilization_percent=None, mig=True, instances=instances)
    before = Rented(tmp_path, fake_nvml, ONE, divided)
    before.pass_time(5)
    before.close()
    rented = Rented(tmp_path, fake_nvml, ONE, replace(divided, hang=True), up_seconds=1000 + 5 + 10)
    rented.pass_time(4)
    assert rented.up == {"GPU-1": True, "GPU-2": False}
    rented.show(ONE, divided)
    wait_for(answered, "the call does not return")
    rented.pass_time(1)  # listed
    rented.pass_time(2)
    assert rented.up == {"GPU-1": True, "GPU-2": True, "MIG-3": True, "MIG-4": True}
    assert rented.gpu_ns("GPU-2", "MIG-3", "MIG-4") == (5 + 10 + 7) * NS_PER_SECOND
    assert rented.spent() == 2 * (5 + 10 + 7)
    whole = {share: seconds for (uuid, share), seconds in rented.seconds().items() if uuid == "GPU-2"}
    assert whole == {"gap": 10, "unattributed": 4 + 1}
    rented.close()


def test_one_that_nobody_knows_is_not_metered_until_it_answers(tmp_path: Path, fake_nvml: FakeNvml) -> None:
    with started(tmp_path, fake_nvml) as rented:
        rented.pass_time(4)
        assert rented.up == {"GPU-1": True}
        assert wrong(rented) == [NOT_METERED]
        assert not rented.sampler.snapshot().collect_success
        rented.show(ONE, TWO)
        wait_for(answered, "the call does not return")
        rented.pass_time(3)
        assert rented.up == {"GPU-1": True, "GPU-2": True}
        assert wrong(rented) == []
        assert rented.sampler.snapshot().collect_success
        assert rented.seconds() == {("GPU-1", "idle"): 4 + 3, ("GPU-2", "idle"): 2}
        assert rented.spent() == 4 + 3 + 2


def test_all_of_them_may_hang_if_they_were_known(tmp_path: Path, fake_nvml: FakeNvml) -> None:
    before = Rented(tmp_path, fake_nvml, ONE, TWO)
    before.pass_time(1)
    before.close()
    rented = Rented(tmp_path, fake_nvml, replace(ONE, hang=True), HUNG, up_seconds=1001)
    rented.pass_time(3)
    assert rented.up == {"GPU-1": False, "GPU-2": False}
    rented.show(ONE, TWO)
    wait_for(answered, "the calls do not return")
    rented.pass_time(2)
    assert rented.up == {"GPU-1": True, "GPU-2": True}
    assert [device.index for device in rented.sampler.devices] == ["0", "1"]
    assert rented.spent() == 2 * (1 + 3 + 2)
    rented.close()


def test_the_driver_is_not_shut_down_while_a_call_hangs_in_it(tmp_path: Path, fake_nvml: FakeNvml) -> None:
    rented = Rented(tmp_path, fake_nvml, ONE, HUNG)
    rented.close()
    assert "nvmlShutdown" not in fake_nvml.calls()
    fake_nvml.answer(Scenario())
    wait_for(answered, "the call does not return")
    pynvml.nvmlShutdown()  # as the end of a process does, for the tests after this one


def is_wrong(here: Watched, text: str) -> bool:
    """Whether it says so where people look."""
    ready, overview = here.running.get("/readyz"), here.running.get("/api/v1/overview").json()
    return ready.status == 503 and text in ready.body.decode() and any(text in told for told in overview["problems"])


def test_the_program_starts_with_the_others_and_goes_on_with_what_it_knew(
    tmp_path: Path, fake_nvml_libraries: Path
) -> None:
    with watched(tmp_path, fake_nvml_libraries, ONE, TWO) as here:
        wait_for(lambda: here.cost("GPU-2") > 0, "GPU-2 costs nothing")
        booked = here.cost("GPU-2")
    with watched(tmp_path, fake_nvml_libraries, ONE, HUNG, ready=False) as here:
        wait_for(lambda: here.up == {"GPU-1": 1, "GPU-2": 0}, "it does not go on with both")
        assert here.running.value("taximeter_gpu_condition", uuid="GPU-2", condition="down") == 1
        assert here.running.value("taximeter_price_per_hour", uuid="GPU-2") == 450
        cost = here.cost("GPU-2")
        assert cost > booked
        wait_for(lambda: here.cost("GPU-2") > cost, "GPU-2 costs nothing while it hangs")
        wait_for(lambda: is_wrong(here, "GPU 1 cannot be identified: no answer within 2 s"), "it does not tell")
        assert here.running.get("/healthz").status == 200
        here.show(ONE, TWO)
        wait_for(lambda: here.running.get("/readyz").status == 200, "GPU-2 does not come back")
        wait_for(lambda: here.up == {"GPU-1": 1, "GPU-2": 1}, "GPU-2 does not come back")


def test_the_program_starts_without_one_that_it_does_not_know(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    with watched(tmp_path, fake_nvml_libraries, ONE, HUNG, ready=False) as here:
        wait_for(lambda: here.up == {"GPU-1": 1}, "it does not start with the other")
        wait_for(lambda: is_wrong(here, NOT_METERED), "it does not tell")
        assert here.running.value("taximeter_collect_success") == 0
        here.show(ONE, TWO)
        wait_for(lambda: here.running.get("/readyz").status == 200, "GPU-2 does not join")
        wait_for(lambda: here.up == {"GPU-1": 1, "GPU-2": 1}, "GPU-2 does not join")
        wait_for(lambda: here.cost("GPU-2") > 0, "GPU-2 costs nothing")


@pytest.mark.parametrize(
    ("call", "number"),
    [("nvmlInitWithFlags", signal.SIGTERM), ("nvmlDeviceGetHandleByIndex_v2", signal.SIGINT)],
)
def test_it_is_ended_at_once_while_it_starts(
    tmp_path: Path, fake_nvml_libraries: Path, call: str, number: signal.Signals
) -> None:
    scenario, calls = tmp_path / "scenario", tmp_path / "calls"
    Scenario(gpus=(HUNG,), hangs=frozenset({call})).write(scenario, call_log=calls)
    patient = Path(sys.executable).with_name("taximeter-exporter")
    with subprocess.Popen(
        [patient, "serve", "--config", str(write_config(tmp_path))],
        env={**os.environ, **environment(build(fake_nvml_libraries), scenario)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for(lambda: calls.exists() and call in calls.read_text(), "it is not asked")
        with within(2):
            process.send_signal(number)
            assert process.wait(timeout=120) == 0
        assert process.stderr is not None
        assert process.stderr.read().endswith("INFO ended before it had started, as it was told to\n")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        assert ledger.execute("SELECT count(*) FROM usage").fetchone() == (0,)
