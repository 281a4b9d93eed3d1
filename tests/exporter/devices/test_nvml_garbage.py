"""Whatever the driver answers: a reading is of possible values, and what is shown is finite and in its unit."""

from __future__ import annotations

import math

from fakes.nvml.h100 import RAW
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeGpu, FakeProcess
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.nvml_readings import watch
from taximeter_exporter.devices.reading import ReadError, Sample, Snapshot
from taximeter_exporter.web.exposition import device_samples, process_samples

UNSIGNED = st.one_of(
    st.sampled_from((0, 1, 100, 101, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)),
    st.integers(0, 2**64 - 1),
)
FIELD = st.one_of(
    UNSIGNED.map(str),
    UNSIGNED.map(lambda value: f"uint:{value % 2**32}"),
    st.integers(-(2**31), 2**31 - 1).map(lambda value: f"int:{value}"),
    st.floats(width=64).map(lambda value: f"double:{value!r}"),
)
PERCENT = st.floats(width=64).map(repr)
SAMPLES = st.lists(st.tuples(UNSIGNED, UNSIGNED), max_size=5).map(
    lambda samples: " ".join(f"{stamp}:{value % 2**32}" for stamp, value in samples)
)
XIDS = st.lists(UNSIGNED, max_size=3).map(lambda codes: " ".join(f"{n + 1}:{code}" for n, code in enumerate(codes)))


def value_of(key: str) -> st.SearchStrategy[str]:
    if key.startswith("field."):
        return FIELD
    if key.startswith("gpm."):
        return PERCENT
    return {"utilization_samples": SAMPLES, "xids": XIDS}.get(key, UNSIGNED.map(str))


# the samples of processes are those of the processes that are there
KEYS = sorted(RAW.keys() - {"process_utilization"})
MAYBE = {key: st.one_of(st.none(), value_of(key)) for key in KEYS}
LIMITS = {
    "ratio (0–1)": (0, 2),
    "watts": (0, 100_000),
    "celsius": (-150, 200),
    "hertz": (0, 20e9),
    "bytes": (0, 2**63 * 1024),
    "bytes per second": (0, 1e12),
}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    raw=st.fixed_dictionaries(MAYBE),
    basics=st.lists(st.one_of(st.none(), UNSIGNED), min_size=9, max_size=9),
    pids=st.lists(st.tuples(st.integers(1, 2**31), st.one_of(st.none(), UNSIGNED)), max_size=4),
)
def test_nothing_impossible_is_ever_shown(
    fake_nvml: FakeNvml,
    raw: dict[str, str | None],
    basics: list[int | None],
    pids: list[tuple[int, int | None]],
) -> None:
    gpu = FakeGpu(
        utilization_percent=basics[0],
        memory_total_bytes=basics[1],
        memory_used_bytes=basics[2],
        memory_free_bytes=basics[3],
        memory_reserved_bytes=basics[4],
        power_milliwatts=basics[5],
        power_limit_milliwatts=basics[6],
        energy_millijoules=basics[7],
        temperature_celsius=basics[8],
        processes=tuple(FakeProcess(pid=pid, memory_bytes=used) for pid, used in pids),
        raw={**RAW, **raw},
    )
    with watch(fake_nvml) as watched:
        watched.read()
        watched.answer(gpu)
        for after_seconds in (1, 5, 15):
            try:
                reading = watched.read(after_seconds=after_seconds)
            except ReadError:
                continue
            sample = Sample(device=watched.device, reading=reading, xid_errors=reading.xid_errors)
            snapshot = Snapshot(samples=(sample,), collect_success=True, last_success_time_ns=None, duration_ns=0)
            for spec, samples in (*device_samples(snapshot.samples), *process_samples(snapshot)):
                low, high = LIMITS.get(spec.unit, (0, math.inf))
                for _, value in samples:
                    assert math.isfinite(value)
                    assert low <= value <= high, spec.name
