"""`POST /-/reload`, as Prometheus has it: read the configuration again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec import Struct

from taximeter_exporter.clock import NS_PER_SECOND
from taximeter_exporter.config.error import ConfigError
from taximeter_exporter.metering.ledger import LedgerError
from taximeter_exporter.web.answers import Moment, moment
from taximeter_exporter.web.http import HttpError, Request, Response, json_response
from taximeter_exporter.web.metrics import MetricSpec, Samples
from taximeter_exporter.web.metrics.exporter import CONFIG_RELOAD_SUCCESS_TIME, CONFIG_RELOAD_SUCCESSFUL

_FOLDER = re.compile(r"(?<![\w.])\.{0,2}/(?:[^\s/:;,'\"]+/)*")


class NeedsRestartError(ConfigError):
    """The configuration holds, but a field of it cannot change while the exporter runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadState:
    """How the last reload went."""

    successful: bool
    success_time_ns: int
    """When one last succeeded, in nanoseconds since 1970."""

    def samples(self) -> Iterator[tuple[MetricSpec, Samples]]:
        """The metrics of it."""
        yield CONFIG_RELOAD_SUCCESSFUL, [((), float(self.successful))]
        yield CONFIG_RELOAD_SUCCESS_TIME, [((), self.success_time_ns / NS_PER_SECOND)]


class Reloaded(Struct):
    """The configuration in force is that of now."""

    reloaded_at: Moment


def reload_handler(reload: Callable[[], ReloadState]) -> Callable[[Request], Response]:
    """Answers the call; the old configuration stays in force where it is an error."""

    def handle(_: Request) -> Response:
        try:
            state = reload()
        except NeedsRestartError as error:
            raise HttpError(409, _without_folders(str(error)), field=error.field) from error
        except ConfigError as error:
            raise HttpError(422, _without_folders(str(error)), field=error.field) from error
        except LedgerError as error:
            raise HttpError(503, _without_folders(str(error)), field="ledger") from error
        return json_response(Reloaded(moment(state.success_time_ns)))

    return handle


def _without_folders(message: str) -> str:
    """The log says where a file is; the network need not know."""
    return _FOLDER.sub("", message)
