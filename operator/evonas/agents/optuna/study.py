"""The Optuna study that candidates are drawn from, and the translation between its parameters and our choices.

Below ``optuna_agent``; with ``optuna_samplers`` the only module that imports Optuna. Samplers are called through
``BaseSampler``'s methods and not through ``Trial.suggest_…``, because a candidate that turns out to be known is drawn
again: the draws are made in a trial that is then marked as failed, which every sampler ignores, and the candidate
enters the study as a separate trial. Optuna cannot resume trials either: what was put aside and has gone on becomes
another trial with the same parameters, and the earlier one is marked as failed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from evonas.agents.optuna.samplers import KINDS, Seeds
from evonas.agents.randomness import Purpose, words
from evonas.agents.rewards import Values
from evonas.agents.settings import Sampler
from evonas.space import INACTIVE, Choices, Decision, SearchSpace, is_number

LARGEST_REWARD = 1e100
"""Rewards are clipped to this magnitude: the GP squares them."""


@dataclass(frozen=True)
class Drawn:
    """The candidates that were drawn for one proposal."""

    choices: tuple[Choices, ...]
    """In the order drawn: only the last one can be new."""
    attributes: Mapping[str, Any]
    """What the sampler noted, to be kept with the candidate."""


@dataclass(frozen=True)
class _Parameter:
    """A decision as Optuna sees it: a whole number, counted along the order of the values where they have one."""

    distribution: BaseDistribution
    choices: tuple[int, ...]
    """Our choice for each number."""

    @classmethod
    def of(cls, decision: Decision) -> _Parameter:
        count = len(decision.values)
        if not all(map(is_number, decision.values)):
            return cls(CategoricalDistribution(range(count)), tuple(range(count)))
        ascending = sorted(range(count), key=lambda choice: float(decision.values[choice]))
        return cls(IntDistribution(0, count - 1), tuple(ascending))


class _Storage(InMemoryStorage):
    """Lets a pruned trial be marked as failed; to Optuna, the state of any trial that has ended is final."""

    def check_trial_is_updatable(self, trial_id: int, trial_state: TrialState) -> None:
        """Raise UpdateFinishedTrialError for a trial that is complete or has failed."""
        if trial_state is not TrialState.PRUNED:
            super().check_trial_is_updatable(trial_id, trial_state)


class SamplerStudy:
    """One search in Optuna's terms."""

    def __init__(self, space: SearchSpace, seed: int, sampler: Sampler, warmup: int, objectives: int = 1) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._seed = seed
        self._warmup = warmup
        self._kind = KINDS[sampler]
        self._guard = _single_threaded if sampler == "GP" else nullcontext
        self._storage = _Storage()
        self._study = optuna.create_study(storage=self._storage, directions=["maximize"] * objectives)
        # Optuna knows no intermediate values of several objectives: what is stopped is no more than infeasible there.
        self._reports_rungs = objectives == 1
        self._numbers: dict[int, int] = {}
        self._paused: set[int] = set()
        self._reports: dict[int, dict[int, Values | None]] = {}
        """What pending proposals had reached, by step."""
        # A decision with one value leaves nothing to decide, and most samplers cannot scale it.
        self._parameters = {
            decision.name: _Parameter.of(decision) for decision in space.decisions if len(decision.values) > 1
        }
        self._related = self._find_related()

    @property
    def remembers(self) -> bool:
        """Whether ``draw`` changes later draws."""
        return self._kind.remembers

    def draw(self, index: int, known: Callable[[Choices], bool]) -> Drawn:
        """Draw a limited number of candidates for proposal ``index``, until one is not ``known``."""
        sampler = self._kind.build(self._seeds(index))
        self._study.sampler = sampler
        number = self._study.ask().number
        trial = self._study.get_trials(deepcopy=False)[number]
        drawn: list[Choices] = []
        with self._guard():
            while len(drawn) < self._kind.draws and all(map(known, drawn[-1:])):
                drawn.append(self._draw_one(sampler, trial))
        # The other samplers' notes describe the draws, which may differ from the candidate.
        noted = self._study.get_trials(deepcopy=False)[number].system_attrs if self.remembers else {}
        self._study.tell(number, state=TrialState.FAIL)
        return Drawn(tuple(drawn), dict(noted))

    def enter(self, index: int, choices: Choices, attributes: Mapping[str, Any]) -> None:
        """Add a proposal as a running trial."""
        params: dict[str, int] = {}
        for decision, choice in zip(self._space.decisions, choices, strict=True):
            if choice != INACTIVE and decision.name in self._parameters:
                params[decision.name] = self._parameters[decision.name].choices.index(choice)
        self._add(index, params, attributes)

    def report(self, index: int, step: int, values: Values | None) -> None:
        """Note an intermediate value. Samplers see it when the trial has ended: no sampler looks at those of a running
        one, and they cannot be taken back from one that turns out to be infeasible."""
        self._reports.setdefault(index, {})[step] = values

    def observe(self, index: int, values: Values | None) -> None:
        """End a trial. An infeasible one becomes PRUNED without intermediate values: TPE ranks it below all others, the
        other samplers ignore it."""
        self._reenter(index)
        if values is None:
            self._end(index, TrialState.PRUNED)
        else:
            self._publish(index)
            self._end(index, TrialState.COMPLETE, [_clipped(value) for value in values])

    def stop(self, index: int) -> None:
        """End a trial as PRUNED: TPE ranks it below all with a reward, by its last step and then its value there. One
        that has diverged counts as infeasible."""
        self.pause(index)
        self._forget(index)

    def pause(self, index: int) -> None:
        """Do as if a trial was stopped. If it goes on, another one takes its place."""
        self._reenter(index)
        if [*self._reports[index].values()][-1] is not None:
            self._publish(index)
        self._study.tell(self._numbers[index], state=TrialState.PRUNED)
        self._paused.add(index)

    def abandon(self, index: int) -> None:
        """End a trial without a result, as failed: samplers ignore failed trials. One that was put aside is left as it
        is."""
        if index in self._paused:
            self._forget(index)
        else:
            self._end(index, TrialState.FAIL)

    def _add(self, index: int, params: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
        trial = create_trial(
            state=TrialState.RUNNING,
            params=dict(params),
            distributions={name: self._parameters[name].distribution for name in params},
            system_attrs=dict(attributes),
        )
        self._numbers[index] = len(self._study.get_trials(deepcopy=False))
        self._study.add_trial(trial)

    def _reenter(self, index: int) -> None:
        """Let a new trial, which is running, take the place of one that was put aside."""
        if index in self._paused:
            self._paused.remove(index)
            paused = self._study.get_trials(deepcopy=False)[self._numbers[index]]
            self._storage.set_trial_state_values(paused._trial_id, TrialState.FAIL)
            self._add(index, paused.params, paused.system_attrs)

    def _publish(self, index: int) -> None:
        if not self._reports_rungs:
            return
        trial = optuna.Trial(self._study, self._study.get_trials(deepcopy=False)[self._numbers[index]]._trial_id)
        for step, values in self._reports.get(index, {}).items():
            trial.report(math.nan if values is None else _clipped(values[0]), step)

    def _end(self, index: int, state: TrialState, values: Sequence[float] | None = None) -> None:
        self._study.tell(self._numbers[index], values, state)
        self._forget(index)

    def _forget(self, index: int) -> None:
        self._paused.discard(index)
        self._reports.pop(index, None)
        del self._numbers[index]

    def _find_related(self) -> dict[str, BaseDistribution]:
        """Return the decisions that are drawn together: those of every candidate.

        Optuna would compute what all trials so far have in common, which changes with the trials and then makes CMA-ES
        stop.
        """
        return {
            decision.name: self._parameters[decision.name].distribution
            for decision in self._space.decisions
            if decision.when is None
            and decision.name in self._parameters
            and (self._kind.categorical or isinstance(self._parameters[decision.name].distribution, IntDistribution))
        }

    def _draw_one(self, sampler: BaseSampler, trial: FrozenTrial) -> Choices:
        related = sampler.sample_relative(self._study, trial, dict(self._related)) if self._related else {}
        choices: list[int] = []
        for position, decision in enumerate(self._space.decisions):
            if not self._space.is_active(position, choices):
                choices.append(INACTIVE)
            elif decision.name not in self._parameters:
                choices.append(0)
            else:
                parameter = self._parameters[decision.name]
                value = related.get(decision.name)
                if value is None:
                    value = sampler.sample_independent(self._study, trial, decision.name, parameter.distribution)
                choices.append(parameter.choices[int(value)])
        return tuple(choices)

    def _seeds(self, index: int) -> Seeds:
        (search,) = words(self._seed, Purpose.SAMPLER, 0, 2)[1:]
        (proposal,) = words(self._seed, Purpose.SAMPLER, index, 1)
        return Seeds(int(search) % 2**32, int(proposal) % 2**32, self._warmup)


def _clipped(reward: float) -> float:
    return min(max(reward, -LARGEST_REWARD), LARGEST_REWARD)


def _single_threaded() -> AbstractContextManager[None]:
    # Imports PyTorch, which only the GP needs.
    from evonas.agents.torch_threads import single_threaded  # noqa: PLC0415

    return single_threaded()
