"""Starts nvitop-exporter, the installed program, in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection

from support.programs import program, wait_for


@contextmanager
def nvitop_exporter(environ: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Its PID and its port, once it answers; it samples once a second, as by default."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [program("nvitop-exporter"), "--bind-address", "127.0.0.1", "--port", str(port)]
    # what it has to say of calls that the fake library lacks is no news
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, **environ}) as process:
        try:
            wait_for(lambda: _answers(port), "nvitop-exporter does not answer")
            yield process.pid, port
        finally:
            process.terminate()
            process.wait(timeout=20)


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return b"gpu_utilization" in connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
