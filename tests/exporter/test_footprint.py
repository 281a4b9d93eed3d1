"""What a running exporter takes of the machine, and that it does not take more and more."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from bench.crowd import crowded
from bench.day import live
from bench.watched import Watched
from support.programs import exporter, wait_for, write_config

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")

OPENSSL = re.compile(r"/(?:libssl|libcrypto|_ssl\.|_hashlib\.)")


def test_openssl_is_loaded_for_tls_alone(tmp_path: Path) -> None:
    web_config = tmp_path / "web.yaml"
    web_config.write_text("{}\n", encoding="utf-8")
    loaded = {}
    for options in ((), ("--web.config.file", str(web_config))):
        with exporter(write_config(tmp_path), "--simulate", *options) as running:
            assert running.get("/metrics", Accept_Encoding="gzip").status == 200
            maps = Path(f"/proc/{running.process.pid}/maps").read_text(encoding="utf-8")
            loaded[bool(options)] = bool(OPENSSL.search(maps))
    assert loaded == {False: False, True: True}


def test_a_hundred_scrapers_at_once_are_all_answered_and_leave_nothing_behind(tmp_path: Path) -> None:
    with exporter(write_config(tmp_path), "--simulate") as running:
        running.call("POST", "/api/v1/runs", {"run": "r", "project": "demo"})
        wait_for(lambda: running.values("taximeter_run_active", run="r"), "the run is not shown")
        watched = Watched(running.process.pid)
        crowded(running.port, watched, scrapers=100, seconds=0.5, least=200)
        figures = crowded(running.port, watched, scrapers=100, seconds=4, least=800)
    assert figures["scrapes"] >= 800
    assert figures["errors"] == {}
    assert figures["late_bytes"] <= 1.05 * figures["early_bytes"]
    assert figures["threads_after"] <= figures["threads_before"]
    assert figures["descriptors_after"] <= figures["descriptors_before"]


def test_samples_runs_and_periods_that_pass_leave_nothing_behind(tmp_path: Path) -> None:
    figures = live(tmp_path, seconds=480, run_seconds=60)
    assert figures["runs"] == 64
    assert figures["growth_ratio"] < 0.05
    # what other tests left behind may go meanwhile
    assert figures["end"]["threads"] <= figures["half"]["threads"]
    assert figures["end"]["descriptors"] <= figures["half"]["descriptors"]
