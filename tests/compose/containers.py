"""Single services of docker-compose.yml, each in a container of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from compose.engine import engine_problem, image_problem
from compose.files import services


def image_of(service: str) -> str:
    """The image of a service. Skips the test where Docker or the image cannot be had."""
    image = str(services()[service]["image"])
    problem = engine_problem() or image_problem(image)
    if problem is not None:
        pytest.skip(f"needs {image}: {problem}")
    return image


def docker(*arguments: str) -> str:
    """What `docker` prints. Fails the test if that fails."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@contextmanager
def container(*arguments: str) -> Iterator[str]:
    """A container by its number, from `docker run` with these arguments on; nothing is left of it in the end."""
    number = docker("run", "--detach", *arguments)
    try:
        yield number
    finally:
        docker("rm", "--force", "--volumes", number)


def published(number: str, port: int) -> str:
    """The address on this machine of a container's port."""
    return f"http://{docker('port', number, f'{port}/tcp').split()[0]}"
