"""MNIST's file format: a big-endian header of sizes, then one byte per pixel or label."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy
from numpy.typing import NDArray

from evonas_trial.data.places import DataMissing

_BYTES = 0x08
_PREFIXES = {"development": "train", "test": "t10k"}


def complete(folder: Path) -> bool:
    """Return whether all four files are there."""
    return all(_file(folder, part, kind) for part in _PREFIXES for kind in ("images-idx3", "labels-idx1"))


def read(folder: Path, part: str) -> tuple[NDArray[numpy.uint8], NDArray[numpy.uint8]]:
    """Return the pixels, (n, 1, height, width), and labels, (n,), of ``development`` or ``test``.

    Raises DataMissing if sizes, types or counts of the two files do not agree; gzip checks its own checksum.
    """
    images, labels = _array(folder, part, "images-idx3", 3), _array(folder, part, "labels-idx1", 1)
    if len(images) != len(labels):
        raise DataMissing(f"{folder}: {len(images)} images but {len(labels)} labels in the {part} files")
    return images[:, None], labels


def _file(folder: Path, part: str, kind: str) -> Path | None:
    for ending in ("", ".gz"):
        path = folder / f"{_PREFIXES[part]}-{kind}-ubyte{ending}"
        if path.is_file():
            return path
    return None


def _array(folder: Path, part: str, kind: str, dimensions: int) -> NDArray[numpy.uint8]:
    path = _file(folder, part, kind)
    if path is None:
        raise DataMissing(f"{folder} lost its {_PREFIXES[part]}-{kind}-ubyte")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataMissing(f"{path} is damaged: {error}") from error
    header = 4 + 4 * dimensions
    if content[:4] != bytes([0, 0, _BYTES, dimensions]) or len(content) < header:
        raise DataMissing(f"{path} is not an idx file of bytes in {dimensions} dimensions")
    sizes = [int(size) for size in numpy.frombuffer(content[4:header], dtype=">u4")]
    if len(content) - header != numpy.prod(sizes):
        raise DataMissing(f"{path} announces {sizes} bytes, but holds {len(content) - header}")
    return numpy.frombuffer(content, dtype=numpy.uint8, offset=header).reshape(sizes)
