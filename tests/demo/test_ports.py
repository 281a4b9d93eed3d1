"""The usual port where it is free, else another, never one twice."""

from __future__ import annotations

import socket
from dataclasses import astuple, replace

import pytest
from demo.ports import ANY, HOST, free_ports, is_free, moved


def test_a_free_port_is_kept_and_a_taken_one_is_moved() -> None:
    usual = free_ports(ANY)
    with socket.create_server((HOST, usual.prometheus)):
        assert not is_free(usual.prometheus)
        chosen = free_ports(usual)
    assert replace(chosen, prometheus=usual.prometheus) == usual
    assert moved(chosen, usual) == {"prometheus": (usual.prometheus, chosen.prometheus)}
    assert len(set(astuple(chosen))) == len(astuple(chosen))


def test_a_port_is_not_given_again_though_nobody_listens_on_it_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    given = astuple(free_ports(ANY))
    offered = iter(given)

    class Probe(socket.socket):
        def getsockname(self) -> tuple[str, int]:
            return HOST, next(offered, super().getsockname()[1])

    monkeypatch.setattr(socket, "socket", Probe)
    assert not set(given) & set(astuple(free_ports(ANY)))
    assert next(offered, None) is None, "each was offered again"


def test_a_port_taken_on_every_address_is_not_free() -> None:
    with socket.create_server(("", 0)) as server:
        assert not is_free(server.getsockname()[1])
