"""An image comes with the channels that are asked for, whatever its file keeps; what is no image says why."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from taximeter.training.data.decode import UnreadableImage, decode, decode_bytes

GREY = 120


def packed(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def upper_half_lit() -> Image.Image:
    image = Image.new("RGB", (16, 8))
    image.paste((200, 100, 50), (0, 0, 16, 4))
    return image


KEPT = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "JPEG": ["1", "L", "RGB", "CMYK"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"],
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in KEPT.items() for mode in modes])
def test_whatever_is_kept_is_decoded(kind: str, mode: str, channels: int) -> None:
    image = Image.new("L", (16, 8), GREY)
    if mode == "I;16":
        image = Image.fromarray(np.full((8, 16), GREY << 8, dtype=np.uint16))
    elif mode == "1":
        image = image.convert("1", dither=Image.Dither.NONE)
    else:
        image = image.convert(mode)
    pixels = decode_bytes(packed(image, kind), channels)
    assert (pixels.shape, pixels.dtype) == ((channels, 8, 16), torch.uint8)
    assert pixels.float().mean().item() == pytest.approx(0 if mode == "1" else GREY, abs=2)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_an_image_that_was_taken_on_its_side_is_put_upright(kind: str) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was turned left: the image's left is up
    pixels = decode_bytes(packed(upper_half_lit(), kind, exif=turned), 3).float()
    assert pixels.shape == (3, 16, 8)
    assert pixels[0, :, :4].mean() < 50
    assert pixels[0, :, 4:].mean() > 150


def test_a_palette_with_transparency_warns_nobody() -> None:
    image = upper_half_lit().convert("P")
    pixels = decode_bytes(packed(image, "PNG", transparency=bytes([0, 128, 255])), 3)
    assert pixels[:, 0, 0].tolist() == pytest.approx([200, 100, 50], abs=60)  # a palette has few colours


JPEG, PNG = packed(upper_half_lit(), "JPEG"), packed(upper_half_lit(), "PNG")


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "it is empty"),
        (b"once upon a time", "it is no image of a known format"),
        (JPEG[:300], "Truncated File Read"),
        (JPEG[:-20], "image file is truncated"),
        (PNG[:50], "image file is truncated"),
        (b"\xff\xd8\xff nonsense", "it is no image of a known format"),
    ],
)
def test_what_is_no_image_says_why(file: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage) as wrong:
        decode_bytes(file, 3)
    assert str(wrong.value).startswith(reason)


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match=r"^No such file or directory$"):
        decode(tmp_path / "none.png", 3)
    with pytest.raises(UnreadableImage, match=r"^Is a directory$"):
        decode(tmp_path, 3)


def test_the_size_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "image.jpg").write_bytes(JPEG)
    assert decode(tmp_path / "image.jpg", 1)[1] == len(JPEG)
