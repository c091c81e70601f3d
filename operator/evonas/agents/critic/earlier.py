"""What earlier searches say about candidates, and how much of it holds here. Imports PyTorch.

A Gaussian process per earlier task, over the decisions that it shares with this search. Its mean is a fixed function of
a candidate, and the rewards here are taken for a linear combination of these functions and what they do not explain
(``trend``). So the results decide how much an earlier task says: the coefficient of a misleading one becomes zero, or
negative, within some trials. As in stacking for transfer (Feurer et al. 2018, arXiv 1802.02219), but with one process
for what is left, so that nobody has to choose weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.agents.critic.gaussian_process import Factor, Posterior, log_evidence
from evonas.agents.critic.similarity import Encoding, Similarity
from evonas.agents.critic.trend import Trend
from evonas.agents.experience import EarlierTask, Experience
from evonas.space import SearchSpace

NOISES = (0.01, 0.1, 0.5)
MAX_CELLS = 4_000_000
"""Bounds the memory that predictions need, some tens of bytes for each result and value of a decision: in a very large
space, fewer results of each task count."""
JUDGES = 128
"""How many results of a task its shape is chosen by."""

TRUST = 1.0
"""What the coefficients of all tasks are expected to add up to, before the first result."""
DOUBT = 0.5
"""Standard deviation of that sum."""
SHIFT = 1.0
"""Standard deviation of a constant: scores here are relative to what was tried here, which is better than what was
tried there."""


class EarlierTasks:
    """All that is known from earlier searches, as functions of a candidate."""

    def __init__(self, space: SearchSpace, experience: Experience) -> None:
        tasks = experience.tasks
        places: dict[tuple[str, ...], list[int]] = {}
        for place, task in enumerate(tasks):
            places.setdefault(task.decisions, []).append(place)
        most = max(2, MAX_CELLS // len(tasks) // sum(space.cardinalities))
        self._groups = [_Group(space, [tasks[place] for place in group], most) for group in places.values()]
        self._order = np.argsort([place for group in places.values() for place in group]).tolist()
        means = [0.0] + [TRUST / len(tasks)] * len(tasks)
        variances = [SHIFT**2] + [DOUBT**2 / len(tasks)] * len(tasks)
        self._means, self._variances = torch.tensor([means, variances], dtype=torch.float64)

    def functions(self, choices: NDArray[np.int64]) -> torch.Tensor:
        """Return [candidates, 1 + tasks] of [candidates, decisions]: 1, and normal scores of each task's results."""
        predictions = torch.cat([group.predict(choices) for group in self._groups], dim=1)[:, self._order]
        return torch.nn.functional.pad(predictions, (1, 0), value=1.0)

    def trend(self, factor: Factor, targets: torch.Tensor, functions: torch.Tensor) -> Trend:
        """Return what results here say about the tasks; ``functions`` is [results, 1 + tasks]."""
        return Trend(factor, targets, functions, self._means, self._variances)


class _Group:
    """Tasks with the same decisions: a process each, with a shape in common, so that all are asked at once."""

    def __init__(self, space: SearchSpace, tasks: Sequence[EarlierTask], most: int) -> None:
        """Take ``most`` results of each task."""
        names = set(tasks[0].decisions)
        self._positions = [position for position, decision in enumerate(space.decisions) if decision.name in names]
        shared = SearchSpace(tuple(replace(space.decisions[position], when=None) for position in self._positions))
        self._encoding = Encoding(shared)
        known = [
            (self._encoding.tokens(np.array(task.candidates)), torch.tensor(task.scores, dtype=torch.float64))
            for task in (task.reduced(most) for task in tasks)
        ]
        self._similarity, noises = self._choose_shape(known)
        self._weights = torch.zeros(sum(len(targets) for _, targets in known), len(known), dtype=torch.float64)
        """[results of all tasks, tasks]: zero for the results of other tasks."""
        first = 0
        for task, ((tokens, targets), noise) in enumerate(zip(known, noises, strict=True)):
            posterior = Posterior(Factor(self._similarity.among(tokens), noise), targets)
            self._weights[first : first + len(targets), task] = posterior.weights
            first += len(targets)
        self._columns = self._similarity.columns(np.concatenate([tokens for tokens, _ in known]))

    def predict(self, choices: NDArray[np.int64]) -> torch.Tensor:
        """Return [candidates, tasks]."""
        tokens = self._encoding.tokens(choices[:, self._positions])
        covariance = self._similarity.covariance(tokens, self._columns, self._columns.shape[2])
        return torch.mm(covariance.double(), self._weights)

    def _choose_shape(self, known: Sequence[tuple[NDArray[np.int64], torch.Tensor]]) -> tuple[Similarity, list[float]]:
        """Return the shape, and the noise of each task, under which an even selection of results is likeliest."""
        selected = []
        for tokens, targets in known:
            judges = np.unique(np.linspace(0, len(tokens) - 1, JUDGES).round().astype(np.int64))
            selected.append((tokens[judges], targets[judges]))
        tried = []
        for shape in self._encoding.shapes():
            similarity = Similarity(self._encoding, shape)
            found = [_likeliest(similarity.among(tokens), targets) for tokens, targets in selected]
            tried.append((sum(evidence for evidence, _ in found), similarity, [noise for _, noise in found]))
        _, similarity, noises = max(tried, key=lambda each: each[0])
        self._encoding.forget_tables()
        return similarity, noises


def _likeliest(covariance: torch.Tensor, targets: torch.Tensor) -> tuple[float, float]:
    """Return the largest evidence, and the noise that has it."""
    return max((log_evidence(covariance, noise, targets), noise) for noise in NOISES)
