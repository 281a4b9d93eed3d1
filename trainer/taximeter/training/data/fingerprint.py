"""Which data it was, to the last pixel."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

import msgspec
import torch
from torch import Tensor
from tqdm import tqdm

from taximeter.training.config.error import ConfigError
from taximeter.training.data.cache import cache_folder
from taximeter.training.data.raw import RawData
from taximeter.training.data.source import ImageFiles, ImagesInMemory, Source

_THREADS = 16  # they wait for the disk, or for sha256, which both let others run
_BLOCK = 1 << 20
_SETTLED_NS = 2_000_000_000
"""A file that was changed less than this ago may be changed again and keep its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What tells data from other data."""

    digest: str
    """`sha256:` and 64 hexadecimal digits."""
    of: str
    """What it was taken of."""
    bytes_read: int
    """From storage, to take it."""


class _Known(msgspec.Struct, array_like=True, frozen=True):
    size: int
    modified_ns: int
    sha256: bytes


def fingerprint(raw: RawData, how: Literal["content", "names"], stream: TextIO) -> Fingerprint:
    """Take the fingerprint of a whole data set, before it is split, with a progress bar where that takes a while.

    What a file holds is read once: its hash is remembered in the cache folder for as long as size and time of change
    are the same. Raises `ConfigError` if a file cannot be read.
    """
    sources: list[tuple[str, Source]] = [("training", raw.training)]
    sources += [] if raw.validation is None else [("validation", raw.validation)]
    digest = hashlib.sha256("\n".join(raw.classes).encode("utf-8", "surrogateescape"))
    if isinstance(raw.training, ImageFiles):
        of, bytes_read = _add_files(digest, sources, how, stream)
    else:
        of, bytes_read = "labels and pixels", 0
        for part, source in sources:
            digest.update(f"\n{part}\n".encode())
            _add_pixels(digest, source)
    return Fingerprint(digest=f"sha256:{digest.hexdigest()}", of=of, bytes_read=bytes_read)


def _add_pixels(digest: hashlib._Hash, source: Source) -> None:
    assert isinstance(source, ImagesInMemory)  # noqa: S101 (there are two kinds)
    digest.update(f"{tuple(source.images.shape)}".encode())
    digest.update(_bytes(source.labels))
    digest.update(_bytes(source.images))


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.contiguous().view(torch.uint8).reshape(-1).numpy().data


def _add_files(
    digest: hashlib._Hash, sources: list[tuple[str, Source]], how: Literal["content", "names"], stream: TextIO
) -> tuple[str, int]:
    files = [source for _, source in sources if isinstance(source, ImageFiles)]
    paths = [source.name(index) for source in files for index in range(len(source))]
    root = files[0].root
    try:
        if how == "names":
            found = [f"{os.stat(root / path).st_size}".encode() for path in paths]  # noqa: PTH116
            of, bytes_read = "paths and sizes", 0
        else:
            found, bytes_read = _contents(root, paths, stream)
            of = "paths and contents"
    except OSError as wrong:
        raise ConfigError("data_dir", f"{wrong.filename} cannot be read: {wrong.strerror}") from None
    for path, its in zip(paths, found, strict=True):
        digest.update(path.encode("utf-8", "surrogateescape") + b"\0" + its + b"\n")
    return of, bytes_read


def _contents(root: Path, paths: list[str], stream: TextIO) -> tuple[list[bytes], int]:
    """The sha256 of each file, and how many bytes had to be read for them."""
    file = _remembered_in(root)
    remembered = _remember(file)
    fresh: dict[str, _Known] = {}
    changed = bytes_read = 0
    with ThreadPoolExecutor(_THREADS) as threads:
        hashed = threads.map(lambda path: _hash(root / path, remembered.get(path)), paths)
        bar: Iterable[tuple[_Known, bool]] = tqdm(
            hashed, total=len(paths), desc="fingerprint of the data", unit="file", file=stream, delay=1, leave=False,
            disable=not stream.isatty(),
        )  # fmt: skip
        for path, (known, was_read) in zip(paths, bar, strict=True):
            fresh[path] = known
            changed += was_read
            bytes_read += known.size if was_read else 0
    if changed:
        _write(file, fresh)
    return [known.sha256 for known in fresh.values()], bytes_read


def _hash(path: Path, remembered: _Known | None) -> tuple[_Known, bool]:
    stat = path.stat()
    if remembered is not None and (remembered.size, remembered.modified_ns) == (stat.st_size, stat.st_mtime_ns):
        return remembered, False
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as opened:
        while block := opened.read(_BLOCK):
            digest.update(block)
    return _Known(stat.st_size, stat.st_mtime_ns, digest.digest()), True


def _remembered_in(root: Path) -> Path:
    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:32]
    return cache_folder() / "fingerprints" / f"{name}.msgpack"


def _remember(file: Path) -> dict[str, _Known]:
    try:
        return msgspec.msgpack.decode(file.read_bytes(), type=dict[str, _Known])
    except (OSError, msgspec.DecodeError):  # nothing yet, or nothing of use
        return {}


def _write(file: Path, known: dict[str, _Known]) -> None:
    settled = time.time_ns() - _SETTLED_NS
    kept = {path: its for path, its in known.items() if its.modified_ns < settled}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        written = file.with_suffix(f".{os.getpid()}")
        written.write_bytes(msgspec.msgpack.encode(kept))
        written.replace(file)
    except (OSError, UnicodeEncodeError):
        pass  # then they are read once more next time
