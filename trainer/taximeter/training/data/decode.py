"""From an image file to pixels."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif"})
"""Of the files in a folder that are taken for images."""

_16_BIT = ("I;16", "I;16B", "I;16L", "I;16N", "I")


class UnreadableImage(Exception):
    """A file that holds no image that can be decoded; says why."""


def decode(path: Path, channels: int) -> tuple[Tensor, int]:
    """The first image in a file, C×H×W uint8, and the size of the file in bytes.

    Whatever it is kept as (grey, palette, CMYK, 16 bits, with or without transparency, turned by a camera), it comes
    upright and with so many channels: 1 is grey, 3 are red, green and blue. Raises `UnreadableImage`.
    """
    try:
        packed = path.read_bytes()
    except OSError as wrong:
        raise UnreadableImage(wrong.strerror or str(wrong)) from None
    return decode_bytes(packed, channels), len(packed)


def decode_bytes(packed: bytes, channels: int, *, most_pixels: int | None = None) -> Tensor:
    """As `decode`, of what a file holds; one that says it has more than `most_pixels` is not decoded at all."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what can be decoded nonetheless
            with Image.open(BytesIO(packed)) as image:
                if most_pixels is not None and image.width * image.height > most_pixels:
                    raise UnreadableImage(f"{image.width}×{image.height} pixels are more than {most_pixels:,}")
                pixels = np.array(_converted(ImageOps.exif_transpose(image), channels))
    except UnidentifiedImageError:
        raise UnreadableImage("it is no image of a known format" if packed else "it is empty") from None
    except Exception as wrong:
        # Pillow raises whatever its decoders trip over: OSError, SyntaxError, ValueError, struct.error, …
        raise UnreadableImage(" ".join(str(wrong).split()) or type(wrong).__name__) from None
    return torch.from_numpy(pixels[:, :, None] if channels == 1 else pixels).permute(2, 0, 1)


def _converted(image: Image.Image, channels: int) -> Image.Image:
    mode = "L" if channels == 1 else "RGB"
    if image.mode in _16_BIT:  # Pillow would cut off at 255
        grey = np.asarray(image).astype(np.int64).clip(0, 65535) >> 8
        return Image.fromarray(grey.astype(np.uint8)).convert(mode)
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image if image.mode == mode else image.convert(mode)
