"""The critic: predicts from the results so far what candidates are worth, and with what certainty. Imports PyTorch.

A Gaussian process over candidates whose targets are the ranks of the rewards or, with several objectives, their values
(``scores``): neither their unit nor an outlier matters. It remembers a bounded number of results, which keeps the cost
of a step constant however long the search is. Trials that were stopped at a rung, and those that have reached one, are
results at another level than the rewards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.agents.critic.earlier import EarlierTasks
from evonas.agents.critic.gaussian_process import Factor, Posterior, log_evidence, normal_scores
from evonas.agents.critic.judgement import Judgement
from evonas.agents.critic.levels import NO_RUNGS, Levels
from evonas.agents.critic.memory import BLOCK, Memory
from evonas.agents.critic.scores import Scale, find_scale
from evonas.agents.critic.similarity import Encoding, Similarity
from evonas.agents.critic.trend import Trend
from evonas.agents.curves import Curve, outlook
from evonas.agents.experience import NO_EXPERIENCE, Experience
from evonas.agents.history import Pending
from evonas.agents.policy import Observation
from evonas.agents.torch_threads import single_threaded
from evonas.space import SearchSpace

MEMORY = 512
"""How many results are remembered, give or take a block."""
GROWTH = 1.25
"""The shape is chosen again whenever the number of results has grown by this factor since the last choice."""
JUDGES = 300
"""How many of the remembered results a shape is chosen by: the latest ones."""

NOISES = (0.001, 0.01, 0.1, 0.5)
"""Variances of the rewards' noise, relative to that of the rewards."""


class Critic:
    """An ``Observer`` that models the rewards and judges candidates by the model."""

    def __init__(
        self,
        space: SearchSpace,
        experience: Experience = NO_EXPERIENCE,
        *,
        objective: int = 0,
        memory: Memory | None = None,
        by_value: bool = False,
    ) -> None:
        """``memory``: of the results in all objectives, to which somebody else adds them. ``by_value``: results are
        worth their values, and not their ranks, as long as none was judged at a rung.
        """
        self._objective = objective
        self._by_value = by_value
        self._encoding = Encoding(space)
        self._experience = experience
        self._space = space
        self._earlier: EarlierTasks | None = None
        """From the first judgement on."""
        self._memory = Memory(MEMORY, len(space)) if memory is None else memory
        self._due = 0.0
        self._steps: set[int] = set()
        """Of the rungs that results had reached."""
        self._snapshot: tuple[NDArray[np.int64], NDArray[np.float64], list[Curve]] | None = None
        self._similarity = Similarity(self._encoding, self._encoding.shapes()[0])
        self._noise = NOISES[0]
        self._levels = NO_RUNGS
        # Kept from step to step as long as nothing is forgotten and the shape stays the same. Columns have spare room.
        self._columns = torch.empty(0)
        self._known: list[int] = []
        """Levels of the results in the columns."""
        self._functions = torch.empty(0, 0, dtype=torch.float64)
        """[results, functions]: what earlier searches say of them."""
        self._factor: Factor | None = None
        self._version = 0

    def observe(self, observation: Observation) -> None:
        """Remember a result; an infeasible candidate counts as worse than any reward."""
        finals = (observation.final(),)
        self._memory.add(observation.index, observation.choices, finals, observation.curves, again=observation.again)
        self.note(observation)

    def note(self, observation: Observation) -> None:
        """Take note of a result that is in the memory."""
        memory = self._memory
        reached = {step for step, _ in observation.curve(self._objective)}
        if memory.added >= self._due or not reached <= self._steps:
            # Only stored here: a search that is being restored never needs most of them.
            self._snapshot = memory.choices()[-JUDGES:], self._finals[-JUDGES:], self._curves[-JUDGES:]
            self._due = memory.added * GROWTH
            self._steps |= reached

    def judge(self, pending: Sequence[Pending]) -> Judgement:
        """Return the current beliefs; ``pending`` candidates are being evaluated and need not be asked about again."""
        with single_threaded(), torch.inference_mode():
            if self._experience and self._earlier is None:
                self._earlier = EarlierTasks(self._space, self._experience)
            self._choose_shape()
            factor = self._refresh(len(pending))
            halfway = [each for each in pending if each.curves and self._levels.steps]
            started = [each for each in pending if not (each.curves and self._levels.steps)]
            for each in halfway:
                level = self._levels.find(each.curve(self._objective), each.final)
                factor = self._appended(factor, np.array([each.choices]), level)
            finals = np.append(self._finals, [each.final for each in halfway])
            curves = [*self._curves, *(each.curve(self._objective) for each in halfway)]
            scale = self._scale_of(curves, finals)
            targets = _scores(curves, finals, scale)
            posterior = self._posterior(factor, targets)
            if started:
                posterior.expect(self._enter(np.array([each.choices for each in started]), self._levels.end))
            known = self._known.copy()
            return Judgement(
                self._encoding, self._similarity, self._columns, self._levels, known, posterior, self._earlier, scale
            )

    def _posterior(self, factor: Factor, targets: torch.Tensor) -> Posterior | Trend:
        if self._earlier is None:
            return Posterior(factor, targets)
        return self._earlier.trend(factor, targets, self._functions)

    def _choose_shape(self) -> None:
        """Take the shape and the noise under which the latest snapshot is likeliest."""
        if self._snapshot is None:
            return
        choices, finals, curves = self._snapshot
        self._snapshot = None
        tokens = self._encoding.tokens(choices)
        targets = _scores(curves, finals, self._scale_of(curves, finals))
        self._levels = Levels.of(outlook(curves, finals)) if any(curves) else NO_RUNGS
        levels = self._find_levels(curves, finals)
        functions = self._functions_of(choices, levels)
        best = -math.inf
        for shape in self._encoding.shapes():
            similarity = Similarity(self._encoding, shape)
            covariance = similarity.among(tokens)
            covariance = self._levels.between(covariance, levels, levels)
            evidence, noise = _peak(partial(self._evidence, covariance, targets, functions))
            if evidence > best:
                best, self._similarity, self._noise = evidence, similarity, noise
        self._factor = None

    def _evidence(
        self, covariance: torch.Tensor, targets: torch.Tensor, functions: torch.Tensor, noise: float
    ) -> float:
        evidence = log_evidence(covariance, noise, targets)
        if self._earlier is None or evidence == -math.inf:
            return evidence
        return self._earlier.trend(Factor(covariance, noise), targets, functions).log_evidence

    def _refresh(self, pending: int) -> Factor:
        """Return the factor of all remembered results, grown from that of the settled ones one result at a time.

        The columns then have room for as many candidates as are ``pending``.
        """
        memory = self._memory
        if self._factor is None or self._version != memory.version:
            # With experience, candidates are judged before the first result.
            settled = memory.settled if self._experience else max(memory.settled, 1)
            choices = memory.choices(last=settled)
            tokens = self._encoding.tokens(choices)
            self._columns = self._similarity.columns(tokens)
            self._known = self._find_levels(self._curves[:settled], self._finals[:settled])
            self._functions = self._functions_of(choices, self._known)
            covariance = self._similarity.covariance(tokens, self._columns, settled)
            self._factor = Factor(self._levels.between(covariance, self._known, self._known), self._noise)
            self._version = memory.version
        missing = len(memory) + pending - self._columns.shape[2]
        if missing > 0:
            self._columns = torch.nn.functional.pad(self._columns, (0, missing + BLOCK))
        del self._known[len(self._factor) :]
        self._functions = self._functions[: len(self._factor)]
        levels = self._find_levels(self._curves[len(self._known) :], self._finals[len(self._known) :])
        for place, level in enumerate(levels, len(self._known)):
            self._factor = self._appended(self._factor, memory.choices(place, place + 1), level)
        return self._factor

    def _appended(self, factor: Factor, choices: NDArray[np.int64], level: int) -> Factor:
        """Return the factor with one more result."""
        self._functions = torch.cat([self._functions, self._functions_of(choices, [level])])
        return factor.appended(self._enter(choices, level)[0, :-1])

    def _enter(self, choices: NDArray[np.int64], level: int) -> torch.Tensor:
        """Put results at one level into the next columns; returns [results, known + results], their covariance with
        those before and among themselves.
        """
        tokens, first = self._encoding.tokens(choices), len(self._known)
        self._known += [level] * len(tokens)
        self._columns[:, :, first : len(self._known)] = self._similarity.columns(tokens)
        covariance = self._similarity.covariance(tokens, self._columns, len(self._known))
        return self._levels.between(covariance, [level] * len(tokens), self._known)

    def _functions_of(self, choices: NDArray[np.int64], levels: list[int]) -> torch.Tensor:
        """Return what earlier searches say of results at these levels: [results, functions], none without earlier ones.

        What holds for the end holds for a rung as far as they have something in common.
        """
        if self._earlier is None:
            return torch.empty(len(choices), 0, dtype=torch.float64)
        correlations = self._levels.correlations[levels, self._levels.end].double()
        return self._earlier.functions(choices) * correlations[:, None]

    def _scale_of(self, curves: Sequence[Curve], finals: NDArray[np.float64]) -> Scale | None:
        return find_scale(finals) if self._by_value and not any(curves) else None

    @property
    def _finals(self) -> NDArray[np.float64]:
        return self._memory.finals(self._objective)

    @property
    def _curves(self) -> list[Curve]:
        return self._memory.curves(self._objective)

    def _find_levels(self, curves: Sequence[Curve], finals: NDArray[np.float64]) -> list[int]:
        return [self._levels.find(curve, final) for curve, final in zip(curves, finals.tolist(), strict=True)]


def _peak(evidence: Callable[[float], float]) -> tuple[float, float]:
    """Return the largest evidence, and the noise that has it.

    It nearly always rises to one peak and falls, so the better one of the two in the middle says on which side it is.
    """
    least, less, more, most = NOISES
    found = {noise: evidence(noise) for noise in (less, more)}
    outer = least if found[less] > found[more] else most
    found[outer] = evidence(outer)
    noise = max(found, key=found.__getitem__)
    return found[noise], noise


def _scores(curves: Sequence[Curve], finals: NDArray[np.float64], scale: Scale | None) -> torch.Tensor:
    """Return what the process is fitted to."""
    if scale is not None:
        return torch.from_numpy(scale.scores(finals))
    return torch.from_numpy(outlook(curves, finals).scores if any(curves) else normal_scores(finals))
