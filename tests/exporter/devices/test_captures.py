"""Every capture in tests/captures says what its expected file says.

With TAXIMETER_WRITE_CAPTURES=1 the expected files are written, and the capture of the fake library, whose name begins
with `fake`, is recorded anew. One of a real machine is made there: `taximeter-exporter capture`.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import enumerate as enumerate_threads
from typing import Any

import pynvml
import pytest
from fakes.nvml.in_process import FakeNvml
from fakes.nvml.scenario import FakeGpu, FakeInstance, FakeProcess, FakeSample, Scenario
from support.programs import wait_for
from support.replayed_nvml import replayed, samples_of
from taximeter_exporter.cli.capture import to_text
from taximeter_exporter.cli.main import main
from taximeter_exporter.devices import nvml
from taximeter_exporter.devices.nvml.capture import FORMAT, Recorder, capture
from taximeter_exporter.devices.nvml.nameless import NAMELESS
from taximeter_exporter.devices.reading import Sample
from taximeter_exporter.web.exposition import device_samples
from taximeter_exporter.web.rendering import Renderer

CAPTURES = Path(__file__).resolve().parents[2] / "captures"
PATHS = sorted(CAPTURES.glob("*.json"))
WRITE = os.environ.get("TAXIMETER_WRITE_CAPTURES") == "1"

UUIDS = ("GPU-f0e1d2c3-aaaa-bbbb-cccc-0123456789ab", "GPU-99887766-dddd-eeee-ffff-ba9876543210")
INSTANCE = "MIG-13579bdf-1111-2222-3333-2468ace02468"
PID = 987_654
FAKE = Scenario(
    gpus=(
        FakeGpu(
            uuid=UUIDS[0],
            processes=(FakeProcess(pid=PID),),
            samples=(FakeSample(pid=PID, timestamp_us=1_000_000, sm_percent=80),),
        ),
        FakeGpu(
            uuid=UUIDS[1],
            mig=True,
            power_milliwatts=None,
            instances=(FakeInstance(uuid=INSTANCE, processes=(FakeProcess(pid=PID + 1),)),),
            errors={"nvmlDeviceGetEncoderUtilization": pynvml.NVML_ERROR_NO_PERMISSION},
        ),
    )
)


def seconds() -> Iterator[int]:
    return count(5_000_000_000, 1_000_000_000)


def captured(samples: int = 7) -> Any:
    """Of the fake library, a second apart, as a file would have it."""
    moments = seconds()
    made = capture(samples=samples, wait=lambda: None, monotonic_ns=lambda: next(moments))
    return json.loads(to_text(made))


def exposition(samples: list[Sample]) -> str:
    rendered = Renderer().render(device_samples(samples), simulated=False)
    return rendered.body(openmetrics=False, compressed=False).decode()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_what_a_captured_machine_says(
    path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if WRITE and path.name.startswith("fake"):
        request.getfixturevalue("fake_nvml").answer(FAKE)
        path.write_text(to_text(captured()), encoding="utf-8")
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["format"] == FORMAT
    assert found["fake"] is path.name.startswith("fake"), "the name of a fake one begins with `fake`, and no other does"
    said = exposition(replayed(found, monkeypatch))
    expected = path.with_suffix(".prom")
    if WRITE:
        expected.write_text(said, encoding="utf-8")
    assert said == expected.read_text(encoding="utf-8")


def test_there_is_a_capture() -> None:
    assert PATHS


def test_a_replay_says_what_the_machine_said(fake_nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvml.answer(FAKE)
    found = captured()
    directly = exposition(samples_of([second * 1_000_000_000 for second in range(1, 8)]))
    for uuid, other in zip((*UUIDS, INSTANCE), uuids(found), strict=True):
        directly = directly.replace(uuid, other)
    said = exposition(replayed(found, monkeypatch))
    assert said == directly
    assert said.count("\n") > 150


def uuids(found: Any) -> list[str]:
    return [call["answer"][1] for call in found["calls"] if call.get("call") == "nvmlDeviceGetUUID"]


def test_what_names_a_machine_is_not_in_the_file(fake_nvml: FakeNvml) -> None:
    fake_nvml.answer(FAKE)
    text = to_text(captured())
    for secret in (*UUIDS, INSTANCE, str(PID), str(PID + 1)):
        assert secret not in text
        assert secret.encode().hex() not in text
    assert "570.86.15" in text
    assert "NVIDIA H100 80GB HBM3" in text
    assert json.loads(text)["fake"] is True


def test_of_a_call_that_nobody_has_looked_at_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the source may ask for one day: a serial, a bus address, a name of a process."""

    def serial(_handle: Any, buffer: Any, _size: Any) -> int:
        buffer.value = b"1562824000000"
        return int(pynvml.NVML_SUCCESS)

    def pci(_handle: Any, info: Any) -> int:
        info._obj.busId, info._obj.bus = b"00000000:B1:00.0", 0xB1
        return int(pynvml.NVML_SUCCESS)

    functions = {"nvmlDeviceGetSerial": serial, "nvmlDeviceGetPciInfo_v3": pci}
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer", functions.__getitem__)
    recorder = Recorder()
    with recorder.listening():
        handle = ctypes.pointer(pynvml.struct_c_nvmlDevice_t())
        assert pynvml.nvmlDeviceGetSerial(handle) == "1562824000000"
        assert pynvml.nvmlDeviceGetPciInfo_v3(handle).bus == 0xB1
    text = json.dumps(recorder.calls)
    assert len(recorder.calls) == 2
    for secret in ("1562824000000", "00000000:B1:00.0", "177"):
        assert secret not in text


def test_every_call_of_the_source_has_been_looked_at() -> None:
    source = Path(nvml.__file__).parent
    quoted = {name for path in source.glob("*.py") for name in re.findall(r'"(nvml[A-Z]\w+)"', path.read_text())}
    binding = {name for name in quoted if re.match("nvml(Device|Gpm|Event|System)", name)}
    assert len(binding) > 40
    assert {name for name in binding if not NAMELESS & {name, f"{name}_v2", f"{name}_v3"}} == set()
    recorded = json.loads(PATHS[0].read_text(encoding="utf-8"))["calls"]
    assert {call["call"] for call in recorded if call.get("given") == "withheld"} == set()


def test_a_gpu_that_hangs_in_the_middle_is_told_and_leaves_no_file(
    fake_nvml: FakeNvml, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taximeter_exporter.cli.capture._PATIENCE_SECONDS", 1)
    monkeypatch.setattr(
        "taximeter_exporter.cli.capture._wait", lambda: fake_nvml.answer(Scenario(gpus=(FakeGpu(hang=True),)))
    )
    output = tmp_path / "gpu.json"
    assert main(["capture", "--output", str(output), "--samples", "2"]) == 2
    assert "the NVIDIA driver has not answered within 3 s: a call to it hangs" in capsys.readouterr().err
    assert not output.exists()
    fake_nvml.answer(Scenario())
    wait_for(lambda: all(thread.name != "ask the driver" for thread in enumerate_threads()), "it goes on")


def test_the_command(
    fake_nvml: FakeNvml, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    path = tmp_path / "gpu.json"
    assert main(["capture", "--output", str(path), "--samples", "2"]) == 0
    assert "calls in 2 samples" in capsys.readouterr().out
    before = path.read_text(encoding="utf-8")
    assert main(["capture", "--output", str(path)]) == 2
    assert "is there already; name another file" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == before
    assert main(["capture", "--samples", "1"]) == 2
    assert "1 is not a number from 2 to 600" in capsys.readouterr().err
    other = tmp_path / "none.json"
    fake_nvml.answer(Scenario(errors={"nvmlInitWithFlags": pynvml.NVML_ERROR_DRIVER_NOT_LOADED}))
    assert main(["capture", "--output", str(other)]) == 2
    assert "there is no NVIDIA driver to record" in capsys.readouterr().err
    assert not other.exists()
