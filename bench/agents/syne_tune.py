"""Syne Tune's methods for transfer as searchers; they compete where `pip install syne-tune` was run."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bench.agents.peers import Suggested
from evonas.space import Choices, SearchSpace, is_number

METRIC = "loss"
Results = Sequence[tuple[Choices, float]]
"""Candidates with their rewards."""


class SyneTuneTransfer:
    """One of Syne Tune's ways to learn from earlier searches (Salinas et al., arXiv 2208.03047), with its defaults.

    ``copula``: Thompson samples of gradient-boosted trees that predict normal scores from all earlier results (Salinas
    et al., ICML 2020). ``zero-shot``: the portfolio of earlier candidates that is best on the earlier tasks (Wistuba et
    al., ICDM 2015). Both look at no result of their own search. ``bounding-box``: random search within the range of
    each task's best candidate (Perrone et al., NeurIPS 2019).
    """

    def __init__(self, method: str, space: SearchSpace, seed: int, earlier: Mapping[str, Results]) -> None:
        from syne_tune import config_space  # noqa: PLC0415

        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        self._domains = {
            decision.name: config_space.randint(0, len(decision.values) - 1)
            if all(map(is_number, decision.values))
            else config_space.choice(list(map(str, range(len(decision.values)))))
            for decision in space.decisions
        }
        self._space = space
        self._ordered = [all(map(is_number, decision.values)) for decision in space.decisions]
        tasks = {name: self._evaluations(results) for name, results in earlier.items()}
        # Some of its searchers draw from NumPy's own generator.
        np.random.seed(seed)
        # One prints what it found.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._scheduler = METHODS[method](self._domains, tasks, seed)
        self._pending: dict[int, Any] = {}
        self._proposed = 0

    def propose(self) -> Suggested:
        """Ask for a configuration."""
        from syne_tune.backend.trial_status import Trial  # noqa: PLC0415

        config = self._scheduler.suggest().config
        index, self._proposed = self._proposed, self._proposed + 1
        self._pending[index] = Trial(trial_id=index, config=config, creation_time=datetime.now(UTC))
        self._scheduler.on_trial_add(self._pending[index])
        choices = [int(config[decision.name]) for decision in self._space.decisions]
        return Suggested(index, self._space.to_candidate(choices))

    def observe(self, index: int, reward: float | None) -> None:
        """Tell a result."""
        trial = self._pending.pop(index)
        if reward is None:
            self._scheduler.on_trial_error(trial)
        else:
            self._scheduler.on_trial_complete(trial, {METRIC: -reward})

    def _evaluations(self, results: Results) -> Any:
        import pandas  # noqa: PLC0415
        from syne_tune.optimizer.schedulers.transfer_learning.transfer_learning_task_evaluation import (  # noqa: PLC0415
            TransferLearningTaskEvaluations,
        )

        rows = [
            [choice if ordered else str(choice) for choice, ordered in zip(choices, self._ordered, strict=True)]
            for choices, _ in results
        ]
        losses = -np.array([reward for _, reward in results]).reshape(-1, 1, 1, 1)
        return TransferLearningTaskEvaluations(
            self._domains, pandas.DataFrame(rows, columns=[*self._domains]), [METRIC], losses
        )


def _copula(domains: Mapping[str, Any], tasks: Mapping[str, Any], seed: int) -> Any:
    from syne_tune.optimizer.schedulers.single_objective_scheduler import SingleObjectiveScheduler  # noqa: PLC0415
    from syne_tune.optimizer.schedulers.transfer_learning.quantile_based.quantile_based_searcher import (  # noqa: PLC0415
        QuantileBasedSurrogateSearcher,
    )

    searcher = QuantileBasedSurrogateSearcher(domains, tasks, random_seed=seed)
    return SingleObjectiveScheduler(domains, METRIC, searcher=searcher, random_seed=seed)


def _zero_shot(domains: Mapping[str, Any], tasks: Mapping[str, Any], seed: int) -> Any:
    from syne_tune.optimizer.scheduler import TrialSuggestion  # noqa: PLC0415
    from syne_tune.optimizer.schedulers.transfer_learning.zero_shot import ZeroShotTransfer  # noqa: PLC0415

    portfolio = ZeroShotTransfer(domains, METRIC, _completed(domains, tasks), random_seed=seed)
    # In version 0.16, what suggests is random search.
    portfolio.suggest = lambda: TrialSuggestion.start_suggestion(portfolio.get_config())
    return portfolio


def _completed(domains: Mapping[str, Any], tasks: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every task says of all tasks' candidates, by the surrogates that version 0.16 has for this, but fails
    to make.
    """
    import pandas  # noqa: PLC0415
    import xgboost  # noqa: PLC0415
    from syne_tune.blackbox_repository.blackbox_surrogate import BlackboxSurrogate  # noqa: PLC0415

    frames = [task.hyperparameters for task in tasks.values()]
    everything = pandas.concat(frames, ignore_index=True).drop_duplicates(ignore_index=True)
    completed = {}
    for name, task in tasks.items():
        surrogate = BlackboxSurrogate.make_model_pipeline(
            configuration_space=domains, fidelity_space={}, model=xgboost.XGBRegressor()
        )
        surrogate.fit(task.hyperparameters, task.objective_values(METRIC).mean(axis=1).min(axis=1))
        losses = surrogate.predict(everything).reshape(-1, 1, 1, 1)
        completed[name] = type(task)(domains, everything, [METRIC], losses)
    return completed


def _bounding_box(domains: Mapping[str, Any], tasks: Mapping[str, Any], seed: int) -> Any:
    from syne_tune.optimizer.baselines import RandomSearch  # noqa: PLC0415
    from syne_tune.optimizer.schedulers.transfer_learning.bounding_box import BoundingBox  # noqa: PLC0415

    def search(box: Any, metric: str, do_minimize: bool, random_seed: int) -> Any:
        return RandomSearch(box, [metric], do_minimize, random_seed=random_seed)

    return BoundingBox(search, domains, METRIC, tasks, random_seed=seed)


METHODS = {"copula": _copula, "zero-shot": _zero_shot, "bounding-box": _bounding_box}
