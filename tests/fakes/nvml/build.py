"""Builds the fake `libnvidia-ml.so.1` (the C files of this folder) with the system's compiler.

For a program that a test starts, whatever it is written in:

    library = build(directory)                                  # raises CannotBuild: skip the test with that reason
    gpus(count=8, processes=8).write(scenario)                  # scenario.py; write again at any time to change it
    env = environment(library, scenario)                        # add to the program's own environment

In the test's own process: the fixture `fake_nvml` of `tests/exporter/conftest.py`, which hands the library to `pynvml`.
A library with missing symbols, as of an older driver: `build(directory, without=("nvmlDeviceGetMemoryInfo_v2",))`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

_SONAME = "libnvidia-ml.so.1"
_SOURCES = sorted(Path(__file__).parent.glob("*.c"))
_HEADERS = sorted(Path(__file__).parent.glob("*.h"))
_FLAGS = ("-std=c11", "-shared", "-fPIC", "-pthread", "-O1", "-Wall", "-Wextra", "-Werror", f"-Wl,-soname,{_SONAME}")


class CannotBuild(Exception):
    """This machine cannot build the fake library; says why."""


def build(directory: Path, *, without: tuple[str, ...] = ()) -> Path:
    """The path of the library, which lies alone in a folder under `directory`; built unless it is there already.

    `without` names functions that the library does not export. Raises `CannotBuild`.
    """
    if not sys.platform.startswith("linux"):
        raise CannotBuild("the fake NVML is a Linux library")
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise CannotBuild("no C compiler (cc) to build the fake NVML with")
    # a function under another name is one that the program does not find
    command = [compiler, *_FLAGS, *(f"-D{name}=absent_{name}" for name in without), *map(str, _SOURCES)]
    texts = b"".join(path.read_bytes() for path in (*_SOURCES, *_HEADERS))
    key = hashlib.sha256(texts + "\0".join(command).encode()).hexdigest()[:16]
    library = directory / key / _SONAME
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        unfinished = library.with_name(f"{_SONAME}.{os.getpid()}")
        done = subprocess.run([*command, "-o", str(unfinished)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the fake NVML does not compile:\n{done.stderr}")
        unfinished.rename(library)
    return library


def environment(library: Path, scenario: Path) -> dict[str, str]:
    """The variables under which a program finds this library as the machine's NVML."""
    return {"LD_LIBRARY_PATH": str(library.parent), "TAXIMETER_FAKE_NVML_SCENARIO": str(scenario)}
