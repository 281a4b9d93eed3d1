"""Where the real Prometheus and Alertmanager are: on PATH, else from the distribution's packages."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path

from demo.interrupts import Interrupts
from demo.packages import PackagesUnavailable, unpack

NAMES: Mapping[str, tuple[str, ...]] = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    # Debian gives it a longer name; upstream and other distributions do not.
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
    "amtool": ("amtool",),
}
WAIT_SECONDS = 600.0

REMEDY = """\
Install Prometheus and Alertmanager so that prometheus, promtool, alertmanager and amtool are on PATH, then try again:
    Debian, Ubuntu  sudo apt-get install prometheus prometheus-alertmanager
                    (they start services; stop these if the ports are wanted: sudo systemctl disable --now prometheus)
    Fedora          sudo dnf install golang-github-prometheus golang-github-prometheus-alertmanager
    macOS           brew install prometheus alertmanager
    elsewhere       https://prometheus.io/download/"""


class ToolsMissing(Exception):
    """Prometheus or Alertmanager is not here and could not be had. Says why; `REMEDY` is what to install."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The four programs."""

    prometheus: Path
    promtool: Path
    alertmanager: Path
    amtool: Path

    def versions(self) -> dict[str, str]:
        """What each says of itself, such as `2.42.0+ds`, by name. Raises `ToolsMissing` if one does not run."""
        return {field.name: _version(getattr(self, field.name)) for field in fields(self)}


def find(folder: Path, interrupts: Interrupts, say: Callable[[str], None]) -> Tools:
    """The programs, from PATH, else from the packages unpacked in `folder`, which are fetched if they are not there.

    Several may call this at the same time. Raises `ToolsMissing` or `Interrupted`.
    """
    with suppress(ToolsMissing):
        return on_path(os.environ.get("PATH", os.defpath))
    return unpacked(folder, interrupts, say)


def on_path(path: str) -> Tools:
    """The programs in a list of folders as PATH has it. Raises `ToolsMissing`."""
    found: dict[str, Path] = {}
    for tool, names in NAMES.items():
        hits = [hit for name in names if (hit := shutil.which(name, path=path))]
        if not hits:
            raise ToolsMissing(f"{tool} is not on PATH.")
        found[tool] = Path(hits[0])
    return Tools(**found)


def unpacked(folder: Path, interrupts: Interrupts, say: Callable[[str], None]) -> Tools:
    """The programs from packages in `folder`, fetched first if need be. Raises `ToolsMissing` or `Interrupted`."""
    folder = folder.resolve()
    root = folder / "debian"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "lock", interrupts):
        if not root.exists():
            try:
                unpack(root, logs=folder, interrupts=interrupts, say=say)
            except PackagesUnavailable as error:
                raise ToolsMissing(f"Prometheus and Alertmanager are not on PATH, and {error}") from error
    return on_path(str(root / "bin"))


@contextmanager
def _locked(path: Path, interrupts: Interrupts) -> Iterator[None]:
    with path.open("w") as file:

        def locked() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        interrupts.wait_until(locked, seconds=WAIT_SECONDS, what=f"another program that holds {path}")
        yield


def _version(program: Path) -> str:
    try:
        done = subprocess.run([program, "--version"], check=True, capture_output=True, text=True, timeout=60)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolsMissing(f"{program} does not run: {error}") from error
    words = done.stdout.split()
    return words[words.index("version") + 1].rstrip(",") if "version" in words else "unknown"
