"""What is answered to what a scraper says it takes."""

from __future__ import annotations

import pytest
from taximeter_exporter.web.negotiation import Format, choose, takes_gzip

PROMETHEUS_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
PROMETHEUS_2 += "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
PROMETHEUS_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
PROMETHEUS_3 += "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
PROMETHEUS_3 += "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
WITHOUT_OPENMETRICS = "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

TEXT = "text/plain; version=0.0.4; charset=utf-8"
TEXT_1 = "text/plain; version=1.0.0; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "format_", "content_type"),
    [
        ("", Format.TEXT, TEXT),
        ("*/*", Format.TEXT, TEXT),
        (BROWSER, Format.TEXT, TEXT),
        ("image/png", Format.TEXT, TEXT),
        ("text/plain", Format.TEXT, TEXT),
        (PROMETHEUS_2, Format.OPENMETRICS, OPENMETRICS),
        (PROMETHEUS_3, Format.OPENMETRICS, OPENMETRICS + "; escaping=allow-utf-8"),
        (WITHOUT_OPENMETRICS, Format.TEXT_1, TEXT_1 + "; escaping=allow-utf-8"),
        ("text/plain;version=1.0.0", Format.TEXT_1, TEXT_1),
        ("text/plain;version=1.0.0;escaping=dots", Format.TEXT_1, TEXT_1),
        ("text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.1", Format.TEXT, TEXT),
        ("text/plain;q=0.1 , Application/OpenMetrics-Text; version=1.0.0 ;q=0.9", Format.OPENMETRICS, OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0;q=0,text/plain;q=0.1", Format.TEXT, TEXT),
        ("application/openmetrics-text;version=7.0.0,text/plain;version=0.0.4;q=0.1", Format.TEXT, TEXT),
        ("application/openmetrics-text;q=much", Format.OPENMETRICS, OPENMETRICS),
        (";;;,,q=;", Format.TEXT, TEXT),
    ],
)
def test_the_best_liked_format_is_answered(accept: str, format_: Format, content_type: str) -> None:
    chosen = choose(accept)
    assert (chosen.format, chosen.content_type) == (format_, content_type)


@pytest.mark.parametrize(
    ("accept_encoding", "taken"),
    [
        ("", False),
        ("gzip", True),
        ("br, GZIP;q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0.001", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("identity, gzip;q=0.5", False),
        ("identity;q=0.5, gzip", True),
        ("deflate, br", False),
    ],
)
def test_gzip_is_answered_where_it_is_taken(accept_encoding: str, taken: bool) -> None:
    assert takes_gzip(accept_encoding) is taken
