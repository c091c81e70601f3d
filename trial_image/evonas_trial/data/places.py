"""Where a data set's files are: --data, the environment, then the places where packages put them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from evonas_trial.data.catalogue import DataSet

VARIABLE = "EVONAS_DATA"

_OTHER_NAMES = {"mnist": ("MNIST/raw",), "fashion-mnist": ("FashionMNIST/raw",)}
"""The layout of torchvision's downloads."""


class DataMissing(Exception):
    """A data set is not on this machine, or its files are not as expected."""


def find(data_set: DataSet, named: str | None, complete: Callable[[Path], bool], environ: Mapping[str, str]) -> Path:
    """Return the first folder that holds the set according to ``complete``. A folder named by the user must hold it,
    directly or in a subfolder named like the set: no other place is tried, so that a typo never trains on other files.
    Raises DataMissing, which says what to put where.
    """
    chosen = named or environ.get(VARIABLE)
    candidates = list(_inside(Path(chosen), data_set) if chosen else _known_places(data_set))
    for folder in candidates:
        if complete(folder):
            return folder
    looked = ", ".join(map(str, candidates)) or "no place"
    raise DataMissing(
        f"the data set {data_set.name!r} was not found (looked into {looked}); nothing is downloaded: put "
        f"{data_set.cure} into a folder and name it with --data or {VARIABLE}"
    )


def _inside(root: Path, data_set: DataSet) -> Iterator[Path]:
    for name in (".", data_set.name, *_OTHER_NAMES.get(data_set.name, ())):
        yield root / name


def _known_places(data_set: DataSet) -> Iterator[Path]:
    yield from map(Path, data_set.folders)
    if data_set.package:
        name, *inside = data_set.package
        # Located, not imported: importing scikit-learn takes two seconds, a third of a whole trial.
        package = find_spec(name)
        for location in (package.submodule_search_locations if package else None) or ():
            yield Path(location, *inside)
    yield Path(os.sep, "data", data_set.name)
