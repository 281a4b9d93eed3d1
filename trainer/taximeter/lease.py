"""Keeps a run's lease from a thread of its own, so that nothing the exporter does can hold up the training."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from taximeter.cost import Quote, RunningCost
from taximeter.exporter_client import ExporterClient, Progress, Refused, Unanswered
from taximeter.quick_event import QuickEvent

_LEASE_LOST = (404, 410)
_TAKEN = 409
_END_ATTEMPTS = 3
_END_SECONDS = 8.0
_SETTLE_ATTEMPTS = 12
_SETTLE_SECONDS = 0.5  # a run renews every five seconds

_log = logging.getLogger("taximeter")


class LeaseKeeper:
    """Registers the run, renews its lease, and ends it; goes on without an exporter, and finds it again.

    With `shared`, the token of a lease that another program holds, it renews that one, and neither takes nor ends any.

    While the exporter is away the lease is asked for again every `retry_seconds`. If it comes back and no longer
    knows the lease (404, 410), the run is registered again with `resume`.
    """

    def __init__(
        self,
        client: ExporterClient,
        cost: RunningCost,
        progress: Callable[[], Progress],
        *,
        resume: bool,
        shared: str | None = None,
        where: str,
        on_refusal: Callable[[str], None],
        retry_seconds: float = 5.0,
    ) -> None:
        self._client = client
        self._cost = cost
        self._progress = progress
        # True as soon as the exporter may know the run already, be it only from a request whose answer was lost.
        self._resume = resume
        self._where = where
        self._on_refusal = on_refusal
        self._retry_seconds = retry_seconds
        self._renew_seconds = retry_seconds
        self._shared = shared is not None
        self._token: str | None = shared
        self._result: str | None = None
        self._ending = QuickEvent()
        self._asked = threading.Event()
        self._said_away = False
        self.up = False
        """Whether the exporter answered last time."""
        self.refusal: str | None = None
        """Why the exporter will not have the run; then it is not asked again."""
        self.settled = False
        """Whether the exporter has confirmed the end, and so the final cost."""
        self._thread = threading.Thread(target=self._keep, name="taximeter-lease", daemon=True)

    @property
    def token(self) -> str | None:
        """The lease; `None` while there is none."""
        return self._token

    def start(self) -> None:
        """Register in the background."""
        self._thread.start()

    def wait_asked(self, seconds: float) -> bool:
        """Wait until the first attempt to register is over, whatever came of it, but no longer than so."""
        return self._asked.wait(seconds)

    def end(self, result: str, *, seconds: float = _END_SECONDS) -> None:
        """End the run as `result`; waits for the exporter's last word, but no longer than so."""
        self._result = result
        self._ending.set()
        self._thread.join(seconds)

    def _keep(self) -> None:
        try:
            self._keep_to_the_end()
        finally:
            self._client.close()

    def _keep_to_the_end(self) -> None:
        while True:
            wait = self._turn()
            self._asked.set()
            if self.refusal is not None or self._ending.wait(wait):
                break
        if self._shared:
            self._turn()  # how far it came
            return
        for _ in range(_END_ATTEMPTS):
            if self.refusal is not None or self.settled:
                break
            self._end()

    def _turn(self) -> float:
        """Register or renew. Returns after how many seconds to do so next."""
        try:
            if self._token is None:
                self._register()
            else:
                self._renew(self._token)
        except Refused as refused:
            if self._shared:
                self._refuse(refused)
                return 0.0
            if self._token is not None and refused.status in _LEASE_LOST:
                self._token = None
                return 0.0
            if self._token is None and refused.status == _TAKEN and self._resume:
                # Another lease of this run has not run out yet, for instance one whose answer never arrived.
                self._answered()
                return self._retry_seconds
            if self._token is None or refused.status == _TAKEN:
                self._refuse(refused)
            else:
                self._away(refused)
                return self._retry_seconds
        except Unanswered as away:
            self._away(away)
            return self._retry_seconds
        return self._renew_seconds

    def _register(self) -> None:
        asked_at = self._cost.now()
        try:
            lease = self._client.register(resume=self._resume)
        except Unanswered as away:
            self._resume |= away.perhaps_done
            raise
        self._resume = True
        self._token = lease.token
        self._renew_seconds = lease.renew_seconds
        self._cost.update(lease.quote, asked_at=asked_at)
        self._answered()

    def _renew(self, token: str) -> None:
        asked_at = self._cost.now()
        self._cost.update(self._client.renew(token, self._progress()), asked_at=asked_at)
        self._answered()

    def _end(self) -> None:
        if self._token is None and not self._resume:
            return  # the exporter has never heard of the run
        try:
            if self._token is None:
                # The lease ran out while nobody looked; it is taken once more, so that the run ends as it did.
                self._register()
            if self._token is not None and self._result is not None:
                self._cost.settle(self._final_quote(self._token, self._result))
                self._answered()
                self.settled = True
        except Refused as refused:
            if self._token is None or refused.status not in _LEASE_LOST:
                self._refuse(refused)
            self._token = None
        except Unanswered as away:
            self._away(away)

    def _final_quote(self, token: str, result: str) -> Quote:
        """End the run and ask until its cost is final: where it shared a device, the other run has to be heard of."""
        quote = self._client.end(token, result, self._progress())
        for _ in range(_SETTLE_ATTEMPTS):
            if quote.settled:
                break
            time.sleep(_SETTLE_SECONDS)
            quote = self._client.end(token, result, self._progress())
        return quote

    def _answered(self) -> None:
        if self._said_away:
            _log.warning("the exporter at %s answers again", self._where)
        self._said_away = False
        self.up = True

    def _away(self, away: Unanswered | Refused) -> None:
        self.up = False
        if not self._said_away:
            known = "the last known price" if self._cost.quote is not None else "no price"
            _log.warning("no exporter at %s (%s): training goes on with %s", self._where, away, known)
        self._said_away = True

    def _refuse(self, refused: Refused) -> None:
        self._answered()
        self.refusal = str(refused)
        self._on_refusal(self.refusal)
