"""The Alertmanager of docker-compose.yml, which is newer than the one of distributions."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from compose.engine import engine_problem, image_problem
from compose.files import services
from demo.configs import REPOSITORY
from demo.web import answers
from support.programs import wait_for

IMAGE = services()["alertmanager"]["image"]


def skip_without_image() -> None:
    """Skips the test where Docker or the image cannot be had."""
    problem = engine_problem() or image_problem(IMAGE)
    if problem is not None:
        pytest.skip(f"needs {IMAGE}: {problem}")


def newer_amtool(folder: Path) -> Path:
    """Its amtool, put into `folder`."""
    skip_without_image()
    container = _docker("create", IMAGE)
    try:
        _docker("cp", f"{container}:/bin/amtool", str(folder))
    finally:
        _docker("rm", container)
    return folder / "amtool"


@contextmanager
def newer_alertmanager(config: Path, port: int) -> Iterator[str]:
    """Runs it on loopback until the end, with a configuration and what lies beside it; its address."""
    skip_without_image()
    folder, room = config.parent, REPOSITORY / "alertmanager"
    container = _docker(
        *("run", "--detach", "--network=host", "--user=0", f"--volume={folder}:{folder}", f"--volume={room}:{room}:ro"),
        *(IMAGE, f"--config.file={config}", f"--storage.path={folder / 'alertmanager'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="),
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{url}/-/ready"), "Alertmanager in Docker is not ready")
        yield url
    finally:
        _docker("rm", "--force", "--volumes", container)


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
