"""How Grafana is started where it is; a stand-in program is as much of it as the tests have."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo import grafana
from demo.configs import REPOSITORY


def test_without_grafana_there_is_nothing_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert grafana.command() is None


def test_grafana_is_started_with_the_files_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "grafana-12" / "bin" / "grafana"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    (tmp_path / "grafana-12" / "conf").mkdir()
    (tmp_path / "grafana-12" / "conf" / "defaults.ini").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "grafana").symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert grafana.command() == [
        str(tmp_path / "bin" / "grafana"),
        "server",
        "--homepath",
        tmp_path / "grafana-12",
    ]


def test_it_gets_our_data_source_and_dashboards(tmp_path: Path) -> None:
    settings = grafana.settings(tmp_path, 3001, "http://127.0.0.1:9090")
    provisioning = Path(settings["GF_PATHS_PROVISIONING"])
    wanted = {
        word.strip("${} \n")
        for path in provisioning.glob("*/*.yml")
        for line in path.read_text().splitlines()
        if not line.startswith("#")
        for word in line.split()
        if word.startswith("$")
    }
    assert provisioning == REPOSITORY / "grafana" / "provisioning"
    assert wanted
    assert wanted <= settings.keys()
    assert list(Path(settings["TAXIMETER_DASHBOARDS"]).glob("*.json"))
