"""A folder of images: train/CLASS/FILE and val/CLASS/FILE, as ImageNet is usually laid out."""

from __future__ import annotations

from pathlib import Path

import torch

from evonas_trial.data.images import Files
from evonas_trial.data.places import DataMissing

_PARTS = {"development": ("train",), "test": ("val", "test")}
_ENDINGS = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})


def complete(folder: Path) -> bool:
    """Return whether there are classes to train on; the test part may be missing until it is needed."""
    return bool(classes(folder))


def classes(folder: Path) -> list[str]:
    """Return the names of the classes, sorted: a class's position is its label."""
    training = folder / "train"
    return sorted(path.name for path in training.iterdir() if path.is_dir()) if training.is_dir() else []


def read(folder: Path, part: str, expected_classes: int) -> Files:
    """Return the files of ``development`` or ``test``; raises DataMissing if classes or files are missing."""
    names = classes(folder)
    if len(names) != expected_classes:
        raise DataMissing(f"{folder / 'train'} holds {len(names)} classes, --classes says {expected_classes}")
    root = next((folder / name for name in _PARTS[part] if (folder / name).is_dir()), None)
    if root is None:
        raise DataMissing(f"{folder} has no folder {' or '.join(_PARTS[part])}")
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        own = [path for path in (root / name).glob("*") if path.suffix.lower() in _ENDINGS]
        # By name: whole paths are compared part by part, which takes longer than all the rest.
        own.sort(key=lambda path: path.name)
        if not own:
            raise DataMissing(f"{root / name} holds no image ({', '.join(sorted(_ENDINGS))})")
        paths += own
        labels += [label] * len(own)
    return Files(paths, torch.tensor(labels))
