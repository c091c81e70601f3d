"""A large conditional space: all layers of a supernetwork, of which a candidate has some."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.agents.problem import Decisions, Problem
from evonas.space import SearchSpace

OPERATIONS = ("conv", "separable", "attention", "identity")
CONVOLUTIONS = 2
"""How many of them, the first ones, have a kernel."""
WIDTHS = (16, 24, 32, 48, 64, 96)
KERNELS = (3, 5, 7)


def supernetwork(stages: int, deepest: int = 5, seed: int = 0) -> Problem:
    """Return a supernetwork. The decisions of a stage: how many layers it has, up to ``deepest``, and each layer's
    operation, width and, if it convolves, kernel.

    What a layer adds: a random share for its operation with its kernel, less the squared distance of its width from
    what its operation wants there; a random share for its operation after that of the layer before, less the squared
    step between their widths; and less a constant, for its cost. The worst candidate is judged 0, the best 1; both are
    found by dynamic programming along the layers.
    """
    random = np.random.default_rng([stages, deepest, seed])
    layers = (stages, deepest)
    shares = random.standard_normal((*layers, len(OPERATIONS), len(KERNELS)))
    shares[:, :, CONVOLUTIONS:] = shares[:, :, CONVOLUTIONS:, :1]
    wanted = random.integers(len(WIDTHS), size=(*layers, len(OPERATIONS)))
    follows = random.standard_normal((*layers, len(OPERATIONS), len(OPERATIONS)))
    ranks = np.arange(len(WIDTHS))
    # [stages, layers, operations, kernels, widths]; [stages, layers, operations before, widths before, operations,
    # widths].
    alone = shares[..., None] - np.square((ranks - wanted[..., None]) / 4)[..., None, :] - 1
    after = follows[..., :, None, :, None] - np.square((ranks[:, None] - ranks) / 4)[:, None, :]
    worst, best = -_most(-alone, -after), _most(alone, after)

    def judge(decisions: Decisions) -> float:
        total, before = 0.0, None
        for stage, layer in np.ndindex(layers):
            if layer >= decisions[f"depth_{stage}"]:
                continue
            name = f"{stage}_{layer}"
            operation = OPERATIONS.index(decisions[f"operation_{name}"])
            width = WIDTHS.index(decisions[f"width_{name}"])
            kernel = KERNELS.index(decisions.get(f"kernel_{name}", KERNELS[0]))
            total += alone[stage, layer, operation, kernel, width]
            if before is not None:
                total += after[(stage, layer, *before, operation, width)]
            before = operation, width
        return float((total - worst) / (best - worst))

    space = SearchSpace.parse([item for stage in range(stages) for item in _stage(stage, deepest)])
    return Problem(f"supernetwork-{len(space)}", space, judge, (100, 300), optimum=1.0)


def _most(alone: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Return the largest total, from the largest one up to each layer for each operation and width of it."""
    most: NDArray[np.float64] | None = None
    for of_layers, of_steps in zip(alone.max(axis=3), after, strict=True):
        ends: list[NDArray[np.float64]] = []
        for layer, step in zip(of_layers, of_steps, strict=True):
            before = ends[-1] if ends else most
            ends.append(layer if before is None else layer + (before[..., None, None] + step).max(axis=(0, 1)))
        most = np.max(ends, axis=0)
    assert most is not None, "there is a stage"
    return float(most.max())


def _stage(stage: int, deepest: int) -> list[dict[str, Any]]:
    depth = f"depth_{stage}"
    items: list[dict[str, Any]] = [{"name": depth, "values": [*range(1, deepest + 1)]}]
    for layer in range(deepest):
        name, exists = f"{stage}_{layer}", {"name": depth, "values": [*range(layer + 1, deepest + 1)]}
        convolves = {"name": f"operation_{name}", "values": [*OPERATIONS[:CONVOLUTIONS]]}
        items += [
            {"name": f"operation_{name}", "values": [*OPERATIONS], "when": exists},
            {"name": f"width_{name}", "values": [*WIDTHS], "when": exists},
            {"name": f"kernel_{name}", "values": [*KERNELS], "when": convolves},
        ]
    return items
