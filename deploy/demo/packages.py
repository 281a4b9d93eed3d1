"""Prometheus and Alertmanager from the packages of Debian or Ubuntu, unpacked into a folder, without root.

Nothing is installed, no service is started, and the system's own package lists are not touched.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from demo.interrupts import Interrupts, TookTooLong
from demo.processes import Processes

PACKAGES = ("prometheus", "prometheus-alertmanager")
# promtool is a package of its own from Debian 14 on, and part of prometheus before.
OPTIONAL_PACKAGES = ("promtool",)
APT_SECONDS = 180.0

_ALERTMANAGER_SHARE = b"/usr/share/prometheus/alertmanager"
_BY_DESCRIPTOR = b"/proc/self/fd/9"
STARTERS: Mapping[str, str] = {
    "prometheus": """\
#!/bin/sh
root=$(cd -P "$(dirname "$0")/.." && pwd -P) || exit
exec "$root/usr/bin/prometheus" --web.local-assets="$root/usr/share/prometheus/web/" "$@"
""",
    "alertmanager": """\
#!/bin/sh
root=$(cd -P "$(dirname "$0")/.." && pwd -P) || exit
exec 9<"$root/usr/share/prometheus/alertmanager" || exit
exec "$root/usr/bin/prometheus-alertmanager" "$@"
""",
    "promtool": """\
#!/bin/sh
exec "$(dirname "$0")/../usr/bin/promtool" "$@"
""",
    "amtool": """\
#!/bin/sh
exec "$(dirname "$0")/../usr/bin/amtool" "$@"
""",
}


class PackagesUnavailable(Exception):
    """The packages could not be had. Says why, and where the output of apt-get is."""


def unpack(root: Path, *, logs: Path, interrupts: Interrupts, say: Callable[[str], None]) -> None:
    """Download the packages and unpack them, so that `root/bin` has the four programs.

    `root` is not there yet, and is there only when all of it is. `logs` gets what apt-get says. Both are absolute and
    on one file system. Raises `PackagesUnavailable` or `Interrupted`.
    """
    missing = [name for name in ("apt-get", "dpkg") if shutil.which(name) is None]
    if missing:
        raise PackagesUnavailable(f"there is no {missing[0]} here")
    say("Fetching Prometheus and Alertmanager from the distribution's packages (30 MB, unpacked into the project only)")
    with tempfile.TemporaryDirectory(dir=logs, prefix="fetch-") as name:
        debs, tree = Path(name) / "debs", Path(name) / "tree"
        debs.mkdir()
        tree.mkdir()
        _download(debs, configuration=_apt_configuration(Path(name)), logs=logs, interrupts=interrupts)
        for deb in debs.glob("*.deb"):
            try:
                subprocess.run(["dpkg", "-x", deb, tree], check=True, capture_output=True, text=True)  # noqa: S603, S607
            except subprocess.CalledProcessError as error:
                raise PackagesUnavailable(f"dpkg could not unpack {deb.name}: {error.stderr.strip()}") from error
        _make_startable(tree)
        tree.rename(root)


def _download(debs: Path, *, configuration: Path, logs: Path, interrupts: Interrupts) -> None:
    def apt(*arguments: str) -> bool:
        # `download` writes into the folder that it is called in.
        change_folder: list[str | Path] = ["/bin/sh", "-c", 'cd "$0" && exec apt-get "$@"', debs]
        command = [*change_folder, "-q", "-y", "-c", configuration, *arguments]
        log = logs / f"apt-{'-'.join(arguments)}.log"
        with Processes() as processes:
            status = processes.run("apt-get", command, log=log, interrupts=interrupts, seconds=APT_SECONDS)
        return status == 0

    try:
        # One broken source among several is no reason to give up: whether it worked is seen by the download.
        apt("update")
        downloaded = apt("download", *PACKAGES)
        for package in OPTIONAL_PACKAGES:
            apt("download", package)
    except TookTooLong as error:
        raise PackagesUnavailable(f"{error} (see {logs}/apt-*.log)") from error
    if not downloaded:
        raise PackagesUnavailable(f"apt-get could not download them (see {logs}/apt-*.log)")


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


def _make_startable(tree: Path) -> None:
    """Give the tree a `bin` whose programs find their own files in the tree instead of in /usr/share.

    Debian's Prometheus has an option for that. Its Alertmanager has not: there the folder stands in the program, and is
    replaced, at the same length, by a file descriptor that the starter opens on the folder in the tree.
    """
    program = tree / "usr" / "bin" / "prometheus-alertmanager"
    descriptor = _BY_DESCRIPTOR.ljust(len(_ALERTMANAGER_SHARE), b"/")
    program.write_bytes(program.read_bytes().replace(_ALERTMANAGER_SHARE, descriptor))
    (tree / "bin").mkdir()
    for name, script in STARTERS.items():
        starter = tree / "bin" / name
        starter.write_text(script, encoding="utf-8")
        starter.chmod(0o755)
