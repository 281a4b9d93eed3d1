"""What the exporter's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.nvml.build import CannotBuild, build
from fakes.nvml.in_process import FakeNvml


@pytest.fixture(scope="session")
def fake_nvml_libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where fake NVML libraries are built; skips where they cannot be."""
    directory = tmp_path_factory.mktemp("fake-nvml")
    try:
        build(directory)
    except CannotBuild as reason:
        pytest.skip(str(reason))
    return directory


@pytest.fixture
def fake_nvml(fake_nvml_libraries: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeNvml:
    """The fake NVML library for `pynvml` in this process; answers one healthy GPU until told otherwise."""
    return FakeNvml(monkeypatch, libraries=fake_nvml_libraries, directory=tmp_path)
