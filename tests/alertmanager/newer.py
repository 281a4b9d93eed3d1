"""The Alertmanager of docker-compose.yml, which is newer than the one of distributions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compose.containers import container, docker, image_of
from demo.configs import REPOSITORY
from demo.web import answers
from support.programs import wait_for


def newer_amtool(folder: Path) -> Path:
    """Its amtool, put into `folder`. Skips the test where it cannot be had."""
    number = docker("create", image_of("alertmanager"))
    try:
        docker("cp", f"{number}:/bin/amtool", str(folder))
    finally:
        docker("rm", number)
    return folder / "amtool"


@contextmanager
def newer_alertmanager(config: Path, port: int) -> Iterator[str]:
    """Runs it on loopback until the end, with a configuration and what lies beside it; its address.

    Skips the test where it cannot be had.
    """
    folder, room = config.parent, REPOSITORY / "alertmanager"
    options = ("--network=host", "--user=0", f"--volume={folder}:{folder}", f"--volume={room}:{room}:ro")
    arguments = (
        *(f"--config.file={config}", f"--storage.path={folder / 'alertmanager'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="),
    )
    with container(*options, image_of("alertmanager"), *arguments):
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{url}/-/ready"), "Alertmanager in Docker is not ready")
        yield url
