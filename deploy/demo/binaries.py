"""Where the real Prometheus and Alertmanager are: on PATH, else from the distribution's packages.

The packages of Debian or Ubuntu are downloaded and unpacked into a folder of the project's: no root, no service, no
trace in the system's own package lists.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path

from demo.interrupts import Interrupts, TookTooLong
from demo.processes import Processes

NAMES: Mapping[str, tuple[str, ...]] = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    # Debian gives it a longer name; upstream and other distributions do not.
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
    "amtool": ("amtool",),
}
# promtool is a package of its own from Debian 14 on, and part of prometheus before.
PACKAGES = ("prometheus", "prometheus-alertmanager")
OPTIONAL_PACKAGES = ("promtool",)
APT_SECONDS = 180.0

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
        """What each says of itself, such as `2.42.0+ds`, by name."""
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
    root = folder / "debian"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "lock", interrupts):
        if not root.exists():
            _fetch(folder, root, interrupts, say)
    return on_path(str(root / "usr" / "bin"))


@contextmanager
def _locked(path: Path, interrupts: Interrupts) -> Iterator[None]:
    with path.open("w") as file:

        def locked() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        interrupts.wait_until(locked, seconds=3 * APT_SECONDS, what=f"another program that holds {path}")
        yield


def _fetch(folder: Path, root: Path, interrupts: Interrupts, say: Callable[[str], None]) -> None:
    missing = [name for name in ("apt-get", "dpkg") if shutil.which(name) is None]
    if missing:
        raise ToolsMissing(f"Prometheus and Alertmanager are not on PATH, and there is no {missing[0]} to get them.")
    say("Fetching Prometheus and Alertmanager from the distribution's packages (30 MB, unpacked into the project only)")
    with tempfile.TemporaryDirectory(dir=folder, prefix="fetch-") as name, Processes() as processes:
        work = Path(name)
        configuration = _apt_configuration(work)
        debs, tree = work / "debs", work / "tree"
        debs.mkdir()
        tree.mkdir()

        def apt(*arguments: str) -> bool:
            # `download` writes into the folder that it is called in.
            change_folder: list[str | Path] = ["/bin/sh", "-c", 'cd "$0" && exec apt-get "$@"', debs]
            log = folder / f"apt-{'-'.join(arguments)}.log"
            return (
                processes.run(
                    "apt-get",
                    [*change_folder, "-q", "-y", "-c", configuration, *arguments],
                    log=log,
                    interrupts=interrupts,
                    seconds=APT_SECONDS,
                )
                == 0
            )

        try:
            # One broken source among several is no reason to give up: whether it worked is seen by the download.
            apt("update")
            downloaded = apt("download", *PACKAGES)
            for package in OPTIONAL_PACKAGES:
                apt("download", package)
        except TookTooLong as error:
            raise ToolsMissing(f"{error}; its output is in {folder}/apt-*.log.") from error
        if not downloaded:
            raise ToolsMissing(
                "Prometheus and Alertmanager are not on PATH, and apt-get could not download them; "
                f"its output is in {folder}/apt-*.log."
            )
        for deb in debs.glob("*.deb"):
            _run(["dpkg", "-x", str(deb), str(tree)])
        on_path(str(tree / "usr" / "bin"))
        tree.rename(root)


def _apt_configuration(work: Path) -> Path:
    """Settings with which apt-get touches nothing but `work`, and no hook of the system's is run."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    path = work / "apt.conf"
    path.write_text(
        f"""\
Dir::State::Lists "{work}/lists";
Dir::State::Status "/dev/null";
Dir::Cache "{work}/cache";
Dir::Log "{work}";
Acquire::Languages "none";
Acquire::Retries "2";
APT::Sandbox::User "";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
""",
        encoding="utf-8",
    )
    return path


def _version(program: Path) -> str:
    words = _run([str(program), "--version"]).split()
    return words[words.index("version") + 1].rstrip(",") if "version" in words else "unknown"


def _run(command: list[str]) -> str:
    """What a short command prints. Raises `ToolsMissing` if it fails."""
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolsMissing(f"{error}") from error
    return done.stdout
