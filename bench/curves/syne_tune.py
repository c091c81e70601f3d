"""Syne Tune's schedulers as searchers; they compete where ``pip install syne-tune`` was run."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bench.agents.peers import Suggested
from evonas.space import INACTIVE, SearchSpace, is_number

METRIC, STEP = "value", "step"


class SyneTune:
    """Asynchronous successive halving, stopping variant, with one of its searchers.

    Its spaces have no conditions: what does not exist for a candidate is chosen, and ignored.
    """

    def __init__(self, scheduler: str, space: SearchSpace, seed: int, steps: tuple[int, ...], factor: int) -> None:
        """``scheduler`` is a name of ``syne_tune.optimizer.baselines``, such as ``BOHB``."""
        from syne_tune import config_space  # noqa: PLC0415
        from syne_tune.optimizer import baselines  # noqa: PLC0415

        domains = {
            decision.name: config_space.randint(0, len(decision.values) - 1)
            if all(map(is_number, decision.values))
            else config_space.choice(list(map(str, range(len(decision.values)))))
            for decision in space.decisions
        }
        # It warns of every candidate that diverges.
        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        # Some of its searchers draw from NumPy's own generator.
        np.random.seed(seed)
        self._scheduler = getattr(baselines, scheduler)(
            domains,
            metric=METRIC,
            time_attr=STEP,
            max_t=steps[-1],
            grace_period=steps[0],
            reduction_factor=factor,
            do_minimize=False,
            random_seed=seed,
        )
        self._space, self._last = space, steps[-1]
        self._pending: dict[int, Any] = {}
        self._proposed = 0

    def propose(self) -> Suggested:
        """Ask for a configuration."""
        from syne_tune.backend.trial_status import Trial  # noqa: PLC0415

        config = self._scheduler.suggest().config
        choices: list[int] = []
        for position, decision in enumerate(self._space.decisions):
            active = self._space.is_active(position, choices)
            choices.append(int(config[decision.name]) if active else INACTIVE)
        index, self._proposed = self._proposed, self._proposed + 1
        self._pending[index] = Trial(trial_id=index, config=config, creation_time=datetime.now(UTC))
        self._scheduler.on_trial_add(self._pending[index])
        return Suggested(index, self._space.to_candidate(choices))

    def reach(self, index: int, step: int, value: float) -> bool:
        """Report, and return whether it goes on."""
        decision: str = self._scheduler.on_trial_result(self._pending[index], {METRIC: value, STEP: step})
        return decision == "CONTINUE"

    def stop(self, index: int) -> None:
        """Forget a stopped trial."""
        self._scheduler.on_trial_remove(self._pending.pop(index))

    def observe(self, index: int, reward: float | None) -> None:
        """Tell a result."""
        trial = self._pending.pop(index)
        if reward is None:
            self._scheduler.on_trial_error(trial)
        else:
            self._scheduler.on_trial_complete(trial, {METRIC: reward, STEP: self._last})
