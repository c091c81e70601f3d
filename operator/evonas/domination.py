"""Points in several objectives: which dominate which, what a set of them is worth, and which few stand for all. Pure.

At the bottom: agents choose parents by it, ``search`` keeps the front by it, reports draw it. Points are [points,
objectives], oriented so that larger is better; minus infinity stands below every number. A point dominates another if
it is at least as good in every objective and better in one; equal points do not dominate each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Return whether the first point dominates the second."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def find_front(points: Points) -> NDArray[np.bool_]:
    """Return [points]: whether no other point dominates it."""
    found: NDArray[np.bool_] = find_ranks(points) == 0
    return found


def find_ranks(points: Points, references: Sequence[float] = ()) -> NDArray[np.int64]:
    """Return [points]: 0 for the front, 1 for the front of what is left without it, and so on (non-dominated sorting,
    Deb et al. 2002, section III.A).

    Points that are worse than a reference come after all others, ranked by how much they lack of each: as infeasible
    ones do there in section VI, but without adding up what has different units.
    """
    if len(references):
        is_lacking = points < np.array(references)
        beyond = is_lacking.any(axis=1)
        # Halves, lest the difference of the largest floats overflow.
        least = -np.finfo(float).max
        lacking = np.where(is_lacking, np.maximum(points, least) / 2 - np.maximum(references, least) / 2, 0.0)
        ranks = np.empty(len(points), np.int64)
        ranks[~beyond] = find_ranks(points[~beyond])
        ranks[beyond] = find_ranks(lacking[beyond]) + 1 + ranks[~beyond].max(initial=-1)
        return ranks
    # A tenth of what the import of all that reads a record takes.
    from moocore import pareto_rank  # noqa: PLC0415

    if not len(points):
        return np.empty(0, np.int64)
    return np.asarray(pareto_rank(_ordinal(points), maximise=True), np.int64)


def find_crowding(points: Points, ranks: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """Return [points]: how far the neighbours of each point of one front are apart, summed over the objectives, each
    relative to the front's extent; infinity for those at an end (Deb et al. 2002, section III.B). Equal points share
    what one of them would have, and objectives in which all are equal do not count. With ``ranks``, each rank is a
    front.
    """
    fronts = np.zeros(len(points)) if ranks is None else ranks
    distinct, places = np.unique(np.column_stack([fronts, points]), axis=0, return_inverse=True)
    distances = np.zeros(len(distinct))
    if len(distinct):
        # Sorted, so that the points of a front follow each other.
        _, firsts, front = np.unique(distinct[:, 0], return_index=True, return_inverse=True)
        lasts = np.append(firsts[1:], len(distinct)) - 1
        # Halves, lest the extent of the largest floats overflow.
        halves = np.maximum(distinct[:, 1:], -np.finfo(float).max) / 2
        low = np.minimum.reduceat(halves, firsts)
        extent = np.maximum.reduceat(halves, firsts) - low
        scaled = (halves - low[front]) / np.where(extent > 0, extent, 1.0)[front]
        for column, counts in zip(scaled.T, (extent > 0).T, strict=True):
            ascending = np.lexsort((column, front))
            gaps = np.zeros(len(column))
            gaps[1:-1] = column[ascending[2:]] - column[ascending[:-2]]
            gaps[firsts] = gaps[lasts] = math.inf
            distances[ascending] += np.where(counts[front], gaps, 0.0)
    found: NDArray[np.float64] = distances[places.ravel()]
    return found


def order(points: Points, references: Sequence[float] = ()) -> NDArray[np.int64]:
    """Return the places of the points, best first: by rank, within a rank by crowding, among equals the earlier one
    (the crowded comparison of NSGA-II, Deb et al. 2002, section III.B).
    """
    ranks = find_ranks(points, references)
    return np.lexsort((np.arange(len(points)), -find_crowding(points, ranks), ranks))


def hypervolume(points: Points, reference: Sequence[float]) -> float:
    """Return the volume that the points dominate above the reference (Zitzler & Thiele 1999), in the product of the
    objectives' units: 0 without a point above it in every objective, infinity where a float cannot hold it.
    """
    from moocore import hypervolume as volume  # noqa: PLC0415

    above = points[(points > np.array(reference)).all(axis=1)]
    if not len(above):
        return 0.0
    heights = _heights(above, reference)
    scales = heights.max(axis=0)
    found = float(volume(heights / scales, ref=np.zeros(len(reference)), maximise=True))
    if found == 0.0:
        # So small a share of the box around all that a float cannot hold it.
        return max(map(_product, heights.tolist()))
    return _product([found, *scales.tolist()])


def contributions(points: Points, reference: Sequence[float]) -> NDArray[np.float64]:
    """Return [points of one front]: by which share of it the hypervolume would shrink without each; equal points have
    none. In four objectives that takes seconds from a thousand points on.
    """
    from moocore import hv_contributions  # noqa: PLC0415

    shares = np.zeros(len(points))
    above = (points > np.array(reference)).all(axis=1)
    if above.any():
        heights = _heights(points[above], reference)
        heights = heights / heights.max(axis=0)
        lost = np.asarray(hv_contributions(heights, ref=np.zeros(len(reference)), maximise=True))
        # Rounding may leave less than nothing.
        shares[above] = np.clip(lost, 0.0, None) / (hypervolume(heights, [0.0] * len(reference)) or 1.0)
    return shares


def cover(points: Points, count: int) -> NDArray[np.int64]:
    """Return the places of at most ``count`` points that stand for all, ascending: the best one in each objective, then
    again and again the one that is farthest from those chosen, each objective relative to its extent (the greedy
    k-centre of Gonzalez 1985, whose worst distance is at most twice the least possible).
    """
    if len(points) <= count:
        return np.arange(len(points))
    scaled = _scaled(points)
    chosen = list(dict.fromkeys(int(place) for place in points.argmax(axis=0)))[:count]
    distances = np.min([_distances(scaled, place) for place in chosen], axis=0)
    while len(chosen) < count:
        # Others may be as near as a point is to itself.
        distances[chosen] = -1.0
        chosen.append(int(distances.argmax()))
        distances = np.minimum(distances, _distances(scaled, chosen[-1]))
    return np.sort(np.array(chosen))


def find_knee(points: Points) -> int:
    """Return the place of the front's knee: the point farthest above the plane through the best point of each
    objective, each objective relative to its extent (Das 1999); among equals the first.
    """
    return int(find_heights(points).argmax())


def find_heights(points: Points) -> Points:
    """Return [points]: how good each is on the whole, the sum of the objectives, each relative to its extent."""
    heights: Points = _scaled(points).sum(axis=1)
    return heights


def _heights(points: Points, reference: Sequence[float]) -> Points:
    """Return how far the points are above the reference, with room for the largest floats."""
    with np.errstate(over="ignore"):
        heights: Points = np.minimum(points - np.array(reference), np.finfo(float).max)
    return heights


def _product(factors: Sequence[float]) -> float:
    """Return the product, whatever its parts are on the way to it: infinity where a float cannot hold it."""
    parts = list(map(math.frexp, factors))
    try:
        return math.ldexp(math.prod(part for part, _ in parts), sum(exponent for _, exponent in parts))
    except OverflowError:
        return math.inf


def _scaled(points: Points) -> Points:
    """Return the points with every objective from 0 to 1, 0 where all are equal."""
    if not len(points):
        return points
    # Halves, lest the extent of the largest floats overflow.
    halves = np.maximum(points, -np.finfo(float).max) / 2
    low, extent = halves.min(axis=0), np.ptp(halves, axis=0)
    scaled: Points = (halves - low) / np.where(extent > 0, extent, 1.0)
    return scaled


def _distances(scaled: Points, place: int) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = np.linalg.norm(scaled - scaled[place], axis=1)
    return distances


def _ordinal(points: Points) -> Points:
    """Return points that dominate each other as these do, in small whole numbers: domination looks at order alone."""
    columns = [np.unique(column, return_inverse=True)[1] for column in points.T]
    return np.column_stack(columns).astype(float)
