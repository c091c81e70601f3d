"""Writes small data sets in the formats in which the real ones are published."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy
from numpy.typing import NDArray

Bytes = NDArray[numpy.uint8]


def idx(array: Bytes) -> bytes:
    """MNIST's format."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_mnist(folder: Path, *, per_class: int = 10, ending: str = ".gz") -> None:
    """Write all four files, 28x28 pixels; image i of a class is of the byte ``label * 10 + i`` everywhere."""
    folder.mkdir(parents=True, exist_ok=True)
    for prefix in ("train", "t10k"):
        labels = numpy.tile(numpy.arange(10, dtype=numpy.uint8), per_class)
        values = labels * 10 + numpy.repeat(numpy.arange(per_class, dtype=numpy.uint8), 10)
        images = numpy.broadcast_to(values[:, None, None], (len(values), 28, 28))
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            content = idx(array)
            name = f"{prefix}-{kind}-ubyte{ending}"
            (folder / name).write_bytes(gzip.compress(content) if ending else content)


def cifar(version: str, *, per_batch: int = 10) -> dict[str, bytes]:
    """CIFAR-10's six files, ``binary`` or ``python``; image i of batch b is of the byte ``10 * b + i``."""
    names = {"test_batch": 0, **{f"data_batch_{number}": number for number in range(1, 6)}}
    files = {}
    for name, batch in names.items():
        labels = numpy.arange(per_batch, dtype=numpy.uint8)
        pixels = numpy.repeat((10 * batch + labels)[:, None], 3072, axis=1)
        if version == "binary":
            files[f"{name}.bin"] = numpy.concatenate([labels[:, None], pixels], axis=1).tobytes()
        else:
            files[name] = pickle.dumps({b"data": pixels, b"labels": labels.tolist(), b"batch_label": name.encode()}, 2)
    return files


def write_cifar_archive(folder: Path, version: str) -> None:
    """Write the archive as it is published."""
    folder.mkdir(parents=True, exist_ok=True)
    inner = "cifar-10-batches-bin" if version == "binary" else "cifar-10-batches-py"
    with tarfile.open(folder / f"cifar-10-{version}.tar.gz", "w:gz") as tar:
        for name, content in cifar(version).items():
            member = tarfile.TarInfo(f"{inner}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def write_image_folder(folder: Path, *, classes: tuple[str, ...] = ("cat", "dog"), per_class: int = 6) -> None:
    """Write train/CLASS and val/CLASS with small PNG files; the first class is dark, the next ever brighter."""
    from PIL import Image

    draw = numpy.random.default_rng(0)
    for part in ("train", "val"):
        for label, name in enumerate(classes):
            (folder / part / name).mkdir(parents=True)
            for number in range(per_class):
                noise = draw.integers(0, 40, (20 + number, 24, 3))
                image = (noise + 200 * label // max(1, len(classes) - 1)).astype(numpy.uint8)
                Image.fromarray(image).save(folder / part / name / f"{number}.png")
