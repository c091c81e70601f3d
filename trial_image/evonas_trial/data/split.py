"""Divides images by seed, each class in the same proportion."""

from __future__ import annotations

import numpy
from numpy.typing import NDArray


def stratified(labels: NDArray[numpy.integer], share: float, seed: int) -> tuple[NDArray[numpy.intp], ...]:
    """Return the indexes of the kept and of the held-out images, class by class; ``share`` of each is held out. The
    same for the same labels, share and seed, regardless of any random generator's state.
    """
    random = numpy.random.Generator(numpy.random.PCG64(seed))
    kept, held_out = [], []
    for label in numpy.unique(labels):
        own = random.permutation(numpy.flatnonzero(labels == label))
        count = round(share * len(own))
        held_out.append(own[:count])
        kept.append(own[count:])
    return numpy.concatenate(kept), numpy.concatenate(held_out)


def subset(labels: NDArray[numpy.integer], count: int, seed: int) -> NDArray[numpy.intp]:
    """Return the indexes of about ``count`` images, each class in proportion; of all if there are not more."""
    if count >= len(labels):
        return numpy.arange(len(labels))
    _, chosen = stratified(labels, count / len(labels), seed)
    return chosen
