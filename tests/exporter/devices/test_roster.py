"""Which GPUs those must be that do not tell: from what is listed and what the ledger remembers."""

from __future__ import annotations

import pytest
from taximeter_exporter.devices.reading import Device, DeviceKind
from taximeter_exporter.devices.roster import Remembered, recall

ONE, TWO = (Device(uuid=f"GPU-{index}", kind=DeviceKind.GPU, index=str(index), model="H100") for index in (0, 1))


def remembered(**boots: str) -> list[Remembered]:
    """Each device by its UUID, with a line for the hyphen, and the boot it was metered in last."""
    return [
        Remembered(uuid=uuid.replace("_", "-"), model=f"model of {uuid[-1]}", boot_id=boot)
        for uuid, boot in boots.items()
    ]


@pytest.mark.parametrize("boot", ["now", "before"])
def test_the_one_that_is_missing_is_the_one_that_does_not_tell(boot: str) -> None:
    # after a reboot those that are listed tell that it was the same machine
    known = remembered(GPU_0=boot, GPU_1=boot, GPU_2=boot)
    (device,) = recall((ONE, TWO), {7}, known, boot_id="now")
    assert device == Device(uuid="GPU-2", kind=DeviceKind.GPU, index="7", model="model of 2")


def test_all_of_them_may_be_missing_in_one_boot() -> None:
    known = remembered(GPU_0="now", GPU_1="now")
    assert [(device.uuid, device.index) for device in recall((), {0, 1}, known, boot_id="now")] == [
        ("GPU-0", "?"),
        ("GPU-1", "?"),
    ]


@pytest.mark.parametrize(
    "known",
    [
        remembered(),
        remembered(GPU_0="now", GPU_1="now"),  # none is missing
        remembered(GPU_0="now", GPU_1="now", GPU_2="now", GPU_3="now"),  # it may be either
        remembered(GPU_0="now", GPU_1="now", GPU_2="before"),  # it has gone since
        remembered(GPU_2="before"),  # this may be another machine
        remembered(GPU_0="now", GPU_1="now", **{"volume:data": "now", "HOST_2": "now", "MIG_2": "now"}),
    ],
)
def test_nobody_can_tell(known: list[Remembered]) -> None:
    assert recall((ONE, TWO), {2}, known, boot_id="now") == ()


def test_a_gpu_that_is_listed_in_parts_is_not_missing() -> None:
    part = Device(uuid="MIG-1", kind=DeviceKind.GPU, index="1:0", model="H100", parent="GPU-1")
    known = remembered(GPU_0="now", GPU_1="now", MIG_1="now", GPU_2="now")
    assert [device.uuid for device in recall((ONE, part), {2}, known, boot_id="now")] == ["GPU-2"]
