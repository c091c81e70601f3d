"""From an image file to bytes of red, green and blue, and from there to what evaluation looks at.

torchvision is imported in the functions: it takes seconds, and trials that read a cache do not need it.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from evonas_trial.data.places import DataMissing

_LIKE_PIL = frozenset({"Gray", "RGB", "YCbCr"})
"""Colours of which simplejpeg makes the very bytes that PIL makes: both have libjpeg-turbo inside."""


def decoded(path: Path) -> Tensor:
    """Return an image, uint8, (3, height, width); raises DataMissing, which names the file."""
    try:
        content = path.read_bytes()
        pixels = _by_turbo(content)
        return torch.from_numpy(_by_pil(content) if pixels is None else pixels).permute(2, 0, 1)
    except Exception as error:
        # PIL names no type for what damaged files cause.
        raise unreadable(path, error) from error


def _by_turbo(content: bytes) -> NDArray[numpy.uint8] | None:
    """Return a JPEG's pixels, (height, width, 3); None if PIL is to look at it, which knows more and says what is
    wrong."""
    from simplejpeg import decode_jpeg, decode_jpeg_header, is_jpeg  # noqa: PLC0415

    if is_jpeg(content):
        with contextlib.suppress(ValueError):
            *_, colours, _ = decode_jpeg_header(content)
            if colours in _LIKE_PIL:
                pixels: NDArray[numpy.uint8] = decode_jpeg(content)
                return pixels
    return None


def _by_pil(content: bytes) -> NDArray[numpy.uint8]:
    from PIL import Image  # noqa: PLC0415

    with Image.open(io.BytesIO(content)) as file:
        return numpy.array(file.convert("RGB"))


def is_exactly(path: Path, side: int) -> bool:
    """Return whether an image is a square of this side, from the file's first bytes; raises DataMissing."""
    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(path) as file:
            return file.size == (side, side)
    except Exception as error:
        # As above.
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> DataMissing:
    """Return what says that a file cannot be read, and the cure."""
    # Of an error of PIL's own, the memory address of what it was given says nothing.
    reason = "no known format" if type(error).__name__ == "UnidentifiedImageError" else error
    return DataMissing(f"{path} cannot be read as an image ({reason}): replace it, or remove it from its folder")


def larger(side: int) -> int:
    """Return the side of what is evaluated before its last crop: an eighth more, as published ImageNet figures have."""
    return round(side * 8 / 7)


def squared(image: Tensor, side: int) -> Tensor:
    """Return the square of side ``larger(side)`` from whose centre evaluation takes its crop of ``side``: the middle of
    the scaled image. An image that is exactly ``side`` x ``side`` is this crop as it is, and its border is repeated.
    """
    from torchvision.transforms.v2 import functional  # noqa: PLC0415

    whole = larger(side)
    if image.shape[1:] == (side, side):
        before = round((whole - side) / 2)
        after = whole - side - before
        square: Tensor = functional.pad(image, [before, before, after, after], padding_mode="edge")
    else:
        square = functional.center_crop(functional.resize(image, [whole]), [whole, whole])
    return square
