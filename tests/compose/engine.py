"""What the Docker engine of this machine can do for the tests, and why not if it cannot."""

from __future__ import annotations

import re
import shutil
import subprocess

OLDEST_ENGINE = 25  # start_interval

_PULL_SECONDS = 600


def compose_problem() -> str | None:
    """Why `docker compose` cannot even read a file here; `None` if it can."""
    if shutil.which("docker") is None:
        return "there is no docker on PATH"
    error = _error_of("docker", "compose", "version")
    return None if error is None else f"docker has no compose: {error}"


def engine_problem() -> str | None:
    """Why no stack can be started here; `None` if one can."""
    problem = compose_problem()
    if problem is not None:
        return problem
    done = _run("docker", "version", "--format", "{{.Server.Version}}")
    if done.returncode != 0:
        return f"no Docker engine answers: {_last_line(done)}"
    version = done.stdout.strip()
    major = re.match(r"\d+", version)
    if major is None or int(major[0]) < OLDEST_ENGINE:
        return f"the Docker engine is {version}, and {OLDEST_ENGINE} or later is needed"
    return None


def image_problem(image: str) -> str | None:
    """Why there is no such image, though it was tried to pull it; `None` if there is one now."""
    if _error_of("docker", "image", "inspect", image) is None:
        return None
    error = _error_of("docker", "pull", "--quiet", image)
    return None if error is None else f"image {image} is not here and cannot be pulled: {error}"


def _error_of(*command: str) -> str | None:
    done = _run(*command)
    return None if done.returncode == 0 else _last_line(done)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=_PULL_SECONDS, check=False)


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
