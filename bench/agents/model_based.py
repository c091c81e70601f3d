"""Third-party searchers with a model of the rewards: SMAC's random forest and BoTorch's Gaussian process.

They compete where `pip install smac` or `pip install botorch` was run. Neither package is imported before it competes.
"""

from __future__ import annotations

import logging
import random
import warnings
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.agents.peers import Suggested
from evonas.space import Choices, SearchSpace, Value, is_number


class Smac:
    """SMAC3's facade for hyperparameters (Lindauer et al., arXiv 2109.09831): a random forest, and expected improvement
    found by local search.

    Defaults all through, so the first 25 candidates are a Sobol sequence. ``repeating``: it may try a promising
    candidate three times, and recommends the one with the best mean. Without, rewards count as exact.
    """

    def __init__(self, space: SearchSpace, seed: int, *, repeating: bool) -> None:
        from ConfigSpace import Categorical, ConfigurationSpace, OrdinalHyperparameter  # noqa: PLC0415
        from smac import HyperparameterOptimizationFacade, Scenario  # noqa: PLC0415
        from smac.model.random_forest import RandomForest  # noqa: PLC0415

        logging.getLogger("smac").setLevel(logging.ERROR)
        known = ConfigurationSpace(seed=seed)
        for decision in space.decisions:
            kind = OrdinalHyperparameter if all(map(is_number, decision.values)) else Categorical
            known.add(kind(decision.name, list(range(len(decision.values)))))
        self._folder = TemporaryDirectory()
        scenario = Scenario(known, deterministic=not repeating, seed=seed, output_directory=self._folder.name)
        # What the facade makes, but in one thread: it would start a pool for each prediction.
        forest = RandomForest(
            known, log_y=True, ratio_features=1.0, min_samples_split=2, min_samples_leaf=1, n_jobs=1, seed=seed
        )
        self._smac = HyperparameterOptimizationFacade(
            scenario, _never_called, model=forest, logging_level=False, overwrite=True
        )
        self._space, self._repeating = space, repeating
        self._pending: dict[int, Any] = {}
        self._proposed = 0

    def propose(self) -> Suggested:
        """Ask for a trial."""
        info = self._smac.ask()
        index, self._proposed = self._proposed, self._proposed + 1
        self._pending[index] = info
        return Suggested(index, self._decisions(info.config))

    def observe(self, index: int, reward: float | None) -> None:
        """Tell a result."""
        from smac.runhistory import StatusType, TrialValue  # noqa: PLC0415

        value = TrialValue(np.inf, status=StatusType.CRASHED) if reward is None else TrialValue(-reward)
        self._smac.tell(self._pending.pop(index), value, save=False)

    @property
    def recommendation(self) -> Suggested | None:
        """The incumbent, where trials may be repeated."""
        incumbents = self._smac.intensifier.get_incumbents() if self._repeating else []
        return Suggested(0, self._decisions(incumbents[0])) if incumbents else None

    def _decisions(self, config: Any) -> dict[str, Value]:
        return self._space.to_candidate([int(config[decision.name]) for decision in self._space.decisions])


def _never_called(config: Any, seed: int = 0) -> float:
    raise NotImplementedError("trials are asked for and told")


class BoTorch:
    """BoTorch's Gaussian process for mixed spaces (Balandat et al., arXiv 1910.06403) with its default priors, and the
    logarithm of noisy expected improvement (Ament et al., arXiv 2310.20708).

    Ten random candidates first. The improvement is maximised over random candidates and the neighbours of those with
    the best reports, none tried before. Its settings are fitted again after every fifth result, from what they were.
    """

    BEGINNING, RANDOM, BEST = 10, 1000, 5
    INTERVAL, ITERATIONS = 5, 50
    """Results from one fit to the next, and its iterations at most."""
    AT_ONCE = 500
    SAMPLES = 64

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space, self._seed = space, seed
        self._random = random.Random(seed)
        ordered = [all(map(is_number, decision.values)) for decision in space.decisions]
        self._categories = [position for position, is_ordered in enumerate(ordered) if not is_ordered]
        reach = [max(1, values - 1) for values in space.cardinalities]
        self._scale = np.where(ordered, reach, 1.0)
        self._tried: list[Choices] = []
        self._results: dict[int, float] = {}
        self._fitted: Any = None
        self._next_fit = 0

    def propose(self) -> Suggested:
        """Return a random candidate at first, then the most promising one."""
        if len(self._results) < self.BEGINNING:
            chosen = self._anything(1)[0]
        else:
            pool = [*dict.fromkeys([*self._anything(self.RANDOM), *self._neighbours()])]
            chosen = pool[int(self._improvement(pool).argmax())]
        self._tried.append(chosen)
        return Suggested(len(self._tried) - 1, self._space.to_candidate(chosen))

    def observe(self, index: int, reward: float | None) -> None:
        """Add a result."""
        if reward is not None:
            self._results[index] = reward

    def _anything(self, count: int) -> list[Choices]:
        drawn = {self._space.unrank(self._random.randrange(self._space.size)): None for _ in range(2 * count)}
        return [choices for choices in drawn if choices not in self._tried][:count]

    def _neighbours(self) -> list[Choices]:
        best = sorted(self._results, key=lambda index: self._results[index], reverse=True)[: self.BEST]
        around = (
            (*choices[:position], value, *choices[position + 1 :])
            for choices in (self._tried[index] for index in best)
            for position, values in enumerate(self._space.cardinalities)
            for value in range(values)
        )
        return [choices for choices in around if choices not in self._tried]

    def _improvement(self, pool: list[Choices]) -> NDArray[np.float64]:
        import torch  # noqa: PLC0415
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement  # noqa: PLC0415
        from botorch.sampling import SobolQMCNormalSampler  # noqa: PLC0415

        known = self._encoded([self._tried[index] for index in self._results])
        rewards = torch.tensor([*self._results.values()], dtype=torch.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = self._model(known, ((rewards - rewards.mean()) / rewards.std().clamp_min(1e-9))[:, None])
            sampler = SobolQMCNormalSampler(torch.Size([self.SAMPLES]), seed=self._seed)
            improvement = qLogNoisyExpectedImprovement(model, known, sampler=sampler, prune_baseline=True)
            with torch.no_grad():
                parts = [improvement(part[:, None]) for part in self._encoded(pool).split(self.AT_ONCE)]
        found: NDArray[np.float64] = torch.cat(parts).numpy()
        return found

    def _model(self, known: Any, scores: Any) -> Any:
        from botorch import fit_gpytorch_mll  # noqa: PLC0415
        from botorch.models import MixedSingleTaskGP, SingleTaskGP  # noqa: PLC0415
        from gpytorch.mlls import ExactMarginalLogLikelihood  # noqa: PLC0415

        if self._categories:
            model = MixedSingleTaskGP(known, scores, self._categories, outcome_transform=None)
        else:
            model = SingleTaskGP(known, scores, outcome_transform=None)
        if self._fitted is not None:
            model.load_state_dict(self._fitted)
        if len(known) >= self._next_fit:
            likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
            fit_gpytorch_mll(likelihood, optimizer_kwargs={"options": {"maxiter": self.ITERATIONS}})
            self._fitted, self._next_fit = model.state_dict(), len(known) + self.INTERVAL
        model.eval()
        return model

    def _encoded(self, candidates: list[Choices]) -> Any:
        import torch  # noqa: PLC0415

        return torch.from_numpy(np.array(candidates) / self._scale)
