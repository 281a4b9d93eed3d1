"""What is wrong is shown by the running exporter at once, and no longer than it is: GPUs are the fake library's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fakes.nvml.h100 import RAW
from support.programs import CONFIG, wait_for
from support.rented import unused
from support.watched_gpus import Watched, watched
from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.devices.nvml.throttle import COUNTED

WELL = {**RAW, "remapped_pending": 0}
ONE, TWO = unused("GPU-1", raw=WELL), unused("GPU-2", raw=WELL)
SLOWDOWN_CELSIUS = 94
"""What `RAW` says."""


def conditions(here: Watched, name: str = "taximeter_gpu_condition") -> Mapping[str, set[str]]:
    """Those that hold, by the UUID of the device."""
    found: dict[str, set[str]] = {}
    for (series, labels), value in here.running.metrics().items():
        if series == name:
            assert value == 1
            found.setdefault(dict(labels)["uuid"], set()).add(dict(labels)["condition"])
    return found


def test_while_all_is_well_there_is_no_series(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    with watched(tmp_path, fake_nvml_libraries, ONE, TWO, config=CONFIG + "price_max_age: 3650d\n") as here:
        body = here.running.get("/metrics").body
        assert b"taximeter_gpu_temperature_celsius{" in body
        assert b"_condition" not in body
        assert b"taximeter_recent_gap_seconds" not in body
        assert b"taximeter_gpu_ecc_uncorrected_errors" not in body


def test_hot_and_lost_gpus_until_they_are_well_again(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    with watched(tmp_path, fake_nvml_libraries, ONE, TWO) as here:
        here.show(replace(ONE, temperature_celsius=SLOWDOWN_CELSIUS), TWO)
        wait_for(lambda: conditions(here) == {"GPU-1": {"hot"}}, "GPU-1 is not hot")
        assert here.running.value("taximeter_gpu_condition", uuid="GPU-1", gpu="0", condition="hot") == 1
        here.show(replace(ONE, temperature_celsius=SLOWDOWN_CELSIUS, lost=True), TWO)
        wait_for(lambda: conditions(here) == {"GPU-1": {"down"}}, "GPU-1 is not down, or still hot")
        here.show(replace(ONE, temperature_celsius=SLOWDOWN_CELSIUS - 1), TWO)
        wait_for(lambda: conditions(here) == {}, "GPU-1 is not well again")


def test_a_gpu_that_heat_slows_down(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    """As the driver counts it, which is asked every five seconds."""
    counter = f"field.{COUNTED['hw_thermal_slowdown'].id}"
    assert counter in WELL
    with watched(tmp_path, fake_nvml_libraries, ONE, TWO) as here:
        here.show(replace(ONE, raw={**WELL, counter: 76 * NS_PER_SECOND}), TWO)
        wait_for(lambda: conditions(here) == {"GPU-1": {"slowed_down"}}, "GPU-1 is not slowed down")


def test_what_is_wrong_from_the_start_is_shown_again_after_a_restart(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    ill = replace(ONE, raw={**RAW, "remapped_failure": 1, "ecc.1.0": 2})
    for _ in range(2):
        with watched(tmp_path, fake_nvml_libraries, ill, TWO) as here:
            assert conditions(here) == {"GPU-1": {"row_remap_failed", "repair_pending"}}
            assert here.running.value("taximeter_gpu_ecc_uncorrected_errors_total", uuid="GPU-1") == 2
    # of two devices, and found by the second exporter
    with watched(tmp_path, fake_nvml_libraries, ONE, TWO) as here:
        assert here.running.value("taximeter_recent_gap_seconds") > 0


def test_a_price_that_is_old_or_missing(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    config = CONFIG.replace("gpus: 8", "gpus: 1").replace("2026-01-01", "2019-01-01") + "price_max_age: 30d\n"
    with watched(tmp_path, fake_nvml_libraries, ONE, config=config) as here:
        assert conditions(here, "taximeter_price_condition") == {"GPU-1": {"stale"}}
        here.show(ONE, TWO)
        both = {"GPU-1": {"stale"}, "GPU-2": {"missing"}}
        wait_for(lambda: conditions(here, "taximeter_price_condition") == both, "GPU-2 has a price")
