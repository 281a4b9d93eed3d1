"""The last minutes of a fleet, written into a Prometheus that runs: they are in its memory, as what was scraped is.

By its remote-write protocol 1.0 (https://prometheus.io/docs/specs/prw/remote_write_spec/): a protobuf message of a few
fields, in Snappy's block format, which allows for data that are not compressed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.request import ProxyHandler, Request, build_opener

from bench.fleet.hosts import Line

_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
_MESSAGE_BYTES = 4_000_000
_SECONDS = 60.0
_OPENER = build_opener(ProxyHandler({}))


def write(url: str, lines: Iterable[Line], moments: Mapping[str, Sequence[float]]) -> int:
    """Write the samples of each line at the moments of its metric, in order of time; returns how many there were."""
    ends = {at: b"\x10" + _varint(round(at * 1000)) for each in moments.values() for at in each}
    wanted = [line for line in lines if line.name in moments]
    # The last sample by itself, as a scrape writes it: until a series is written to again, each query of it asks of all
    # samples of its last message whether they have been committed.
    for part in (slice(None, -1), slice(-1, None)):
        for message in _messages(_series(line, moments[line.name][part], ends) for line in wanted):
            body = _varint(len(message)) + b"\xfc" + struct.pack("<I", len(message) - 1) + message
            with _OPENER.open(Request(f"{url}/api/v1/write", body, _HEADERS), timeout=_SECONDS):
                pass
    return sum(len(moments[line.name]) for line in wanted)


def _messages(series: Iterable[bytes]) -> Iterator[bytes]:
    """Several series in a message (WriteRequest.timeseries)."""
    message = bytearray()
    for each in series:
        message += each
        if len(message) > _MESSAGE_BYTES:
            yield bytes(message)
            message.clear()
    if message:
        yield bytes(message)


def _series(line: Line, moments: Sequence[float], ends: Mapping[float, bytes]) -> bytes:
    """TimeSeries: its labels, then its samples; each a double, and milliseconds since 1970."""
    labels = sorted({"__name__": line.name, **line.labels}.items())
    parts = [_field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in labels]
    double, course = struct.Struct("<d").pack, line.course
    parts += [_field(2, b"\x09" + double(course(at)) + ends[at]) for at in moments]
    return _field(1, b"".join(parts))


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
