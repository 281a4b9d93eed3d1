"""What dcgm-exporter's names say is what our own metrics say, under the names, types and units that it has."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.nvml.build import build as build_nvml
from fakes.nvml.build import environment
from fakes.nvml.scenario import FakeGpu, FakeInstance, Scenario
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from support.h100 import ACTIVITY, WHOLE
from support.programs import CONFIG, exporter, write_config
from taximeter_exporter.config.dcgm_names import DcgmNames
from taximeter_exporter.devices.reading import Device, DeviceKind, Reading, Sample, Standing
from taximeter_exporter.web.dcgm import DcgmSamples, specs
from taximeter_exporter.web.metrics import ALL
from taximeter_exporter.web.rendering import Renderer

READING = replace(
    WHOLE,
    activity_ratios=ACTIVITY,
    xid_errors={13: 2, 79: 1},
    standing=replace(WHOLE.standing, pcie_bytes_per_second={"transmit": 1.5e6, "receive": 2.5e6}),
)
GPU = Device(uuid="GPU-1", kind=DeviceKind.GPU, index="3", model="NVIDIA H100 80GB HBM3", driver_version="570.86.15")

# each name up to 4.8 with its type and unit in dcgm-exporter's default-counters.csv (and dcgm_fields.h), what it is
# here, then the name since 4.9 with what it is; by hand, from what the fake GPU answers
FACTS: dict[str, tuple[str, str, float, str, float]] = {
    "DEV_SM_CLOCK": ("gauge", "MHz", 1740, "DEV_SM_CLOCK_HERTZ", 1_740_000_000),
    "DEV_MEM_CLOCK": ("gauge", "MHz", 2619, "DEV_MEMORY_CLOCK_HERTZ", 2_619_000_000),
    "DEV_MEMORY_TEMP": ("gauge", "celsius", 58, "DEV_MEMORY_TEMP_CELSIUS", 58),
    "DEV_GPU_TEMP": ("gauge", "celsius", 61, "DEV_GPU_TEMP_CELSIUS", 61),
    "DEV_POWER_USAGE": ("gauge", "watts", 512.5, "DEV_BOARD_POWER_WATTS", 512.5),
    "DEV_ENFORCED_POWER_LIMIT": ("gauge", "watts", 700, "DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS", 700),
    "DEV_TOTAL_ENERGY_CONSUMPTION": ("counter", "mJ", 123_456_789, "DEV_GPU_ENERGY_JOULES_TOTAL", 123_456.789),
    "DEV_PCIE_REPLAY_COUNTER": ("counter", "", 2, "DEV_PCIE_REPLAY_TOTAL", 2),
    "DEV_GPU_UTIL": ("gauge", "percent", 83, "DEV_GPU_UTIL_RATIO", 0.83),
    "DEV_MEM_COPY_UTIL": ("gauge", "percent", 41, "DEV_MEMORY_UTIL_RATIO", 0.41),
    "DEV_ENC_UTIL": ("gauge", "percent", 1, "DEV_ENC_UTIL_RATIO", 0.01),
    "DEV_DEC_UTIL": ("gauge", "percent", 12, "DEV_DEC_UTIL_RATIO", 0.12),
    "DEV_XID_ERRORS": ("gauge", "", 79, "DEV_XID_ERROR", 79),
    "DEV_FB_FREE": ("gauge", "MiB", 19_456, "DEV_FB_FREE_BYTES", 19 * 2**30),
    "DEV_FB_USED": ("gauge", "MiB", 61_440, "DEV_FB_USED_BYTES", 60 * 2**30),
    "DEV_FB_RESERVED": ("gauge", "MiB", 1024, "DEV_FB_RESERVED_BYTES", 2**30),
    "DEV_FB_TOTAL": ("gauge", "MiB", 81_920, "DEV_FB_CAPACITY_BYTES", 80 * 2**30),
    "DEV_ECC_SBE_VOL_TOTAL": ("counter", "", 3, "DEV_ECC_SBE_VOL_TOTAL", 3),
    "DEV_ECC_DBE_VOL_TOTAL": ("counter", "", 0, "DEV_ECC_DBE_VOL_TOTAL", 0),
    "DEV_ECC_SBE_AGG_TOTAL": ("counter", "", 5, "DEV_ECC_SBE_AGG_TOTAL", 5),
    "DEV_ECC_DBE_AGG_TOTAL": ("counter", "", 1, "DEV_ECC_DBE_AGG_TOTAL", 1),
    "DEV_RETIRED_SBE": ("counter", "", 4, "DEV_PAGE_RETIRED_SBE_TOTAL", 4),
    "DEV_RETIRED_DBE": ("counter", "", 1, "DEV_PAGE_RETIRED_DBE_TOTAL", 1),
    "DEV_RETIRED_PENDING": ("counter", "", 0, "DEV_PAGE_RETIRED_PENDING", 0),
    "DEV_UNCORRECTABLE_REMAPPED_ROWS": ("counter", "", 1, "DEV_ROW_REMAP_UNCORRECTABLE_TOTAL", 1),
    "DEV_CORRECTABLE_REMAPPED_ROWS": ("counter", "", 2, "DEV_ROW_REMAP_CORRECTABLE_TOTAL", 2),
    "DEV_ROW_REMAP_FAILURE": ("gauge", "", 0, "DEV_ROW_REMAP_FAILED", 0),
    "DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL": ("counter", "", 10, "DEV_NVLINK_CRC_FLIT_ERROR_TOTAL", 10),
    "DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL": ("counter", "", 20, "DEV_NVLINK_CRC_DATA_ERROR_TOTAL", 20),
    "PROF_GR_ENGINE_ACTIVE": ("gauge", "ratio (0–1)", 0.88, "PROF_GR_ENGINE_UTIL_RATIO", 0.88),
    "PROF_SM_ACTIVE": ("gauge", "ratio (0–1)", 0.715, "PROF_SM_UTIL_RATIO", 0.715),
    "PROF_SM_OCCUPANCY": ("gauge", "ratio (0–1)", 0.4325, "PROF_SM_OCCUPANCY_RATIO", 0.4325),
    "PROF_PIPE_TENSOR_ACTIVE": ("gauge", "ratio (0–1)", 0.385, "PROF_TENSOR_UTIL_RATIO", 0.385),
    "PROF_DRAM_ACTIVE": ("gauge", "ratio (0–1)", 0.52, "PROF_DRAM_UTIL_RATIO", 0.52),
    "PROF_PIPE_FP64_ACTIVE": ("gauge", "ratio (0–1)", 0.0, "PROF_FP64_UTIL_RATIO", 0.0),
    "PROF_PIPE_FP32_ACTIVE": ("gauge", "ratio (0–1)", 0.065, "PROF_FP32_UTIL_RATIO", 0.065),
    "PROF_PIPE_FP16_ACTIVE": ("gauge", "ratio (0–1)", 0.025, "PROF_FP16_UTIL_RATIO", 0.025),
    "PROF_PCIE_TX_BYTES": ("gauge", "bytes per second", 1.5e6, "PROF_PCIE_TX_BYTES", 1.5e6),
    "PROF_PCIE_RX_BYTES": ("gauge", "bytes per second", 2.5e6, "PROF_PCIE_RX_BYTES", 2.5e6),
}
BASE_UNITS = {"MHz": "hertz", "mJ": "joules", "MiB": "bytes", "percent": "ratio (0–1)"}


def said(names: DcgmNames, *samples: Sample) -> dict[str, float]:
    """The one value of each metric that has any."""
    shown = {spec.series_name: values for spec, values in DcgmSamples(names, hostname="box-1")(samples) if values}
    assert {len(values) for values in shown.values()} <= {1}
    return {name.removeprefix("DCGM_FI_"): values[0][1] for name, values in shown.items()}


def sample(reading: Reading | None, device: Device = GPU) -> Sample:
    return Sample(device=device, reading=reading, xid_errors={} if reading is None else reading.xid_errors)


def test_every_name_has_the_type_the_unit_and_the_value_that_it_has_with_dcgm() -> None:
    legacy = {name: value for name, (_, _, value, _, _) in FACTS.items()}
    current = {name: value for _, _, _, name, value in FACTS.values()}
    assert said(DcgmNames.LEGACY, sample(READING)) == pytest.approx(legacy, rel=1e-12)
    assert said(DcgmNames.CURRENT, sample(READING)) == pytest.approx(current, rel=1e-12)
    assert said(DcgmNames.BOTH, sample(READING)) == pytest.approx(legacy | current, rel=1e-12)
    declared = {
        name.name.removeprefix("DCGM_FI_"): (spec.kind, name.unit.words) for _, name, spec in specs(DcgmNames.BOTH)
    }
    for name, (kind, unit, _, new, _) in FACTS.items():
        assert declared[name] == (kind, unit)
        assert declared[new] == (kind, BASE_UNITS.get(unit, unit))


def test_each_says_a_metric_of_ours_once_more() -> None:
    ours = {spec.series_name.removeprefix("taximeter_") for spec in ALL}
    assert {field.ours for field, _, _ in specs(DcgmNames.BOTH)} <= ours


def test_no_reading_no_series() -> None:
    nothing = Reading(standing=Standing())
    assert said(DcgmNames.BOTH, sample(None)) == said(DcgmNames.BOTH, sample(nothing)) == {}


def test_labels_of_each_choice() -> None:
    common = r'device="nvidia3",gpu="3",hostname="box-1",modelName="NVIDIA H100 80GB HBM3"'
    instances = 'GPU_I_ID="",GPU_I_PROFILE=""'
    for names, more in {
        DcgmNames.LEGACY: f'DCGM_FI_DRIVER_VERSION="570.86.15",{instances},Hostname="box-1",UUID="GPU-1",{common}',
        DcgmNames.CURRENT: f'DCGM_FI_SYSTEM_DRIVER_VERSION="570.86.15",{instances},UUID="GPU-1",{common}',
    }.items():
        metrics = DcgmSamples(names, hostname="box-1")([sample(READING)])
        text = Renderer().render(metrics, simulated=False).body(openmetrics=False, compressed=False).decode()
        assert {line.partition("{")[2].partition("}")[0] for line in text.splitlines() if line[0] != "#"} == {more}


def test_off_by_default_and_carried_by_nobody_who_does_not_ask(tmp_path: Path) -> None:
    with exporter(write_config(tmp_path), "--simulate") as running:
        assert b"DCGM_FI" not in running.get("/metrics").body
    for names in ("NONE", "BOTH"):
        code = (
            "import sys; from taximeter_exporter.web.scrape import DcgmNames, Scrape;"
            f"Scrape(None, None, None, None, process_metrics=False, dcgm_metrics=DcgmNames.{names});"
            "print('taximeter_exporter.web.dcgm' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == f"{names != 'NONE'}\n"


def test_simulated_ones_say_so_in_both_formats(tmp_path: Path) -> None:
    with exporter(write_config(tmp_path, f"dcgm_metrics: both\n{CONFIG}"), "--simulate") as running:
        text = running.get("/metrics", Accept="text/plain").body.decode()
        openmetrics = running.get("/metrics", Accept="application/openmetrics-text; version=1.0.0").body.decode()
        lines = [line for line in text.splitlines() if line.startswith("DCGM_FI")]
        assert lines
        assert all('simulated="true"' in line for line in lines)
        families = {family.name: family.type for family in parse_text(text)}
        assert families["DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"] == "counter"
        strict = {family.name: family.type for family in parse_openmetrics(openmetrics)}  # type: ignore[no-untyped-call]
        assert strict["DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"] == "unknown"
        assert strict["DCGM_FI_DEV_GPU_UTIL"] == "gauge"
        assert {name for name in strict if "DCGM" in name} == {name for name in families if "DCGM" in name}
        busy = running.metrics()
        for gpu in range(8):
            uuid = next(dict(labels)["uuid"] for (name, labels) in busy if ("gpu", str(gpu)) in labels and "up" in name)
            used = running.value("DCGM_FI_DEV_FB_CAPACITY_BYTES", UUID=uuid)
            assert used == running.value("taximeter_gpu_memory_total_bytes", uuid=uuid)


def test_mig_instances_by_their_gpus_uuid(tmp_path: Path, fake_nvml_libraries: Path) -> None:
    scenario = tmp_path / "scenario"
    instances = (FakeInstance(uuid="MIG-a", gpu_instance=7), FakeInstance(uuid="MIG-b", gpu_instance=9))
    Scenario(gpus=(FakeGpu(mig=True, instances=instances),)).write(scenario)
    environ = environment(build_nvml(fake_nvml_libraries), scenario)
    with exporter(write_config(tmp_path, f"dcgm_metrics: current\n{CONFIG}"), environ=environ) as running:
        used = {
            (dict(labels)["UUID"], dict(labels)["GPU_I_ID"], dict(labels)["GPU_I_PROFILE"]): value
            for (name, labels), value in running.metrics().items()
            if name == "DCGM_FI_DEV_FB_USED_BYTES"
        }
        gpu = FakeGpu().uuid
        assert used == {(gpu, "7", "1g.10gb"): 2 * 2**30, (gpu, "9", "1g.10gb"): 2 * 2**30}
        assert running.value("taximeter_mig_instance_info", uuid="MIG-b", gpu_uuid=gpu, gpu_instance="9") == 1
        text = running.get("/metrics").body.decode()
        assert len(re.findall(r"^DCGM_FI_DEV_BOARD_POWER_WATTS\{", text, re.MULTILINE)) == 1
