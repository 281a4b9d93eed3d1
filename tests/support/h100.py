"""The reading of the fake GPU that is like an H100 (`fakes/nvml/h100.py`): its first one."""

from __future__ import annotations

from fakes.nvml.scenario import GIB
from taximeter_exporter.devices.reading import Process, Reading, Standing

STANDING = Standing(
    power_default_limit_watts=700.0,
    power_min_limit_watts=200.0,
    power_max_limit_watts=710.0,
    temperature_thresholds_celsius={"shutdown": 97, "slowdown": 94, "memory_max": 105, "gpu_max": 90},
    temperature_margin_limits_celsius={"shutdown": -8, "slowdown": -2, "memory_max": 0, "gpu_max": 0},
    clocks_max_hertz={"graphics": 1.98e9, "sm": 1.965e9, "memory": 2.619e9, "video": 1.845e9},
    fan_speed_ratios={"0": 0.4, "1": 1.05},
    bar1_memory_used_bytes=2**20,
    bar1_memory_free_bytes=2**37 - 2**20,
    bar1_memory_total_bytes=2**37,
    pcie_generation=4,
    pcie_max_generation=5,
    pcie_width=8,
    pcie_max_width=16,
    pcie_replays=2,
    nvlinks=3,
    nvlinks_active=2,
    nvlink_errors={"crc_flit": 10, "crc_data": 20, "replay": 30, "recovery": 0, "ecc": 5},
    ecc_enabled=True,
    ecc_errors={"corrected": 3, "uncorrected": 0},
    ecc_lifetime_errors={"corrected": 5, "uncorrected": 1},
    retired_pages={"multiple_single_bit": 4, "double_bit": 1},
    retired_pages_pending=False,
    remapped_rows={"corrected": 2, "uncorrected": 1},
    remapped_rows_pending=True,
    row_remap_failed=False,
)

THROTTLE = {
    "gpu_idle": False,
    "applications_clocks_setting": False,
    "sw_power_cap": True,
    "hw_slowdown": False,
    "sync_boost": False,
    "sw_thermal_slowdown": False,
    "hw_thermal_slowdown": False,
    "hw_power_brake_slowdown": False,
    "display_clock_setting": False,
}

WHOLE = Reading(
    utilization_ratio=0.83,
    memory_bandwidth_utilization_ratio=0.41,
    engine_utilization_ratios={"encoder": 0.01, "decoder": 0.12, "jpeg": 0.07, "ofa": 0.0},
    busy_ns=0,
    memory_used_bytes=60 * GIB,
    memory_free_bytes=19 * GIB,
    memory_reserved_bytes=1 * GIB,
    memory_total_bytes=80 * GIB,
    power_watts=512.5,
    power_instant_watts=530.5,
    power_average_watts=505.0,
    power_limit_watts=700.0,
    energy_joules=123456.789,
    temperature_celsius=61,
    memory_temperature_celsius=58,
    temperature_margin_celsius=29,
    clocks_hertz={"graphics": 1.755e9, "sm": 1.74e9, "memory": 2.619e9, "video": 1.575e9},
    performance_state=0,
    throttle=THROTTLE,
    throttle_ns=dict.fromkeys(THROTTLE, 0) | {"sw_power_cap": 7_000_000_000, "sw_thermal_slowdown": 1_500_000_000},
    pcie_bytes={"transmit": 123_456_789_000, "receive": 987_654_321_000},
    nvlink_bytes={"transmit": 1_024_000_000, "receive": 2_048_000_000},
    processes=(Process(pid=4242, memory_used_bytes=GIB, sm_percent=80),),
    standing=STANDING,
)
"""A second one a second later also has `ACTIVITY`."""

ACTIVITY = {
    "gpu_graphics_activity_ratio": 0.88,
    "gpu_sm_activity_ratio": 0.715,
    "gpu_sm_occupancy_ratio": 0.4325,
    "gpu_integer_activity_ratio": 0.09,
    "gpu_tensor_activity_ratio": 0.385,
    "gpu_dram_activity_ratio": 0.52,
    "gpu_fp64_activity_ratio": 0.0,
    "gpu_fp32_activity_ratio": 0.065,
    "gpu_fp16_activity_ratio": 0.025,
}
