"""What the critic believes about candidates. Imports PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.agents.critic.earlier import EarlierTasks
from evonas.agents.critic.gaussian_process import Posterior
from evonas.agents.critic.levels import Levels
from evonas.agents.critic.scores import Floats, Scale
from evonas.agents.critic.similarity import Encoding, Similarity
from evonas.agents.critic.surroundings import Surroundings
from evonas.agents.critic.trend import Trend
from evonas.agents.torch_threads import single_threaded


@dataclass(frozen=True)
class Assessment:
    """What the finalists for a proposal are compared by."""

    promise: Floats
    """[candidates]: the larger the better."""
    worth: Floats
    """[candidates]: what is expected of each, as in ``Proposal.value``."""
    values: Floats | None = None
    """[candidates, objectives]: what is expected of each in each objective; None for a single one."""


class Beliefs(Protocol):
    """What is expected of candidates, in one objective or several: as much as it takes to search among them."""

    @property
    def knows_earlier(self) -> bool:
        """Whether anything is known from earlier searches."""

    def expect(self, choices: NDArray[np.int64], origin: NDArray[np.int64] | None = None) -> Floats:
        """Return what is expected of [candidates, decisions], the larger the better. ``origin``, [decisions], is a
        candidate that they differ from in few decisions: the fewer, the less it costs.
        """

    def expect_changed(
        self, origin: NDArray[np.int64], positions: NDArray[np.int64], values: NDArray[np.int64]
    ) -> Floats:
        """Return what is expected of candidates that have one other value than ``origin``, [decisions]: [candidates].
        Without what is known from earlier searches.
        """

    def assess(self, choices: NDArray[np.int64], exploration: float) -> Assessment:
        """Assess [candidates, decisions], if so many standard deviations count in a candidate's favour."""

    def owed(self, choices: NDArray[np.int64]) -> Floats | None:
        """Return how much of what is expected is due to each earlier search: [candidates, tasks]; None without any."""


@dataclass(frozen=True)
class Judgement:
    """The critic's ``Beliefs``, valid until it is asked again; all numbers are in ``scores`` of the remembered
    results.
    """

    encoding: Encoding
    similarity: Similarity
    columns: torch.Tensor
    levels: Levels
    known: list[int]
    """Levels of the known results, whose candidates are the first of the columns."""
    posterior: Posterior | Trend
    earlier: EarlierTasks | None
    """What is known from earlier searches."""
    scale: Scale | None
    """Of the results' values; None if their ranks count."""

    @property
    def knows_earlier(self) -> bool:
        """As ``Beliefs.knows_earlier``."""
        return self.earlier is not None

    @property
    def targets(self) -> Floats:
        """[known]: what the known results are worth; without experience."""
        assert isinstance(self.posterior, Posterior)
        return self.posterior.targets.numpy()

    @property
    def known_values(self) -> Floats:
        """[known]: what is expected of the known results' candidates at their levels; without experience."""
        assert isinstance(self.posterior, Posterior)
        return self.posterior.known.numpy()

    def expect(self, choices: NDArray[np.int64], origin: NDArray[np.int64] | None = None) -> Floats:
        """As ``Beliefs.expect``."""
        with single_threaded(), torch.inference_mode():
            covariance = self._covariance(choices, origin)
            if isinstance(self.posterior, Posterior):
                return self.posterior.mean(covariance).numpy()
            return self.posterior.mean(covariance, self._functions(choices)).numpy()

    def expect_changed(
        self, origin: NDArray[np.int64], positions: NDArray[np.int64], values: NDArray[np.int64]
    ) -> Floats:
        """As ``Beliefs.expect_changed``, in single precision, which is enough to find the best of many."""
        with single_threaded(), torch.inference_mode():
            around = self._surroundings.around(self.encoding.tokens(origin)).double().numpy()
            found: Floats = around[self.encoding.token(positions, values)]
            return found

    @cached_property
    def _surroundings(self) -> Surroundings:
        assert isinstance(self.posterior, Posterior)
        # Candidates under way have no weight in the mean.
        weights = self.posterior.weights[None].float()
        weights = self.levels.between(weights, [self.levels.end], self.known[: weights.shape[1]])
        return Surroundings(self.encoding, self.similarity, self.columns, weights[0])

    def predict(self, choices: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of [candidates, decisions]."""
        with single_threaded(), torch.inference_mode():
            covariance = self._covariance(choices)
            if isinstance(self.posterior, Posterior):
                mean, deviation = self.posterior.predict(covariance)
            else:
                mean, deviation = self.posterior.predict(covariance, self._functions(choices))
            return mean.numpy(), deviation.numpy()

    def assess(self, choices: NDArray[np.int64], exploration: float) -> Assessment:
        """As ``Beliefs.assess``: by an upper confidence bound."""
        means, deviations = self.predict(choices)
        return Assessment(means + exploration * deviations, means)

    def owed(self, choices: NDArray[np.int64]) -> Floats | None:
        """As ``Beliefs.owed``."""
        if isinstance(self.posterior, Posterior):
            return None
        with single_threaded(), torch.inference_mode():
            owed: Floats = (self._functions(choices) * self.posterior.coefficients)[:, 1:].numpy()
            return owed

    def _covariance(self, choices: NDArray[np.int64], origin: NDArray[np.int64] | None = None) -> torch.Tensor:
        tokens = self.encoding.tokens(choices)
        if origin is None:
            covariance = self.similarity.covariance(tokens, self.columns, len(self.known))
        else:
            changed = self.encoding.tokens(origin)
            covariance = self.similarity.covariance_changed(changed, tokens, self.columns, len(self.known))
        return self.levels.between(covariance, [self.levels.end], self.known)

    def _functions(self, choices: NDArray[np.int64]) -> torch.Tensor:
        assert self.earlier is not None
        return self.earlier.functions(choices)
