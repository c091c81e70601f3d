"""CIFAR-10 as published: the binary or the python version, packed or unpacked."""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from evonas_trial.data.places import DataMissing

_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32
_BATCHES = {"development": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
_BINARY = ("cifar-10-binary.tar.gz", "cifar-10-batches-bin", ".bin")
_PYTHON = ("cifar-10-python.tar.gz", "cifar-10-batches-py", "")

Bytes = NDArray[numpy.uint8]


def complete(folder: Path) -> bool:
    """Return whether an archive, or all files of an unpacked one, are there."""
    return any((folder / archive).is_file() or _unpacked(folder, *rest) for archive, *rest in (_BINARY, _PYTHON))


def read(folder: Path, part: str) -> tuple[Bytes, Bytes]:
    """Return the pixels, (n, 3, 32, 32), and labels, (n,), of ``development`` or ``test``.

    Raises DataMissing for files of unexpected size or content; gzip checks the archive's checksum.
    """
    parse = _parse_binary if _source(folder)[0] is _BINARY else _parse_python
    parts = [parse(name, content) for name, content in _contents(folder, _BATCHES[part])]
    pixels, labels = (numpy.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return pixels.reshape(-1, *_SHAPE), labels


def _unpacked(folder: Path, inner: str, ending: str) -> Path | None:
    names = [f"{batch}{ending}" for batches in _BATCHES.values() for batch in batches]
    for place in (folder / inner, folder):
        if all((place / name).is_file() for name in names):
            return place
    return None


def _source(folder: Path) -> tuple[tuple[str, str, str], Path | None]:
    """Return the version that is there, and the folder it was unpacked to if it was."""
    for version in (_BINARY, _PYTHON):
        place = _unpacked(folder, *version[1:])
        if place or (folder / version[0]).is_file():
            return version, place
    raise DataMissing(f"{folder} lost its CIFAR-10 files")


def _contents(folder: Path, batches: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    (archive, inner, ending), place = _source(folder)
    if place:
        for batch in batches:
            yield f"{place}/{batch}{ending}", (place / f"{batch}{ending}").read_bytes()
        return
    path = folder / archive
    try:
        with tarfile.open(path) as tar:
            for batch in batches:
                member = tar.extractfile(f"{inner}/{batch}{ending}")
                if member is None:
                    raise DataMissing(f"{path}: {inner}/{batch}{ending} is not a file")
                yield f"{path}: {batch}", member.read()
    except (OSError, EOFError, KeyError, tarfile.TarError, zlib.error) as error:
        raise DataMissing(f"{path} is damaged or not the published archive: {error}") from error


def _parse_binary(name: str, content: bytes) -> tuple[Bytes, Bytes]:
    if not content or len(content) % (_PIXELS + 1):
        raise DataMissing(f"{name} is not a sequence of {_PIXELS + 1} bytes per image")
    rows = numpy.frombuffer(content, dtype=numpy.uint8).reshape(-1, _PIXELS + 1)
    return rows[:, 1:], rows[:, 0]


def _parse_python(name: str, content: bytes) -> tuple[Bytes, Bytes]:
    try:
        batch = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        pixels, labels = batch[b"data"], numpy.array(batch[b"labels"], dtype=numpy.uint8)
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
        raise DataMissing(f"{name} is not a batch of the python version: {error}") from error
    if getattr(pixels, "shape", None) != (len(labels), _PIXELS) or pixels.dtype != numpy.uint8:
        raise DataMissing(f"{name} does not hold {_PIXELS} bytes for each of its {len(labels)} labels")
    return pixels, labels


class _ArraysOnly(pickle.Unpickler):
    """Unpickles only numpy arrays and built-in types: a pickle of anything else could run code."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): numpy._core.multiarray._reconstruct,  # type: ignore[attr-defined]
            ("numpy._core.multiarray", "_reconstruct"): numpy._core.multiarray._reconstruct,  # type: ignore[attr-defined]
            ("numpy", "ndarray"): numpy.ndarray,
            ("numpy", "dtype"): numpy.dtype,
            ("_codecs", "encode"): __import__("_codecs").encode,
        }
        try:
            return allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}") from None
