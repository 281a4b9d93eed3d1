"""Reads one GPU, or one MIG instance, again and again: some each time, some now and then, and some seldom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pynvml

from taximeter_exporter.devices.nvml import possible, readings
from taximeter_exporter.devices.nvml.busy_time import BusyTime
from taximeter_exporter.devices.nvml.calls import Gpu, Known
from taximeter_exporter.devices.nvml.fields import Field, Fields
from taximeter_exporter.devices.nvml.gpm import Gpm
from taximeter_exporter.devices.nvml.links import NVLINK_KIB, PCIE_BYTES, LinkBytes
from taximeter_exporter.devices.nvml.processes import ProcessList
from taximeter_exporter.devices.nvml.standing import StandingReader, power_limit_watts
from taximeter_exporter.devices.nvml.throttle import COUNTED, Throttle
from taximeter_exporter.devices.nvml.xid_errors import XidErrors
from taximeter_exporter.devices.reading import NOTHING_STANDING, Device, ReadError, Reading

GLANCE_NS = 5_000_000_000
"""After so long what loses nothing by it is read again: what the driver itself counts or averages, and the clocks."""
STANDING_NS = 15_000_000_000
"""After so long what changes seldom is read again, and what was not supported is asked for again."""

_POWER_AVERAGE = Field(pynvml.NVML_FI_DEV_POWER_AVERAGE)
_POWER_INSTANT = Field(pynvml.NVML_FI_DEV_POWER_INSTANT)
_MEMORY_TEMPERATURE = Field(pynvml.NVML_FI_DEV_MEMORY_TEMP)
_FIELDS = (
    *(_POWER_AVERAGE, _POWER_INSTANT, _MEMORY_TEMPERATURE),
    *COUNTED.values(),
    *PCIE_BYTES.values(),
    *NVLINK_KIB.values(),
)


class _Glance(NamedTuple):
    """What is read now and then."""

    engine_utilization_ratios: Mapping[str, float] = {}
    power_instant_watts: float | None = None
    power_average_watts: float | None = None
    memory_temperature_celsius: float | None = None
    temperature_margin_celsius: float | None = None
    clocks_hertz: Mapping[str, float] = {}
    performance_state: int | None = None
    activity_ratios: Mapping[str, float] = {}
    pcie_bytes: Mapping[str, int] = {}
    nvlink_bytes: Mapping[str, int] = {}


class DeviceReader:
    """Reads for one thread at a time, and closes for any.

    Of a GPU in MIG mode the memory, the processes and the activity are its instances', which give them themselves: it
    gives none, so that a sum over all devices counts nothing twice. The instances give nothing else.
    """

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self.is_of_instance = False
        self._lock = threading.Lock()
        self._monotonic_ns = monotonic_ns
        self._driver = 0
        self._known = Known()
        self._processes = ProcessList()
        self._fields = Fields(_FIELDS)
        self._busy_time = BusyTime()
        self._throttle = Throttle()
        self._gpm = Gpm()
        self._link_bytes = LinkBytes()
        self._xid_errors = XidErrors()
        self._standing_reader = StandingReader()
        self._standing = NOTHING_STANDING
        self._power_limit_watts: float | None = None
        self._due_ns: int | None = None
        self._glance = _Glance()
        self._glance_due_ns = 0

    def read(self, device: Device, handle: Any, *, driver: int) -> Reading:
        """What the device answers now; `driver` counts how often NVML was started. Raises `ReadError`."""
        with self._lock:
            return self._read(device, handle, driver)

    def close(self) -> None:
        """Free what NVML has allocated for it; left to the end of the process while a reading hangs."""
        if self._lock.acquire(blocking=False):
            self._gpm.close()
            self._xid_errors.close()
            self._lock.release()

    def _read(self, device: Device, handle: Any, driver: int) -> Reading:
        self.is_of_instance = device.parent is not None
        if driver != self._driver:
            self._gpm.forget()
            self._xid_errors.forget()
            self._due_ns = None
            self._driver = driver
        now_ns = self._monotonic_ns()
        is_due = self._due_ns is None or now_ns >= self._due_ns
        if is_due:
            self._known.unsupported.clear()
            self._fields.ask_all_again()
        gpu = Gpu(handle, self._known)
        try:
            reading = self._instance(gpu, now_ns) if device.parent else self._gpu(gpu, device.remainder, now_ns, is_due)
            if gpu.refused and not gpu.answered:
                raise ReadError(f"no call was answered; {gpu.refused}")
        except ReadError as error:
            raise ReadError(str(error), xid_errors=self._xid_errors.counted) from error
        if is_due:
            self._due_ns = now_ns + STANDING_NS
        return reading

    def _instance(self, gpu: Gpu, now_ns: int) -> Reading:
        if now_ns >= self._glance_due_ns:
            self._glance = _Glance(activity_ratios=self._gpm.read(gpu, now_ns, is_instance=True))
            self._glance_due_ns = now_ns + GLANCE_NS
        memory = readings.memory(gpu)
        processes = self._processes.read(gpu)
        return Reading(
            memory_used_bytes=memory.used,
            memory_free_bytes=memory.free,
            memory_reserved_bytes=memory.reserved,
            memory_total_bytes=memory.total,
            activity_ratios=self._glance.activity_ratios,
            processes=processes,
            refused=self._known.refused,
        )

    def _gpu(self, gpu: Gpu, is_divided: bool, now_ns: int, is_due: bool) -> Reading:
        # first: a GPU that is lost has said why
        xid_errors = self._xid_errors.read(gpu)
        memory = readings.Memory() if is_divided else readings.memory(gpu)
        utilization = readings.utilization(gpu)
        power_watts, energy_joules = readings.power_watts(gpu), readings.energy_joules(gpu)
        temperature_celsius = readings.temperature_celsius(gpu)
        processes = None if is_divided else self._processes.read(gpu)
        if is_due or now_ns >= self._glance_due_ns:
            self._glance = self._look(gpu, now_ns)
            if is_divided:
                self._glance = self._glance._replace(activity_ratios={})
            self._glance_due_ns = now_ns + GLANCE_NS
        if is_due:
            self._throttle.look_up_supported(gpu)
            self._power_limit_watts = power_limit_watts(gpu)
            is_counted = bool(self._glance.pcie_bytes) or self._gpm.works
            self._standing = self._standing_reader.read(gpu, pcie_is_counted=is_counted)
        throttle, throttle_ns = self._throttle.read(gpu, now_ns)
        return Reading(
            utilization_ratio=utilization.gpu,
            memory_bandwidth_utilization_ratio=utilization.memory_bandwidth,
            busy_ns=self._busy_time.read(gpu, utilization.gpu, now_ns),
            memory_used_bytes=memory.used,
            memory_free_bytes=memory.free,
            memory_reserved_bytes=memory.reserved,
            memory_total_bytes=memory.total,
            power_watts=power_watts,
            power_limit_watts=self._power_limit_watts,
            energy_joules=energy_joules,
            temperature_celsius=temperature_celsius,
            throttle=throttle,
            throttle_ns=throttle_ns,
            xid_errors=xid_errors,
            refused=self._known.refused,
            processes=processes,
            standing=self._standing,
            **self._glance._asdict(),
        )

    def _look(self, gpu: Gpu, now_ns: int) -> _Glance:
        fields = self._fields.read(gpu)
        self._throttle.take_counters(gpu, fields)
        activity_ratios = self._gpm.read(gpu, now_ns)
        pcie_bytes, nvlink_bytes = self._link_bytes.read(gpu, fields, self._gpm.bytes)
        return _Glance(
            engine_utilization_ratios=readings.engine_utilization_ratios(gpu),
            power_instant_watts=_watts(gpu, "gpu_power_instant_watts", fields.get(_POWER_INSTANT)),
            power_average_watts=_watts(gpu, "gpu_power_average_watts", fields.get(_POWER_AVERAGE)),
            memory_temperature_celsius=gpu.possible(
                "gpu_memory_temperature_celsius", fields.get(_MEMORY_TEMPERATURE), possible.MEMORY_CELSIUS
            ),
            temperature_margin_celsius=readings.temperature_margin_celsius(gpu),
            clocks_hertz=readings.clocks_hertz(gpu),
            performance_state=readings.performance_state(gpu),
            activity_ratios=activity_ratios,
            pcie_bytes=pcie_bytes,
            nvlink_bytes=nvlink_bytes,
        )


def _watts(gpu: Gpu, reading: str, milliwatts: int | None) -> float | None:
    return gpu.scaled(reading, milliwatts, possible.MILLIWATTS, per=possible.MILLI)
