"""A GPU that hangs in a call: the others go on, everybody is told, the money runs, and it comes back by itself."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest
from fakes.nvml.in_process import FakeNvml
from support.programs import wait_for
from support.promptness import within
from support.rented import Rented, unused
from support.watched_gpus import watched
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.metering.sqlite_ledger import SqliteLedger
from taximeter_exporter.web.health import problems

ONE, TWO = unused("GPU-1"), unused("GPU-2")
HUNG = replace(TWO, hang=True)


def test_the_others_go_on_it_is_told_in_time_and_comes_back(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    with watched(tmp_path, fake_nvml_libraries, ONE, TWO) as here:
        here.show(replace(ONE, utilization_percent=11), HUNG)
        wait_for(lambda: here.up == {"GPU-1": 1, "GPU-2": 0}, "GPU-2 is not down")
        with within(1):
            assert here.running.value("taximeter_gpu_info", uuid="GPU-2") == 1
        utilization = "taximeter_gpu_utilization_ratio"
        wait_for(lambda: here.running.values(utilization, uuid="GPU-1") == [0.11], "GPU-1 is not followed")
        wait_for(
            lambda: here.running.get("/readyz").body.startswith(b"GPU-2 is not read: no answer for"), "it stays ready"
        )
        assert here.running.get("/readyz").status == 503
        assert here.running.get("/healthz").status == 200
        cost = here.cost("GPU-2")
        wait_for(lambda: here.cost("GPU-2") > cost, "GPU-2 costs nothing while it hangs")
        here.show(ONE, TWO)
        wait_for(lambda: here.running.get("/readyz").status == 200, "GPU-2 does not come back")
        wait_for(lambda: here.up == {"GPU-1": 1, "GPU-2": 1}, "GPU-2 does not come back")


def test_sigterm_ends_it_within_a_second_with_everything_written(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    with watched(tmp_path, fake_nvml_libraries, ONE, TWO) as here:
        here.show(ONE, HUNG)
        wait_for(lambda: here.up["GPU-2"] == 0, "GPU-2 is not down")
        address = ("127.0.0.1", here.running.port)
        with closing(HTTPConnection(*address, timeout=120)) as idle, socket.create_connection(address) as slow:
            slow.sendall(b"POST /api/v1/runs HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n{")
            idle.request("GET", "/healthz")
            assert idle.getresponse().read() == b"ok\n"
            asked_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            with within(1):
                here.running.process.terminate()
                assert here.running.process.wait(timeout=120) == 0
            ended_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        with closing(SqliteLedger(here.ledger, readonly=True)) as ledger:
            booked = {cursor.booked_ns for cursor in ledger.cursors().values()}
        assert len(booked) == 1
        assert asked_ns < booked.pop() < ended_ns


def wrong(rented: Rented) -> list[str]:
    """What `/readyz` would say."""
    snapshot, state = rented.sampler.snapshot(), rented.meter.state()
    return problems(snapshot, state, now_ns=rented.clock.elapsed_ns(), interval_ns=NS_PER_SECOND)


@pytest.mark.parametrize("leased", [False, True])
def test_its_time_goes_on_to_the_nanosecond(tmp_path: Path, fake_nvml: FakeNvml, leased: bool) -> None:
    rented = Rented(tmp_path, fake_nvml, ONE, TWO)
    run = rented.register("GPU-2") if leased else None
    rented.pass_time(5, renew=run)
    assert rented.up == {"GPU-1": True, "GPU-2": True}
    rented.show(ONE, HUNG)
    with rented.hung(rented.sampler.devices[1]):
        rented.pass_time(3, hanging=["GPU-2"], renew=run)
        assert rented.up == {"GPU-1": True, "GPU-2": True}  # it may just be slow
        assert wrong(rented) == []
        rented.pass_time(1, hanging=["GPU-2"], renew=run)
        assert rented.up == {"GPU-1": True, "GPU-2": False}
        assert wrong(rented) == ["GPU-2 is not read: no answer for 4 s"]
        rented.pass_time(6, hanging=["GPU-2"], renew=run)
        rented.show(ONE, TWO)
    rented.pass_time(4, renew=run)
    assert rented.up == {"GPU-1": True, "GPU-2": True}
    if leased:
        expected = {("GPU-1", "idle"): 19, ("GPU-2", "active"): 19}
    else:
        # for three intervals its last reading holds; then nobody can tell whether it is in use
        expected = {("GPU-1", "idle"): 19, ("GPU-2", "idle"): 5 + 3 + 4, ("GPU-2", "unattributed"): 7}
    assert rented.seconds() == expected
    assert rented.spent() == 2 * 19
    rented.close()
