"""A made-up /proc in a folder, for processes that a test cannot start: in other PID namespaces, or with an old PID."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


class FakeProc:
    """The files of /proc that the exporter reads of a process."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._added = 0

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
        if folder.exists():
            shutil.rmtree(folder)
        (folder / "ns").mkdir(parents=True)
        (folder / "stat").write_text(f"{pid} (a) b) R 1 {'0 ' * 17}{start_ticks} 0 0\n")
        (folder / "status").write_text(f"Name:\ta) b\nNSpid:\t{' '.join(map(str, pids or (pid,)))}\nThreads:\t1\n")
        (folder / "environ").write_text("".join(f"{name}={value}\0" for name, value in (environ or {}).items()))
        (folder / "cgroup").write_text(cgroup)
        (folder / "ns" / "pid").symlink_to(namespace)
        # A new process has a new folder, also where this file system gives the same inode to the next at once.
        self._added += 1
        os.utime(folder, ns=(self._added, self._added))

    def remove(self, pid: int) -> None:
        """The process has ended."""
        shutil.rmtree(self._root / str(pid))

    def is_self(self, pid: int) -> None:
        """The exporter itself is this process."""
        (self._root / "self").symlink_to(str(pid))
