"""Asks all clouds at once; only the one that this machine is in answers as it should."""

from __future__ import annotations

import queue
import threading
import time

from taximeter_exporter.pricing.metadata import aws, azure, google
from taximeter_exporter.pricing.metadata.request import NoAnswerError, Service
from taximeter_exporter.pricing.price import Offer

_CLOUDS = {"aws": aws.ask, "azure": azure.ask, "google": google.ask}


class NoCloudError(Exception):
    """No cloud says what this machine is. Tells what came of asking each."""


def detect(address: str, *, timeout_seconds: float = 1.0) -> Offer:
    """What this machine is, after at most `timeout_seconds` (and a little). Raises `NoCloudError`."""
    answers: queue.SimpleQueue[tuple[str, Offer | NoAnswerError]] = queue.SimpleQueue()
    deadline = time.monotonic() + timeout_seconds

    def ask(cloud: str) -> None:
        try:
            answers.put((cloud, _CLOUDS[cloud](Service(address, deadline))))
        except NoAnswerError as error:
            answers.put((cloud, error))

    for cloud in _CLOUDS:
        threading.Thread(target=ask, args=(cloud,), name=f"metadata-{cloud}", daemon=True).start()
    said = dict.fromkeys(_CLOUDS, "does not answer in time")
    for _ in _CLOUDS:
        try:
            # looking up a name can outlast the deadline
            cloud, answer = answers.get(timeout=max(deadline - time.monotonic(), 0) + 0.25)
        except queue.Empty:
            break
        if isinstance(answer, Offer):
            return answer
        said[cloud] = str(answer)
    raise NoCloudError("; ".join(f"{cloud}: {why}" for cloud, why in said.items()))
