"""A dashboard opened in a browser: what Grafana asks Prometheus then, and how long the answers take.

With All chosen in every variable, over connections that stay open, and ranges in steps as `bench.steps` has them.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from threading import local
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.fleet.making import SCRAPE_SECONDS, Asked
from bench.steps import Steps, steps
from grafana.queries import Query, filled_in, with_variables

PIXELS = 1920
"""How wide the browser's window is."""

_VALUES_OF_LABEL = re.compile(r"group by \((?P<label>\w+)\) \(last_over_time\((?P<series>.+)\[\w+\]\)\)")
"""What `grafana.queries` makes of a variable. Grafana asks for the label's values, which are in the index."""


@dataclass(frozen=True)
class Opened:
    """A dashboard over a time range up to now, in seconds."""

    path: Path
    over: float

    @cached_property
    def queries(self) -> list[tuple[Query, Steps]]:
        """As Prometheus is asked them."""
        document = json.loads(self.path.read_text(encoding="utf-8"))
        everything = {variable["name"]: ".*" for variable in document["templating"]["list"]}
        return [self._asked(query, everything) for query in with_variables(document)]

    def looked_at(self) -> list[Asked]:
        """What has to be there for it."""
        queries = [query for query, _ in self.queries if not _VALUES_OF_LABEL.fullmatch(query.expr)]
        return [
            Asked([query.expr for query in queries if query.instant]),
            Asked([query.expr for query in queries if not query.instant], self.over),
        ]

    def _asked(self, query: Query, everything: Mapping[str, str]) -> tuple[Query, Steps]:
        by = steps(query.resolution, over=self.over, pixels=PIXELS, every=SCRAPE_SECONDS)
        built_in = {
            "__range": f"{self.over:.0f}s",
            "__interval": f"{by.step:.0f}s",
            "__rate_interval": f"{by.rate:.0f}s",
        }
        return replace(query, expr=filled_in(query.expr, {**everything, **built_in})), by


class Browser:
    """Asks over a connection of its own in each thread."""

    def __init__(self, url: str, over: float, end: float) -> None:
        """Ask Prometheus over so many seconds before the moment `end`, in seconds since 1970."""
        self._address = urlsplit(url).netloc
        self._over = over
        self._end = end
        self._of_thread = local()

    def ask(self, query: Query, by: Steps) -> tuple[float, int]:
        """Milliseconds, and how many series came back. Raises `ValueError` if Prometheus refuses."""
        path, parameters = self._request(query, by)
        began = time.perf_counter()
        answer = self._get(path, parameters)
        ms = 1e3 * (time.perf_counter() - began)
        if answer["status"] != "success":
            raise ValueError(f"{query.panel}: {answer['error']}")
        found = answer["data"]
        return ms, len(found if isinstance(found, list) else found["result"])

    def _request(self, query: Query, by: Steps) -> tuple[str, dict[str, str]]:
        since = self._end - self._over
        if values := _VALUES_OF_LABEL.fullmatch(query.expr):
            times = {"start": f"{since}", "end": f"{self._end}"}
            return f"/api/v1/label/{values['label']}/values", {"match[]": values["series"], **times}
        if query.instant:
            return "/api/v1/query", {"query": query.expr, "time": f"{self._end}"}
        first, last = (moment // by.step * by.step for moment in (since, self._end))
        times = {"start": f"{first}", "end": f"{last}", "step": f"{by.step}"}
        return "/api/v1/query_range", {"query": query.expr, **times}

    def _get(self, path: str, parameters: Mapping[str, str]) -> Any:
        if not hasattr(self._of_thread, "connection"):
            self._of_thread.connection = HTTPConnection(self._address, timeout=120)
        connection = self._of_thread.connection
        connection.request("GET", f"{path}?{urlencode(parameters)}")
        return json.loads(connection.getresponse().read())
