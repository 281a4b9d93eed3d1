"""Says what is left open to a network that can reach the exporter."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from taximeter_exporter.web.security.guard import Access, Guard


def exposed(host: str, guard: Guard) -> Iterator[str]:
    """What to warn of, each in one line, when it listens on a host; nothing on loopback."""
    if _is_loopback(host):
        return
    if guard.writing is Access.ANYBODY:
        yield (
            f"listen: whoever reaches {host} can begin and end runs; set `write_token_file`, or listen on 127.0.0.1"
            " alone"
        )
    elif not guard.encrypts:
        yield f"listen: passwords and tokens cross the network to {host} in clear; give TLS with --web.config.file"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
