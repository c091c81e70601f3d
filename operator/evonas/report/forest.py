"""A random forest (Breiman 2001) over choices, and the permutation importance of each column. All trees grow together,
level by level, by counting: a decision has few values, so that one histogram covers all thresholds. Importing
scikit-learn alone takes longer than this.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TREES = 100
MAX_DRAWS = 1000
"""How many results a tree is fitted to at most; it is judged by at most as many."""
MAX_VALUES = 32
"""If a column has more values, neighbouring ones are merged."""
LEAST_SPLIT = 5
"""A node with fewer results is a leaf: Breiman's value for regression."""
LEAST_GAIN = 1e-9
"""Smallest gain of a split, in variances of the rewards: less is rounding error."""
MAX_CELLS = 4_000_000
"""Bounds the memory: the more results, the fewer trees grow at once."""


@dataclass(frozen=True)
class Fit:
    """What a forest found."""

    explained: float
    """Share of the variance it predicts for results that a tree was not fitted to; at least 0."""
    losses: Floats
    """By column: how much larger a tree's squared errors on such results are once the column is shuffled."""


def fit(choices: Ints, rewards: Floats) -> Fit:
    """Fit a forest to ``rewards`` [results], not all equal, by ``choices`` [results, columns]; deterministic."""
    results, columns = choices.shape
    values = np.stack([_places(column) for column in choices.T], axis=1)
    scaled = (rewards - rewards.mean()) / rewards.std()
    dice = np.random.default_rng(0)
    draws = min(results, MAX_DRAWS)
    at_once = max(1, MAX_CELLS // (draws * columns))
    predicted, judges, losses = np.zeros(results), np.zeros(results), np.zeros(columns)
    for first in range(0, TREES, at_once):
        drawn = dice.integers(results, size=(min(at_once, TREES - first), draws))
        forest = _Forest(values, scaled, drawn)
        tree, row = _unseen(drawn, results, dice)
        asked = np.zeros((len(tree), columns), bool)
        told = forest.predict(tree, values[row], asked)
        predicted += np.bincount(row, told, results)
        judges += np.bincount(row, minlength=results)
        errors = np.square(told - scaled[row])
        # Pairs are sorted by tree: the rows of each tree are permuted among themselves.
        other = row[np.lexsort((dice.random(len(row)), tree))]
        for column in range(columns):
            changed = np.flatnonzero(asked[:, column] & (values[row, column] != values[other, column]))
            shuffled = values[row[changed]]
            shuffled[:, column] = values[other[changed], column]
            wrong = forest.predict(tree[changed], shuffled) - scaled[row[changed]]
            losses[column] += (np.square(wrong) - errors[changed]).sum()
    judged = judges > 0
    missed = np.square(predicted[judged] / judges[judged] - scaled[judged]).mean() / scaled[judged].var()
    return Fit(max(0.0, 1 - float(missed)), losses / judges.sum())


def _places(column: Ints) -> Ints:
    """Return the rank of each value among those of its column."""
    known, places = np.unique(column, return_inverse=True)
    return places if len(known) <= MAX_VALUES else places * MAX_VALUES // len(known)


def _unseen(drawn: Ints, results: int, dice: np.random.Generator) -> tuple[Ints, Ints]:
    """Return pairs, sorted by tree, of a tree and a result that it was not fitted to."""
    unseen = np.ones((len(drawn), results), bool)
    np.put_along_axis(unseen, drawn, values=False, axis=1)
    if results > MAX_DRAWS:
        unseen &= dice.random(unseen.shape) < MAX_DRAWS / results
    tree, row = np.nonzero(unseen)
    return tree, row


@dataclass(frozen=True)
class _Level:
    """Nodes of equal depth."""

    column: Ints
    """The column that a node tests."""
    threshold: Ints
    """A larger value leads to the right."""
    left: Ints
    """The left child; the right child is next to it; 0 for a leaf."""
    mean: Floats


class _Forest:
    """Trees as one table of nodes, level by level, beginning with the roots."""

    def __init__(self, values: Ints, rewards: Floats, drawn: Ints) -> None:
        trees, draws = drawn.shape
        node, row, nodes, end = np.repeat(np.arange(trees), draws), drawn.ravel(), trees, 0
        levels: list[_Level] = []
        while nodes:
            end += nodes
            level = _grow(values, rewards, row, node, nodes, end)
            levels.append(level)
            inner = level.left[node] > 0
            node, row = node[inner], row[inner]
            node = level.left[node] - end + (values[row, level.column[node]] > level.threshold[node])
            nodes = 2 * np.count_nonzero(level.left)
        self._column = np.concatenate([level.column for level in levels])
        self._threshold = np.concatenate([level.threshold for level in levels])
        self._left = np.concatenate([level.left for level in levels])
        self._mean = np.concatenate([level.mean for level in levels])

    def predict(self, tree: Ints, values: Ints, asked: NDArray[np.bool_] | None = None) -> Floats:
        """Return what each ``tree`` predicts for a candidate, and note in ``asked`` [candidates, columns] what it
        read."""
        node = tree.copy()
        inner = np.flatnonzero(self._left[node])
        while len(inner):
            here = node[inner]
            column = self._column[here]
            if asked is not None:
                asked[inner, column] = True
            here = self._left[here] + (values[inner, column] > self._threshold[here])
            node[inner] = here
            inner = inner[self._left[here] > 0]
        return self._mean[node]


def _grow(values: Ints, rewards: Floats, row: Ints, node: Ints, nodes: int, end: int) -> _Level:
    """Split nodes where it explains most: each ``row`` is in a ``node``, the next level's begin with number ``end``.
    Every node may test every column: otherwise a column that merely correlates with an important one would stand in for
    it.
    """
    columns, width = values.shape[1], int(values.max()) + 1
    count, total = np.bincount(node, minlength=nodes), np.bincount(node, rewards[row], nodes)
    column, threshold, left = np.zeros((3, nodes), np.int64)
    large = np.flatnonzero(count >= LEAST_SPLIT)
    places = np.cumsum(count >= LEAST_SPLIT) - 1
    inside = count[node] >= LEAST_SPLIT
    row, place = row[inside], places[node[inside]]
    shape = (len(large), columns, width)
    cell = ((place[:, None] * columns + np.arange(columns)) * width + values[row]).ravel()
    counts = np.bincount(cell, minlength=math.prod(shape)).reshape(shape).cumsum(axis=2)
    sums = np.bincount(cell, np.repeat(rewards[row], columns), math.prod(shape)).reshape(shape).cumsum(axis=2)
    all_counts, all_sums = count[large][:, None, None], total[large][:, None, None]
    beyond = all_counts - counts
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.square(sums) / counts + np.square(all_sums - sums) / beyond - np.square(all_sums) / all_counts
    gain[(counts == 0) | (beyond == 0)] = 0
    gain = gain.reshape(len(large), columns * width)
    best = gain.argmax(axis=1)
    column[large], threshold[large] = np.divmod(best, width)
    splits = large[gain[np.arange(len(large)), best] > LEAST_GAIN]
    left[splits] = end + 2 * np.arange(len(splits))
    return _Level(column, threshold, left, total / count)
