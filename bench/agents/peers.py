"""Third-party searchers and a textbook one, for comparison. Their packages are imported only when they compete."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from evonas.space import INACTIVE, Choices, SearchSpace, Value, is_number


@dataclass(frozen=True)
class Suggested:
    """A candidate with its index."""

    index: int
    decisions: dict[str, Value]


class RegularisedEvolution:
    """Regularised evolution as published (Real et al. 2018, arXiv 1802.01548), reimplemented.

    100 random candidates, then children of the best of 25 drawn from the latest 100; one decision takes another value.
    Candidates may repeat.
    """

    POPULATION, TOURNAMENT = 100, 25

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._random = random.Random(seed)
        self._population: deque[tuple[float, Choices]] = deque(maxlen=self.POPULATION)
        self._pending: dict[int, Choices] = {}
        self._proposed = 0

    def propose(self) -> Suggested:
        """Return a random candidate at first, then a child."""
        if self._proposed < self.POPULATION or not self._population:
            choices = self._space.unrank(self._random.randrange(self._space.size))
        else:
            entrants = self._random.sample(self._population, min(self.TOURNAMENT, len(self._population)))
            choices = self._child(max(entrants, key=lambda member: member[0])[1])
        suggested = Suggested(self._proposed, self._space.to_candidate(choices))
        self._pending[self._proposed] = choices
        self._proposed += 1
        return suggested

    def observe(self, index: int, reward: float | None) -> None:
        """Add a result."""
        choices = self._pending.pop(index)
        if reward is not None:
            self._population.append((reward, choices))

    def _child(self, parent: Choices) -> Choices:
        free = [
            position
            for position, choice in enumerate(parent)
            if choice != INACTIVE and self._space.cardinalities[position] > 1
        ]
        changed = self._random.choice(free)
        values = [value for value in range(self._space.cardinalities[changed]) if value != parent[changed]]
        return _changed(self._space, parent, changed, self._random.choice(values), self._random)


class LocalSearch:
    """Local search (White et al., arXiv 2005.02960): evaluate the neighbours of the best candidate in random order, and
    move to the first that is better; from a local optimum, start again from a random candidate. Ten random ones first.
    """

    BEGINNING = 10

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._random = random.Random(seed)
        self._pending: dict[int, tuple[int, Choices]] = {}
        self._proposed = 0
        self._climb = 0
        """Which of the climbs this is: what was proposed for an earlier one no longer counts."""
        self._best: tuple[float, Choices] | None = None
        self._neighbours: list[Choices] = []

    def propose(self) -> Suggested:
        """Return a neighbour of the climb's best candidate, or a random one."""
        if self._proposed >= self.BEGINNING and self._best is not None and not self._neighbours and not self._pending:
            self._climb, self._best = self._climb + 1, None
        choices = self._neighbours.pop() if self._neighbours and self._proposed >= self.BEGINNING else self._anything()
        suggested = Suggested(self._proposed, self._space.to_candidate(choices))
        self._pending[self._proposed] = self._climb, choices
        self._proposed += 1
        return suggested

    def observe(self, index: int, reward: float | None) -> None:
        """Move there if it is better."""
        climb, choices = self._pending.pop(index)
        if reward is not None and climb == self._climb and (self._best is None or reward > self._best[0]):
            self._best = reward, choices
            around = (_changed(self._space, choices, *change, self._random) for change in self._changes(choices))
            self._neighbours = [*dict.fromkeys(around)]
            self._random.shuffle(self._neighbours)

    def _anything(self) -> Choices:
        return self._space.unrank(self._random.randrange(self._space.size))

    def _changes(self, choices: Choices) -> Iterator[tuple[int, int]]:
        for position, choice in enumerate(choices):
            if choice != INACTIVE:
                yield from (
                    (position, value) for value in range(self._space.cardinalities[position]) if value != choice
                )


def _changed(space: SearchSpace, parent: Choices, changed: int, value: int, dice: random.Random) -> Choices:
    """Return the candidate with another value; what it makes exist is drawn."""
    child: list[int] = []
    for position, choice in enumerate(parent):
        if not space.is_active(position, child):
            child.append(INACTIVE)
        elif position == changed:
            child.append(value)
        else:
            child.append(choice if choice != INACTIVE else dice.randrange(space.cardinalities[position]))
    return tuple(child)


def suggest(trial: Any, space: SearchSpace) -> list[int]:
    """Let a trial of Optuna's choose a candidate; ordered decisions are whole numbers to it, others categories."""
    choices: list[int] = []
    for position, decision in enumerate(space.decisions):
        if not space.is_active(position, choices):
            choices.append(INACTIVE)
        elif all(map(is_number, decision.values)):
            choices.append(trial.suggest_int(decision.name, 0, len(decision.values) - 1))
        else:
            choices.append(trial.suggest_categorical(decision.name, list(range(len(decision.values)))))
    return choices


class OptunaTPE:
    """Optuna's tree-structured Parzen estimator with its defaults, told about running trials (constant liar), and
    possibly one of Optuna's pruners."""

    def __init__(self, space: SearchSpace, seed: int, pruner: Any = None) -> None:
        import optuna  # noqa: PLC0415

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
            pruner=pruner or optuna.pruners.NopPruner(),
            # Hyperband's brackets follow from the name.
            study_name=f"seed-{seed}",
        )
        self._failed, self._pruned = optuna.trial.TrialState.FAIL, optuna.trial.TrialState.PRUNED
        self._space = space
        self._pending: dict[int, Any] = {}

    def propose(self) -> Suggested:
        """Ask for a trial."""
        trial = self._study.ask()
        choices = suggest(trial, self._space)
        self._pending[trial.number] = trial
        return Suggested(trial.number, self._space.to_candidate(choices))

    def observe(self, index: int, reward: float | None) -> None:
        """Tell a result."""
        trial = self._pending.pop(index)
        if reward is None:
            self._study.tell(trial, state=self._failed)
        else:
            self._study.tell(trial, reward)

    def reach(self, index: int, step: int, value: float) -> bool:
        """Report an intermediate value, and ask the pruner whether the trial goes on."""
        trial = self._pending[index]
        trial.report(value, step)
        return not trial.should_prune()

    def stop(self, index: int) -> None:
        """Tell that it was pruned."""
        self._study.tell(self._pending.pop(index), state=self._pruned)


class PyGloveEvolution:
    """PyGlove's regularised evolution with its defaults: population 100, tournament 10, one decision drawn anew."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        import pyglove  # noqa: PLC0415

        self._space = space
        self._template = pyglove.Dict(
            {decision.name: pyglove.oneof(list(decision.values)) for decision in space.decisions}
        )
        self._algorithm = pyglove.evolution.regularized_evolution(
            mutator=pyglove.evolution.mutators.Uniform(seed=seed), seed=seed
        )
        self._specification = pyglove.dna_spec(self._template)
        self._algorithm.setup(self._specification)
        self._pending: dict[int, Any] = {}
        self._proposed = 0

    def propose(self) -> Suggested:
        """Ask for a genotype, and read it."""
        dna = self._algorithm.propose()
        dna.use_spec(self._specification)
        index, self._proposed = self._proposed, self._proposed + 1
        self._pending[index] = dna
        choices = [int(gene) for gene in dna.to_numbers()]
        return Suggested(index, self._space.to_candidate(choices))

    def observe(self, index: int, reward: float | None) -> None:
        """Feed a result back."""
        dna = self._pending.pop(index)
        if reward is not None:
            self._algorithm.feedback(dna, reward)
