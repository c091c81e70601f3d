"""A critic for each objective, and what they believe together: what candidates would add to the front. Imports PyTorch.

What is learned about one candidate says other things about others in each metric: a latency is nearly a sum over the
decisions, an accuracy is not. So each objective has a process with a shape of its own. What they remember is common.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from evonas.agents.critic.critic import MEMORY, Critic
from evonas.agents.critic.gain import NUMBERS, Gain, Limit
from evonas.agents.critic.judgement import Assessment, Judgement
from evonas.agents.critic.memory import Memory
from evonas.agents.critic.scores import Floats, Scale
from evonas.agents.history import Pending
from evonas.agents.policy import Observation
from evonas.agents.randomness import Purpose, uniforms
from evonas.agents.rewards import Values
from evonas.domination import find_front
from evonas.space import SearchSpace

FEW = 8
"""Of how many candidates the average deviation is taken."""


class Panel:
    """An ``Observer`` that models several objectives, and judges candidates by the models."""

    def __init__(self, space: SearchSpace, seed: int, references: Values) -> None:
        """``references`` are the worst values that are worth anything, minus infinity where there is none."""
        self._seed = seed
        self._memory = Memory(MEMORY, len(space), len(references))
        self._critics = [
            Critic(space, objective=each, memory=self._memory, by_value=True) for each in range(len(references))
        ]
        self._references = references

    def observe(self, observation: Observation) -> None:
        """As ``Critic.observe``."""
        finals = tuple(observation.final(each) for each in range(len(self._critics)))
        self._memory.add(observation.index, observation.choices, finals, observation.curves, again=observation.again)
        for critic in self._critics:
            critic.note(observation)

    def judge(self, index: int, pending: Sequence[Pending]) -> JointJudgement:
        """Return the current beliefs, as ``Critic.judge``, for proposal ``index``."""
        judgements = [critic.judge(pending) for critic in self._critics]
        points = self._points(judgements)
        if pending:
            # What is under way is expected to join the front: nothing else is to be tried for the same gain.
            choices = np.array([each.choices for each in pending])
            points = np.concatenate([points, np.column_stack([each.expect(choices) for each in judgements])])
        numbers = uniforms(self._seed, Purpose.DIRECTIONS, index, (NUMBERS, len(self._critics)))
        gain = Gain(
            points[find_front(points)], numbers, self._scores_of_references(judgements), self._limits(judgements)
        )
        return JointJudgement(judgements, gain)

    def _scores_of_references(self, judgements: Sequence[Judgement]) -> Floats:
        """Return the references on the scales of the results, [objectives]."""
        return np.array(
            [
                _score(reference, self._memory.finals(objective), judgement.scale)
                for objective, (reference, judgement) in enumerate(zip(self._references, judgements, strict=True))
            ]
        )

    def _limits(self, judgements: Sequence[Judgement]) -> list[Limit]:
        found = []
        for objective, judgement in enumerate(judgements):
            finals = self._memory.finals(objective)
            best = np.nanmax(finals, initial=-math.inf)
            scores = judgement.targets[: len(finals)][finals == best]
            found.append(Limit(float(scores.max()), len(scores)) if math.isfinite(best) else Limit(math.inf, 1))
        return found

    def _points(self, judgements: Sequence[Judgement]) -> Floats:
        """Return what results are worth without their noise, [results, objectives]: of those that have ended or, if all
        were stopped, of these.
        """
        known = np.column_stack([each.known_values[: len(self._memory)] for each in judgements])
        finals = self._memory.finals()
        ended = np.isfinite(finals)
        return known[ended if ended.any() else finals != -math.inf]


class JointJudgement:
    """The ``Beliefs`` of several critics, valid until they are asked again."""

    def __init__(self, judgements: Sequence[Judgement], gain: Gain) -> None:
        self._judgements = judgements
        self._gain = gain
        self._deviations: Floats | None = None
        """[objectives]: of the first candidates asked about, on average; those of each would take long where there are
        many.
        """

    @property
    def knows_earlier(self) -> bool:
        """As ``Beliefs.knows_earlier``: never."""
        return False

    def expect(self, choices: NDArray[np.int64], origin: NDArray[np.int64] | None = None) -> Floats:
        """As ``Beliefs.expect``: roughly what the candidates would add to the front."""
        if self._deviations is None:
            self._deviations = np.array([each.predict(choices[:FEW])[1].mean() for each in self._judgements])
        return self._roughly([each.expect(choices, origin) for each in self._judgements])

    def expect_changed(
        self, origin: NDArray[np.int64], positions: NDArray[np.int64], values: NDArray[np.int64]
    ) -> Floats:
        """As ``Beliefs.expect_changed``."""
        return self._roughly([each.expect_changed(origin, positions, values) for each in self._judgements])

    def assess(self, choices: NDArray[np.int64], exploration: float) -> Assessment:
        """As ``Beliefs.assess``: by what the candidates are expected to add. That explores by itself: what they may be
        counts, and more so the less is known.
        """
        predicted = [each.predict(choices) for each in self._judgements]
        means = np.column_stack([mean for mean, _ in predicted])
        deviations = np.column_stack([deviation for _, deviation in predicted])
        gains = self._gain.of(means, deviations)
        return Assessment(gains, gains, means)

    def _roughly(self, expected: Sequence[Floats]) -> Floats:
        assert self._deviations is not None
        return self._gain.of(np.column_stack(expected), self._deviations, roughly=True)

    def owed(self, choices: NDArray[np.int64]) -> Floats | None:
        """As ``Beliefs.owed``: nothing is."""
        return None


def _score(reference: float, results: Floats, scale: Scale | None) -> float:
    if not math.isfinite(reference):
        return -math.inf
    return _rank(reference, results) if scale is None else float(scale.scores(np.array([reference]))[0])


def _rank(value: float, results: Floats) -> float:
    """Return the normal score of a value among results, between those of the worse and of the better ones; what is not
    known (NaN) does not count.
    """
    known = np.sort(results[~np.isnan(results)])
    below = (known.searchsorted(value, "left") + known.searchsorted(value, "right")) / 2
    return NormalDist().inv_cdf(min(max(below, 0.5), len(known) - 0.5) / len(known)) if len(known) else 0.0
