"""Addresses on loopback: the port that the documentation names if it is free, else any free one."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, fields

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one stack."""

    exporter: int
    trainer: int
    prometheus: int
    alertmanager: int
    grafana: int
    receiver: int


USUAL = Ports(exporter=9877, trainer=9878, prometheus=9090, alertmanager=9093, grafana=3000, receiver=9099)
ANY = Ports(exporter=0, trainer=0, prometheus=0, alertmanager=0, grafana=0, receiver=0)

_given: set[int] = set()
_giving = threading.Lock()


def free_ports(usual: Ports = USUAL) -> Ports:
    """The usual ports where they are free, others where not or where the usual one is 0; all different.

    Of those others none is given twice: it may be a while until somebody listens on it.
    """
    taken = {getattr(usual, field.name) for field in fields(usual)}
    chosen: dict[str, int] = {}
    for field in fields(usual):
        port: int = getattr(usual, field.name)
        while port == 0 or not is_free(port):
            port = _any_free(taken)
        taken.add(port)
        chosen[field.name] = port
    return Ports(**chosen)


def moved(ports: Ports, usual: Ports = USUAL) -> dict[str, tuple[int, int]]:
    """What does not have its usual port: name to (usual, chosen)."""
    pairs = {field.name: (getattr(usual, field.name), getattr(ports, field.name)) for field in fields(usual)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def is_free(port: int) -> bool:
    """Whether a port can be listened on, on loopback, right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: a port that only has old connections winding down is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _any_free(taken: set[int]) -> int:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        with _giving:
            if port not in taken | _given:
                _given.add(port)
                return port
