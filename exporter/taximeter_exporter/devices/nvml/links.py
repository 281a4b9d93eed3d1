"""PCIe and NVLink: what passes over them, whether they stand, and what went wrong on them."""

from __future__ import annotations

from collections.abc import Mapping

import pynvml

from taximeter_exporter.devices.nvml import possible
from taximeter_exporter.devices.nvml.calls import Gpu
from taximeter_exporter.devices.nvml.fields import ALL_LINKS, Field

PCIE_BYTES = {
    "transmit": Field(pynvml.NVML_FI_DEV_PCIE_COUNT_TX_BYTES, wide=True),
    "receive": Field(pynvml.NVML_FI_DEV_PCIE_COUNT_RX_BYTES, wide=True),
}
NVLINK_KIB = {
    "transmit": Field(pynvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX, ALL_LINKS),
    "receive": Field(pynvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX, ALL_LINKS),
}
NVLINK_ERRORS = {
    "crc_flit": Field(pynvml.NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL),
    "crc_data": Field(pynvml.NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL),
    "replay": Field(pynvml.NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL),
    "recovery": Field(pynvml.NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL),
    "ecc": Field(pynvml.NVML_FI_DEV_NVLINK_ECC_DATA_ERROR_COUNT_TOTAL),
}
"""Over all links."""

_KILO = 1000
_KIB = 1024
_PCIE_COUNTERS = {"transmit": pynvml.NVML_PCIE_UTIL_TX_BYTES, "receive": pynvml.NVML_PCIE_UTIL_RX_BYTES}


class LinkBytes:
    """What has passed over the links of one GPU: by the driver's counters, or by what GPM measures.

    Which of them it is shows with the first reading, and stays so: a counter must not jump from one to the other.
    """

    def __init__(self) -> None:
        self._counted: frozenset[Field] | None = None

    def read(
        self, gpu: Gpu, fields: Mapping[Field, int], measured: Mapping[tuple[str, str], int]
    ) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Over PCIe and over NVLink, in bytes, by the direction."""
        if self._counted is None:
            self._counted = frozenset(fields)
        pcie, nvlink = {}, {}
        for direction, field in PCIE_BYTES.items():
            count = gpu.possible("gpu_pcie_bytes", fields.get(field), possible.COUNT)
            if field not in self._counted:
                count = measured.get(("pcie", direction))
            if count is not None:
                pcie[direction] = count
        for direction, field in NVLINK_KIB.items():
            kib = gpu.possible("gpu_nvlink_bytes", fields.get(field), possible.KIB)
            count = None if kib is None else kib * _KIB
            if field not in self._counted:
                count = measured.get(("nvlink", direction))
            if count is not None:
                nvlink[direction] = count
        return pcie, nvlink


def pcie_bytes_per_second(gpu: Gpu) -> Mapping[str, float]:
    """What passes just now. Each direction takes the driver 20 ms."""
    rates = {}
    for direction, counter in _PCIE_COUNTERS.items():
        kilobytes = gpu.ask_besides("nvmlDeviceGetPcieThroughput", counter)
        kilobytes = gpu.possible("gpu_pcie_bytes_per_second", kilobytes, possible.KILOBYTES_PER_SECOND)
        if kilobytes is not None:
            rates[direction] = float(kilobytes * _KILO)
    return rates


def nvlinks(gpu: Gpu) -> tuple[int | None, int | None]:
    """How many links there are, and how many of them stand; (`None`, `None`) on a GPU without."""
    states = []
    for link in range(pynvml.NVML_NVLINK_MAX_LINKS):
        state = gpu.ask_besides("nvmlDeviceGetNvLinkState", link)
        if state is None:
            break
        states.append(gpu.possible("gpu_nvlink_links_active", state, possible.FLAG))
    if not states or None in states:
        return (len(states) or None), None
    return len(states), states.count(1)


def nvlink_errors(gpu: Gpu, fields: Mapping[Field, int]) -> Mapping[str, int]:
    """Since the driver was loaded, by their kind."""
    errors = {}
    for kind, field in NVLINK_ERRORS.items():
        count = gpu.possible("gpu_nvlink_errors", fields.get(field), possible.COUNT)
        if count is not None:
            errors[kind] = count
    return errors
