"""Random numbers as a pure function of (seed, purpose, index): no state to save, none that another draw could shift.

This is why a restored agent proposes what an uninterrupted one would. Every random number in this package comes from
here. Only the raw words of NumPy's Philox are used: NumPy keeps those stable across versions, but not the distributions
of its ``Generator``.
"""

from __future__ import annotations

import enum
import math

import numpy as np
from numpy.typing import NDArray

MAX_SEED = 2**63 - 1


class Purpose(enum.IntEnum):
    """What a stream of numbers is for. Streams of different purposes are independent; never renumber them."""

    VALUES = 0
    """Which value each drawn decision takes."""
    POSITIONS = 1
    """Which decisions of a parent are re-drawn."""
    TOURNAMENTS = 2
    """Which results compete to be a parent."""
    WALK = 3
    """The steps away from a candidate that was proposed before."""
    SCAN = 4
    """Where the scan for a candidate that was never proposed begins."""
    WEIGHTS = 5
    """The network's initial weights; the index numbers the tensors."""
    BREEDERS = 6
    """What is drawn for decisions that a change makes exist, in an imagined generation."""
    EXPLORATION = 7
    """How much the critic's uncertainty counts in a proposal."""
    MARGINALS = 8
    """The candidates that show what a policy would choose; none of them is proposed."""
    ELITES = 9
    """Which candidates of earlier searches have descendants, and how these are mutated."""
    CHILDREN = 11
    """Which of too many children of an imagined candidate there are."""
    DIRECTIONS = 12
    """Along which a proposal measures what candidates would add to the front."""
    SAMPLER = 16
    """What Optuna's samplers are seeded with."""


def words(seed: int, purpose: Purpose, index: int, count: int) -> NDArray[np.uint64]:
    """Return ``count`` uniformly random 64-bit words; ``seed`` from 0 to MAX_SEED, ``index`` from 0."""
    # Philox counts up from the lowest word, so an index in the highest one leaves 2^192 blocks to each stream.
    return np.random.Philox(key=[seed, purpose], counter=[0, 0, 0, index]).random_raw(count)


def uniforms(seed: int, purpose: Purpose, index: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return numbers drawn uniformly from [0, 1), 53 bits each."""
    raw = words(seed, purpose, index, math.prod(shape))
    return (raw >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53
