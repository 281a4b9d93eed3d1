"""Watches for the cloud to announce that it takes a spot machine back."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from taximeter_exporter.clock import Clock
from taximeter_exporter.pricing.metadata import aws, azure, google
from taximeter_exporter.pricing.metadata.announced import Announced, Notice
from taximeter_exporter.pricing.metadata.request import NoAnswerError, Service

_CLOUDS = {"aws": aws.announced, "azure": azure.announced, "google": google.announced}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaim:
    """What is known of it now."""

    provider: str
    answered: bool
    """Whether the cloud answered the last time."""
    action: str | None = None
    """What will happen to the machine; `None`: nothing is announced."""
    at_ns: int | None = None
    """When, in nanoseconds since 1970; with `action` alone."""
    rebalance_ns: int | None = None
    """See `Announced.rebalance_ns`."""


class ReclaimWatch:
    """Asks again and again. For one thread at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._provider = ""
        self._announced = Announced()
        self._noticed_ns = 0

    def look(self, provider: str, address: str, *, timeout_seconds: float = 2.0) -> Reclaim | None:
        """Ask once, for at most `timeout_seconds`; `None` where the provider's machines cannot tell.

        What was announced holds until its moment also while nobody answers: the network may go before the machine does.
        """
        if provider not in _CLOUDS:
            return None
        if provider != self._provider:
            self._provider, self._announced = provider, Announced()
        now_ns = self._clock.time_ns()
        try:
            announced = _CLOUDS[provider](Service(address, time.monotonic() + timeout_seconds))
        except NoAnswerError:
            answered = False
            if (notice := self._announced.reclaim) is not None and self._at_ns(notice) <= now_ns:
                self._announced = replace(self._announced, reclaim=None)
        else:
            answered = True
            if announced.reclaim != self._announced.reclaim:
                self._noticed_ns = now_ns
            self._announced = announced
        notice = self._announced.reclaim
        return Reclaim(
            provider=provider,
            answered=answered,
            action=None if notice is None else notice.action,
            at_ns=None if notice is None else self._at_ns(notice),
            rebalance_ns=self._announced.rebalance_ns,
        )

    def _at_ns(self, notice: Notice) -> int:
        """When the machine is taken: as told, else so long after the notice was first seen as it usually takes."""
        return self._noticed_ns + notice.grace_ns if notice.at_ns is None else notice.at_ns
