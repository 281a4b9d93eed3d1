"""One checkpoint file: written whole or not at all, and known to be whole when it is read.

The file is what `torch.save` writes, a zip archive, so that `torch.load(path, weights_only=True)` reads it anywhere.
Two things are added as zip provides for them: the header, as the member `archive/taximeter.json`, which is read without
torch; and as the archive's comment the SHA-256 of everything before it (zip's own checksums leave parts out).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from taximeter.training.checkpoint.error import CheckpointError, Damaged
from taximeter.training.checkpoint.header import FORMAT, Header

PART_SUFFIX = ".part"
"""Of a file that is being written; what is left of it after a kill is no checkpoint."""

_HEADER = "archive/taximeter.json"
_MARK = b"sha256:"
_DIGEST_BYTES = 64  # in hexadecimal
_CHUNK_BYTES = 1 << 20
_DAMAGED = "cut short or altered"
_FOREIGN = "not a checkpoint of taximeter train (for weights alone there is --weights)"


def encode(header: Header, contents: Mapping[str, Any]) -> memoryview:
    """The file's bytes, in memory: from here on the training may change what `contents` refers to."""
    # torch is loaded by whoever has tensors to save; to read a header must not need it.
    import torch  # noqa: PLC0415

    file = io.BytesIO()
    torch.save(dict(contents), file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(_HEADER, json.dumps(header.to_json(), allow_nan=False))
        archive.comment = _MARK + b"0" * _DIGEST_BYTES
    data = file.getbuffer()
    data[-_DIGEST_BYTES:] = hashlib.sha256(data[:-_DIGEST_BYTES]).hexdigest().encode()
    return data


def write(path: Path, data: memoryview | bytes) -> None:
    """Write a file atomically: whatever happens, `path` is what it was before, or all of `data`, on the disk.

    Raises `OSError`; then nothing is left behind.
    """
    part = path.with_name(f".{path.name}{PART_SUFFIX}")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def peek(path: Path) -> Header:
    """What the checkpoint says of itself, without a look at the rest of the file. Raises as `read` does."""
    try:
        with zipfile.ZipFile(path) as archive:
            values = json.loads(archive.read(_HEADER))
            version = values["format"]
            if version == FORMAT:
                return Header.of_json(values)
    except KeyError:
        raise CheckpointError(f"{path}: {_FOREIGN}") from None
    except (ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile) as wrong:
        raise Damaged(f"{path}: {_DAMAGED} ({wrong})") from None
    raise CheckpointError(f"{path}: has format {version}, and this version of Taximeter reads format {FORMAT}")


def read(path: Path) -> Header:
    """What the checkpoint says of itself, once all of it has been compared with its checksum.

    Raises `Damaged` if it is not what was written once, `CheckpointError` if it is not of this format, or `OSError`.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        left = os.fstat(file.fileno()).st_size - _DIGEST_BYTES
        mark = b""
        while left > 0 and (chunk := file.read(min(left, _CHUNK_BYTES))):
            digest.update(chunk)
            mark = (mark + chunk)[-len(_MARK) :]
            left -= len(chunk)
        written = file.read(_DIGEST_BYTES)
    if mark != _MARK:
        raise Damaged(f"{path}: {_DAMAGED}, or {_FOREIGN}")
    if written != digest.hexdigest().encode():
        raise Damaged(f"{path}: {_DAMAGED} (its checksum does not fit)")
    return peek(path)


def load(path: Path) -> dict[str, Any]:
    """What `encode` was given, its tensors in the host's memory. Raises `CheckpointError` or `OSError`."""
    import torch  # noqa: PLC0415

    try:
        contents: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as wrong:  # torch raises whatever it stumbles over
        reason = str(wrong).splitlines()[0]
        raise CheckpointError(f"{path}: torch cannot read it ({reason})") from None
    return contents
