"""Third-party searchers for several objectives, as their users write them. Imported only when they compete.

Numbers are whole numbers to them, by their place in the order; other values are categories. They know no reference, but
some take constraints: that a value is no worse than its reference, by a share of it. Where it is minus infinity, there
is none.
"""

from __future__ import annotations

import math
import warnings
from collections import deque
from typing import Any

import numpy as np

from bench.agents.peers import Suggested, suggest
from bench.fronts.problem import Values
from evonas.space import SearchSpace, is_number

POPULATION = 20
"""Of pymoo's NSGA-II, as in its example with mixed variables: with its default of 100, a search of 50 or 100 trials
would be random."""


class Optuna:
    """A study of Optuna's with several directions, and one of its samplers."""

    def __init__(self, space: SearchSpace, seed: int, references: Values, sampler: str, **settings: Any) -> None:
        import optuna  # noqa: PLC0415

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        self._references = references
        self._study = optuna.create_study(
            directions=["maximize"] * len(references), sampler=getattr(optuna.samplers, sampler)(seed=seed, **settings)
        )
        self._space = space
        self._pending: dict[int, Any] = {}

    def propose(self) -> Suggested:
        """Ask for a trial."""
        trial = self._study.ask()
        choices = suggest(trial, self._space)
        self._pending[trial.number] = trial
        return Suggested(trial.number, self._space.to_candidate(choices))

    def observe(self, index: int, values: Values) -> None:
        """Tell a result."""
        trial = self._pending.pop(index)
        for place, violation in enumerate(_violations(values, self._references)):
            trial.set_constraint(str(place), violation)
        self._study.tell(trial, values)


class Pymoo:
    """pymoo's NSGA-II with its operators for mixed variables, binary tournaments and elimination of duplicates."""

    def __init__(self, space: SearchSpace, seed: int, references: Values) -> None:
        from pymoo.algorithms.moo.nsga2 import NSGA2, binary_tournament  # noqa: PLC0415
        from pymoo.core.mixed import (  # noqa: PLC0415
            MixedVariableDuplicateElimination,
            MixedVariableMating,
            MixedVariableSampling,
        )
        from pymoo.core.problem import Problem  # noqa: PLC0415
        from pymoo.core.variable import Choice, Integer  # noqa: PLC0415
        from pymoo.operators.selection.tournament import TournamentSelection  # noqa: PLC0415

        self._space = space
        variables = {
            decision.name: Integer(bounds=(0, len(decision.values) - 1))
            if all(map(is_number, decision.values))
            else Choice(options=list(range(len(decision.values))))
            for decision in space.decisions
        }
        duplicates = MixedVariableDuplicateElimination()
        self._algorithm = NSGA2(
            pop_size=POPULATION,
            sampling=MixedVariableSampling(),
            mating=MixedVariableMating(
                selection=TournamentSelection(func_comp=binary_tournament), eliminate_duplicates=duplicates
            ),
            eliminate_duplicates=duplicates,
        )
        self._references = references
        constraints = len(_violations(references, references))
        self._measured = {"F", "G"} if constraints else {"F"}
        self._algorithm.setup(
            Problem(vars=variables, n_obj=len(references), n_ieq_constr=constraints),
            termination=("n_gen", 1_000_000),
            seed=seed,
            verbose=False,
        )
        self._generation: Any = None
        self._open: deque[int] = deque()
        """Places in the generation that are still to be proposed."""
        self._pending: dict[int, int] = {}
        self._proposed = 0

    def propose(self) -> Suggested | None:
        """Return the next of the generation; None while results of the one before are missing."""
        if not self._open:
            if self._pending:
                return None
            self._generation = self._algorithm.ask()
            self._open.extend(range(len(self._generation)))
            if not self._open:
                return None
        place = self._open.popleft()
        genes = self._generation[place].X
        index, self._proposed = self._proposed, self._proposed + 1
        self._pending[index] = place
        choices = [int(genes[decision.name]) for decision in self._space.decisions]
        return Suggested(index, self._space.to_candidate(choices))

    def observe(self, index: int, values: Values) -> None:
        """Take a result, and tell the generation when it is complete; pymoo minimises."""
        member = self._generation[self._pending.pop(index)]
        member.F = -np.array(values)
        if "G" in self._measured:
            member.G = np.array(_violations(values, self._references))
        if not self._open and not self._pending:
            for member in self._generation:
                member.evaluated.update(self._measured)
            self._algorithm.tell(infills=self._generation)


def _violations(values: Values, references: Values) -> list[float]:
    """Return by which share of its reference each value is worse, not above 0 where it is no worse; nothing of
    objectives without a reference.
    """
    both = zip(values, references, strict=True)
    return [(reference - value) / abs(reference) for value, reference in both if reference > -math.inf]
