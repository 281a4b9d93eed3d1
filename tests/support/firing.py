"""`make fire` in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

from demo.configs import REPOSITORY

DEADLINE_SECONDS = 600


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start it."""
    return subprocess.Popen(
        [sys.executable, "-m", "fire", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "deploy")},
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait until it has ended: status, output and errors."""
    with process:
        said, complained = process.communicate(timeout=DEADLINE_SECONDS)
    return process.returncode, said, complained


@dataclass(frozen=True)
class Delivered:
    """Two alerts on their way: to a receiver that `make fire` starts, and to an Alertmanager that runs."""

    here: subprocess.Popen[str]
    there: subprocess.Popen[str]
    receiver: str
    """Whom that Alertmanager tells."""
