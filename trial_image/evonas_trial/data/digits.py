"""scikit-learn's 1,797 handwritten digits of 8x8 pixels, 0 to 16, which need no download.

They come in one file. A fifth of each digit is set aside as the test part, the same fifth for every seed of the split
into training and validation.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy
from numpy.typing import NDArray

from evonas_trial.data.places import DataMissing
from evonas_trial.data.split import stratified

_FILE = "digits.csv.gz"
_SIDE = 8
_ROWS = 1797
_TEST_SHARE = 0.2
_TEST_SEED = 0


def complete(folder: Path) -> bool:
    """Return whether the file is there."""
    return (folder / _FILE).is_file()


def read(folder: Path, part: str) -> tuple[NDArray[numpy.uint8], NDArray[numpy.uint8]]:
    """Return the pixels, (n, 1, 8, 8), and labels, (n,), of ``development`` or ``test``; raises DataMissing."""
    try:
        table = numpy.loadtxt(folder / _FILE, delimiter=",", dtype=numpy.uint8)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataMissing(f"{folder / _FILE} is damaged: {error}") from error
    if table.shape != (_ROWS, _SIDE**2 + 1):
        raise DataMissing(f"{folder / _FILE} has the shape {table.shape}, not that of {_ROWS} digits")
    pixels, labels = table[:, :-1].reshape(-1, 1, _SIDE, _SIDE), table[:, -1]
    development, test = stratified(labels, _TEST_SHARE, _TEST_SEED)
    chosen = test if part == "test" else development
    return pixels[chosen], labels[chosen]
