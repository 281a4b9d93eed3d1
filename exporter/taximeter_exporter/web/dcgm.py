"""The readings of GPUs by dcgm-exporter's names and labels, for dashboards and alerts that people already have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from taximeter_exporter.config.dcgm_names import DcgmNames
from taximeter_exporter.devices.reading import Device, DeviceKind, Sample
from taximeter_exporter.web.metrics.dcgm import FIELDS, DcgmField, Name
from taximeter_exporter.web.metrics.spec import MetricSpec, Samples

LABELS = ("gpu", "UUID", "device", "modelName", "GPU_I_PROFILE", "GPU_I_ID", "hostname")
"""Of every series. Of a MIG instance `UUID` is its GPU's, as dcgm-exporter has it; elsewhere `GPU_I_…` are empty."""
LEGACY_LABELS = ("Hostname", "DCGM_FI_DRIVER_VERSION")
"""Besides, where the names up to 4.8 are wanted: 4.8.3 made `hostname` of `Hostname`."""
CURRENT_LABELS = ("DCGM_FI_SYSTEM_DRIVER_VERSION",)
"""Besides, where those since 4.9 are."""


class _Metric(NamedTuple):
    spec: MetricSpec
    value: Callable[[Sample], float | None]


def specs(names: DcgmNames) -> Iterator[tuple[DcgmField, Name, MetricSpec]]:
    """Every metric that is shown: its quantity, its name, and what is declared of it. No name comes twice."""
    labels = (
        *LABELS,
        *(LEGACY_LABELS if names.legacy else ()),
        *(CURRENT_LABELS if names.current else ()),
    )
    for field in FIELDS:
        wanted = [field.legacy] * names.legacy + [field.current] * names.current
        for name in dict.fromkeys(wanted):
            source = f"`taximeter_{field.ours}`; the name: {name.source}"
            spec = MetricSpec(
                name.name, field.help, source, labels, counter=field.counter, prefix="", bare=field.counter
            )
            yield field, name, spec


class DcgmSamples:
    """Says what there is of each GPU by these names."""

    def __init__(self, names: DcgmNames, *, hostname: str) -> None:
        self._names = names
        self._hostname = hostname
        self._metrics = tuple(_Metric(spec, _in_unit(field, name)) for field, name, spec in specs(names))

    def __call__(self, samples: Iterable[Sample]) -> Iterator[tuple[MetricSpec, Samples]]:
        """Every metric with its readings; there may be none."""
        gpus = [(self._labels(sample.device), sample) for sample in samples if sample.device.kind is DeviceKind.GPU]
        for spec, value_of in self._metrics:
            values = ((labels, value_of(sample)) for labels, sample in gpus)
            yield spec, [(labels, value) for labels, value in values if value is not None]

    def _labels(self, device: Device) -> tuple[str, ...]:
        index = device.index.partition(":")[0]
        instance = "" if device.mig_gpu_instance is None else str(device.mig_gpu_instance)
        driver = device.driver_version or ""
        return (
            *(index, device.gpu, f"nvidia{index}", device.model, device.mig_profile or "", instance, self._hostname),
            *((self._hostname, driver) if self._names.legacy else ()),
            *((driver,) if self._names.current else ()),
        )


def _in_unit(field: DcgmField, name: Name) -> Callable[[Sample], float | None]:
    def value(sample: Sample) -> float | None:
        read = field.value(sample)
        return None if read is None else name.unit.of(read)

    return value
