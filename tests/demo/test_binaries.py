"""The programs are found on PATH, else fetched; where neither works, the reason and the remedy are told."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from demo import binaries, packages
from demo.binaries import Tools, ToolsMissing
from demo.configs import write_configs
from demo.interrupts import Interrupts
from demo.ports import ANY, free_ports
from demo.processes import Processes
from demo.stack import Starter
from demo.web import answers


def quiet(_text: str) -> None:
    pass


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\necho 'x, version 9.8.7, built'\n")
        (folder / name).chmod(0o755)
    return folder


def test_programs_on_path_are_taken_and_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = fill(tmp_path / "one", "prometheus", "promtool")
    two = fill(tmp_path / "two", "prometheus-alertmanager", "amtool")
    monkeypatch.setenv("PATH", f"{one}:{two}")
    found = binaries.find(tmp_path / "tools", Interrupts(), quiet)
    assert found == Tools(one / "prometheus", one / "promtool", two / "prometheus-alertmanager", two / "amtool")
    assert not (tmp_path / "tools").exists()


def test_versions_are_what_the_programs_say(tmp_path: Path) -> None:
    folder = fill(tmp_path / "bin", "prometheus", "promtool", "alertmanager", "amtool")
    folder.joinpath("amtool").write_text("#!/bin/sh\nexit 3\n")
    tools = binaries.on_path(f"{folder}:{os.defpath}")
    with pytest.raises(ToolsMissing, match="amtool does not run"):
        tools.versions()
    folder.joinpath("amtool").write_text("#!/bin/sh\necho amtool, version 1.2\n")
    assert tools.versions() == {
        "prometheus": "9.8.7",
        "promtool": "9.8.7",
        "alertmanager": "9.8.7",
        "amtool": "1.2",
    }


def test_without_apt_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(fill(tmp_path / "bin", "prometheus")))
    with pytest.raises(ToolsMissing, match="not on PATH, and there is no apt-get here"):
        binaries.find(tmp_path / "tools", Interrupts(), quiet)


def test_where_apt_fails_the_reason_and_its_output_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bin_folder = fill(tmp_path / "bin", "dpkg")
    (bin_folder / "apt-get").write_text("#!/bin/sh\necho no network >&2\nexit 100\n")
    (bin_folder / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin_folder))
    with pytest.raises(ToolsMissing, match=r"apt-get could not download them \(see .*/apt-\*\.log\)"):
        binaries.find(tmp_path / "tools", Interrupts(), quiet)
    assert (tmp_path / "tools" / "apt-update.log").read_text() == "no network\n"
    assert not (tmp_path / "tools" / "debian").exists()


@pytest.mark.skipif(not (shutil.which("apt-get") and shutil.which("dpkg")), reason="no apt-get and dpkg here")
def test_packages_are_fetched_once_for_several_that_ask_and_their_programs_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the network, into a folder of the test's own."""
    said: list[str] = []

    def ask() -> Tools:
        return binaries.unpacked(tmp_path / "the tools", Interrupts(), said.append)

    try:
        with ThreadPoolExecutor(2) as pool:
            one, two = (asked.result() for asked in [pool.submit(ask), pool.submit(ask)])
    except ToolsMissing as missing:
        log = (tmp_path / "the tools" / "apt-update.log").read_text()
        if "Could not resolve" in log or "Could not connect" in log or "Failed to fetch" in log:
            pytest.skip(f"no package archive can be reached: {missing}")
        raise
    assert one == two
    assert len(said) == 1
    assert all(version[0].isdigit() for version in one.versions().values())
    assert sorted(path.name for path in one.prometheus.parent.iterdir()) == sorted(packages.STARTERS)
    assert not list((tmp_path / "the tools").glob("fetch-*"))

    # They find their own files where they lie now.
    ports = free_ports(ANY)
    configs = write_configs(tmp_path, ports, gpus=0)
    with Processes() as processes:
        starter = Starter(tmp_path, ports, processes, Interrupts())
        starter.alertmanager(one.alertmanager, configs.alertmanager)
        prometheus = starter.prometheus(one.prometheus, configs.prometheus)
        assert answers(f"{prometheus.url}/")
