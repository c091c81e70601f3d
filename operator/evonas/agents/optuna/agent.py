"""Optuna's samplers as an agent: the contract of ``Agent`` around a study. Beside ``composition``, with the same
memory, walk and scan, but Optuna draws the candidates. Imported only if ``spec.agent.type`` is Optuna.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from evonas.agents.folding import in_order
from evonas.agents.history import History, Pending
from evonas.agents.interface import InvalidRecord, Proposal, Record, Reward, SpaceExhausted
from evonas.agents.novelty import pick
from evonas.agents.optuna.study import Drawn, SamplerStudy
from evonas.agents.records import check_record
from evonas.agents.settings import AgentSettings
from evonas.agents.sources import NOBODY, Drafts, Drawing
from evonas.space import Choices, SearchSpace


class OptunaAgent:
    """An agent whose candidates one of Optuna's samplers draws; see ``Agent`` for the contract."""

    def __init__(self, space: SearchSpace, seed: int, settings: AgentSettings, objectives: int = 1) -> None:
        self._space = space
        self._seed = seed
        self._study = SamplerStudy(space, seed, settings.sampler, settings.warmup, objectives)
        self._objectives = objectives
        self._history = History(objectives)
        self._observed = 0

    def propose(self) -> Proposal:
        """Return a candidate that was never proposed before; SpaceExhausted if there is none left."""
        if self._history.candidates >= self._space.size:
            raise SpaceExhausted(f"all {self._space.size} candidates of the search space have been proposed")
        index = self._history.next_index
        drawn = self._study.draw(index, self._history.__contains__)
        picked = pick(self._space, self._seed, index, self._drafts(drawn), self._history.__contains__)
        self._enter(index, picked.choices, drawn)
        return Proposal(
            index=index,
            decisions=self._space.to_candidate(picked.choices),
            origin="random" if picked.draft is None else "sampler",
            parent=None,
            mutated=(),
            observed_up_to=self._observed,
            redrawn=picked.redrawn,
        )

    def observe(self, index: int, reward: Reward | None) -> None:
        """Learn a pending proposal's reward, None if infeasible; ValueError for a wrong index or reward."""
        values = self._history.read(index, reward)
        self._history.settle(index)
        self._study.observe(index, values)
        self._observed += 1

    def observe_rung(self, index: int, step: int, value: Reward | None) -> None:
        """As ``LearnsFromRungs.observe_rung``."""
        self._study.report(index, step, self._history.reach(index, step, value))
        self._observed += 1

    def stop(self, index: int) -> None:
        """As ``LearnsFromRungs.stop``."""
        self._history.stop(index)
        self._study.stop(index)

    def pause(self, index: int) -> None:
        """As ``LearnsFromRungs.pause``."""
        self._history.pause(index)
        self._study.pause(index)

    def abandon(self, index: int) -> None:
        """Forget a pending proposal that will never be observed; ValueError if the index is not pending."""
        self._history.settle(index)
        self._study.abandon(index)

    def restore(self, records: Iterable[Record]) -> None:
        """Fold a recorded history; InvalidRecord if it is impossible, ValueError if this agent is not new. Stateful
        samplers draw each of their proposals again, after as many observations as it had seen.
        """
        if self._history.next_index:
            raise ValueError("only a new agent can be restored: this one has already proposed")
        entering = sorted(
            ((record, check_record(self._space, record, self._objectives)) for record in records), key=_by_index
        )
        observed = deque(in_order(record for record, _ in entering))
        for record, choices in entering:
            # A deleted record may have been among the observations that later ones had seen.
            while observed and self._observed < record.observed_up_to and observed[0].record.index < record.index:
                observed.popleft().tell(self)
            self._readmit(record, choices)
        for each in observed:
            each.tell(self)
        for record, _ in entering:
            if record.abandoned:
                self.abandon(record.index)

    @property
    def entropy(self) -> float | None:
        """None: a sampler has no policy."""
        return None

    def _drafts(self, drawn: Drawn) -> Drafts:
        choices = np.array(drawn.choices)
        drawing = Drawing(choices, np.zeros(choices.shape, bool), np.zeros(choices.shape))
        return Drafts(drawing, np.full(len(choices), NOBODY), "sampler")

    def _enter(self, index: int, choices: Choices, drawn: Drawn | None) -> None:
        self._history.add(Pending(index, choices, (False,) * len(self._space)))
        self._study.enter(index, choices, drawn.attributes if drawn else {})

    def _readmit(self, record: Record, choices: Choices) -> None:
        redraw = self._study.remembers and not record.foreign
        drawn = self._study.draw(record.index, self._history.__contains__) if redraw else None
        try:
            self._enter(record.index, choices, drawn)
        except ValueError as error:
            raise InvalidRecord(f"trial {record.index} cannot be of this search: {error}") from None


def _by_index(entering: tuple[Record, Choices]) -> int:
    return entering[0].index
