"""A made-up /proc in a folder, for processes that a test cannot start: in other PID namespaces, or with an old PID."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class FakeProc:
    """The files of /proc that the exporter reads of a process."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def add(
        self,
        pid: int,
        *,
        environ: Mapping[str, str] | None = None,
        start_ticks: int = 1000,
        pids: tuple[int, ...] | None = None,
        namespace: str = "pid:[1]",
        cgroup: str = "0::/\n",
    ) -> None:
        """A process, in place of one that had the PID before. Its name has what makes `stat` hard to read."""
        folder = self._root / str(pid)
        (folder / "ns").mkdir(parents=True, exist_ok=True)
        (folder / "stat").write_text(f"{pid} (a) b) R 1 {'0 ' * 17}{start_ticks} 0 0\n")
        (folder / "status").write_text(f"Name:\ta) b\nNSpid:\t{' '.join(map(str, pids or (pid,)))}\nThreads:\t1\n")
        (folder / "environ").write_text("".join(f"{name}={value}\0" for name, value in (environ or {}).items()))
        (folder / "cgroup").write_text(cgroup)
        link = folder / "ns" / "pid"
        link.unlink(missing_ok=True)
        link.symlink_to(namespace)

    def is_self(self, pid: int) -> None:
        """The exporter itself is this process."""
        (self._root / "self").symlink_to(str(pid))
