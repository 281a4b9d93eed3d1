"""The systemd unit: systemd understands it, it confines the exporter, and the GPUs stay reachable."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.programs import program

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "deploy" / "systemd"
UNIT = "taximeter-exporter.service"
INSTALLED = "/opt/taximeter/bin/taximeter-exporter"

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """As installed, but that it starts the program of this environment."""
    text = (FOLDER / UNIT).read_text(encoding="utf-8")
    assert INSTALLED in text
    (tmp_path / UNIT).write_text(text.replace(INSTALLED, program("taximeter-exporter")), encoding="utf-8")
    return tmp_path


def analyze(units: Path, *args: str) -> subprocess.CompletedProcess[str]:
    # Ours, and then those that come with systemd, which it refers to.
    environ = {**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"}
    command = ["systemd-analyze", "--no-pager", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environ, check=False)


def exposure(units: Path) -> float:
    """As systemd reckons it, from 0 (confined) to 10."""
    done = analyze(units, "security", "--offline=true", str(units / UNIT))
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


@needs_systemd
@pytest.mark.parametrize("observe", [False, True], ids=["alone", "with observe-processes.conf"])
def test_systemd_has_nothing_to_say_against_it(units: Path, observe: bool) -> None:
    if observe:
        (units / f"{UNIT}.d").mkdir()
        shutil.copy(FOLDER / "observe-processes.conf", units / f"{UNIT}.d")
    done = analyze(units, "verify", "--man=no", UNIT)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "taximeter" in line]
    assert (done.returncode, said) == (0, [])


@needs_systemd
def test_it_is_confined(units: Path) -> None:
    assert exposure(units) <= 2.0


def settings(name: str) -> list[tuple[str, str]]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [(key, value) for key, _, value in (line.partition("=") for line in lines if line[:1].isalpha())]


def test_what_the_exporter_needs_is_there() -> None:
    unit = settings(UNIT)
    assert ("DeviceAllow", "char-nvidia* rw") in unit
    assert ("ExecReload", "/bin/kill -HUP $MAINPID") in unit
    assert ("StateDirectory", "taximeter") in unit
    assert ("Environment", "TAXIMETER_LEDGER=%S/taximeter/ledger.db") in unit
    assert ("RestartPreventExitStatus", "2") in unit, "bad input is not tried again and again"
    assert ("CapabilityBoundingSet", "") in unit
    assert dict(settings("observe-processes.conf"))["AmbientCapabilities"] == "CAP_SYS_PTRACE"
    users = {value for key, value in unit if key in ("User", "Group")}
    assert users == {"taximeter"}
    assert "u taximeter " in (FOLDER / "taximeter.sysusers").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [UNIT, "observe-processes.conf"])
def test_what_it_says_to_install_is_there(name: str) -> None:
    """From the repository's root, and from nowhere else: no package of ours is in a registry."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    commands = [
        command.split() for line in re.findall(r"^#   (.+)", text, re.MULTILINE) for command in line.split(" && ")
    ]
    copied = [words[-2] for words in commands if words[0] == "install"]
    packages = [words[-1] for words in commands if words[1:2] == ["install"]]
    assert copied
    assert [path for path in copied if not (REPOSITORY / path).is_file()] == []
    assert [path for path in packages if not (REPOSITORY / path / "pyproject.toml").is_file()] == []
