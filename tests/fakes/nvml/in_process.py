"""Puts the fake NVML library in the place of the machine's own for `pynvml` in the test's process."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pynvml
import pytest
from fakes.nvml.build import build
from fakes.nvml.scenario import Scenario


class FakeNvml:
    """The library that `pynvml` talks to until the test ends, and what it answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, libraries: Path, directory: Path) -> None:
        """`libraries` keeps what is built, for other tests as well; `directory` is this test's own."""
        self._monkeypatch = monkeypatch
        self._libraries = libraries
        self._scenario = directory / "scenario"
        self._call_log = directory / "calls"
        monkeypatch.setenv("TAXIMETER_FAKE_NVML_SCENARIO", str(self._scenario))
        self.answer(Scenario())
        self.lack()

    def answer(self, scenario: Scenario) -> None:
        """Answer so from the next call on."""
        scenario.write(self._scenario, call_log=self._call_log)

    def lack(self, *names: str) -> None:
        """Be a library that does not export these functions. Raises `CannotBuild`."""
        library = ctypes.CDLL(str(build(self._libraries, without=names)))
        # pynvml keeps the library and the functions that it once found
        self._monkeypatch.setattr(pynvml, "nvmlLib", library)
        self._monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})

    def hide(self, *names: str) -> None:
        """The same, at once, without building another library."""
        self._monkeypatch.setattr(pynvml, "nvmlLib", _Without(pynvml.nvmlLib, names))
        self._monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})

    def calls(self) -> list[str]:
        """The names of all calls so far."""
        return self._call_log.read_text(encoding="ascii").split() if self._call_log.exists() else []


class _Without:
    """A library in which some functions are not found."""

    def __init__(self, library: ctypes.CDLL, names: tuple[str, ...]) -> None:
        self._library = library
        self._names = names

    def __getattr__(self, name: str) -> Any:
        if name in self._names:
            raise AttributeError(name)
        return getattr(self._library, name)
