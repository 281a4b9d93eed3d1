"""Where a fired alert goes: an Alertmanager with our routes and a receiver, both started here, or one that runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from demo.binaries import Tools
from demo.configs import configure_alertmanager
from demo.interrupts import Interrupts
from demo.ports import Ports
from demo.processes import Processes
from demo.stack import Starter
from demo.web import get_json

from fire.prometheus import FIRED


class Delivery(Protocol):
    """A way that alerts go."""

    url: str
    """Of the Alertmanager."""

    def arrived(self, alert: str) -> Sequence[str]:
        """The alerts of that name that came to the end of the way, each in words. Raises `NoAnswer`."""
        ...


class OurReceiver:
    """An Alertmanager and a receiver of this program's own, in `folder`, routed as people are told without secrets."""

    def __init__(self, folder: Path, ports: Ports, tools: Tools, processes: Processes, interrupts: Interrupts) -> None:
        """Start both. Raises what starting does."""
        config = folder / "alertmanager.yml"
        configure_alertmanager(config, ports, None, None)
        starter = Starter(folder, ports, processes, interrupts)
        self._receiver = starter.receiver().url
        self.url = starter.alertmanager(tools.alertmanager, config).url

    def arrived(self, alert: str) -> Sequence[str]:
        """What the receiver was told."""
        received: list[dict[str, Any]] = get_json(f"{self._receiver}/")
        return [
            f"{told['severity'].upper()}: {told['summary']}\n    {told['description']}\n    {_in_words(told['labels'])}"
            for told in received
            if told["labels"]["alertname"] == alert and told["status"] == "firing"
        ]


class RunningAlertmanager:
    """Somebody's own; whom it tells is a matter of its configuration."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def arrived(self, alert: str) -> Sequence[str]:
        """What Alertmanager has from here, and to whom it passes it on."""
        known: list[dict[str, Any]] = get_json(f"{self.url}/api/v2/alerts", filter=f'alertname="{alert}"')
        return [
            f"{told['annotations']['summary']}\n    {told['status']['state']}, for"
            f" {', '.join(receiver['name'] for receiver in told['receivers'])}\n    {_in_words(told['labels'])}"
            for told in known
            if FIRED in told["labels"].items()
        ]


def _in_words(labels: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(labels.items()))
