"""Keeps one search's agent in step with its records, and asks it for candidates (design §1.2).

The records are the truth: where the agent in memory does not fit them (another process proposed, a write failed after
the agent had proposed, a trial was deleted) it is dropped and folded again. Not thread-safe: one call at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from evonas.agents import Agent, Proposal, Record, SpaceExhausted, create_agent
from evonas.search.objective import oriented
from evonas.search.trial import ProposalRecord, Trial, TrialState
from evonas.spec import SearchSpec


class Proposer:
    """The agent of one search."""

    def __init__(self, spec: SearchSpec) -> None:
        self._spec = spec
        self._agent: Agent | None = None
        self._pending: set[int] = set()
        self._ended: set[int] = set()
        self._last_sequence = 0

    @property
    def entropy(self) -> float | None:
        """Entropy of the agent's policy relative to a uniform one; None where it has none or was not asked yet."""
        return None if self._agent is None else self._agent.entropy

    def propose(self, trials: Collection[Trial], count: int) -> list[Trial]:
        """Return up to ``count`` new trials after all recorded results were learned; fewer where the space is done.

        Raises EvonasError where the records do not fit the search.
        """
        ended = sorted(
            (trial for trial in trials if trial.state.is_final and trial.index not in self._ended), key=_learning_order
        )
        if self._agent is None or not self._fits(trials, ended):
            self._restore(trials)
        else:
            for trial in ended:
                self._learn(self._agent, trial)
        return self._proposals(count)

    def _fits(self, trials: Collection[Trial], ended: Sequence[Trial]) -> bool:
        recorded = {trial.index for trial in trials}
        late = any(trial.sequence is not None and trial.sequence <= self._last_sequence for trial in ended)
        return recorded == self._pending | self._ended and not late

    def _restore(self, trials: Collection[Trial]) -> None:
        agent = create_agent(self._spec.agent.type, self._spec.space, self._spec.agent.seed, self._spec.agent.settings)
        agent.restore(self._record(trial) for trial in sorted(trials, key=lambda trial: trial.index))
        self._agent = agent
        self._ended = {trial.index for trial in trials if trial.state.is_final}
        self._pending = {trial.index for trial in trials} - self._ended
        self._last_sequence = max((trial.sequence or 0 for trial in trials), default=0)

    def _learn(self, agent: Agent, trial: Trial) -> None:
        if trial.sequence is None:
            agent.abandon(trial.index)
        else:
            agent.observe(trial.index, self._reward(trial))
            self._last_sequence = trial.sequence
        self._pending.remove(trial.index)
        self._ended.add(trial.index)

    def _proposals(self, count: int) -> list[Trial]:
        assert self._agent is not None
        proposed: list[Trial] = []
        for _ in range(count):
            try:
                proposal = self._agent.propose()
            except SpaceExhausted:
                break
            self._pending.add(proposal.index)
            proposed.append(_trial(proposal))
        return proposed

    def _record(self, trial: Trial) -> Record:
        return Record(
            index=trial.index,
            decisions=trial.decisions,
            mutated=trial.proposal.mutated,
            observed_up_to=trial.proposal.observed_up_to,
            sequence=trial.sequence,
            reward=self._reward(trial),
            abandoned=trial.state is TrialState.FAILED,
        )

    def _reward(self, trial: Trial) -> float | None:
        return None if trial.reward is None else oriented(self._spec.objective, trial.reward)


def _trial(proposal: Proposal) -> Trial:
    return Trial(
        index=proposal.index,
        decisions=proposal.decisions,
        proposal=ProposalRecord(
            origin=proposal.origin,
            parent=proposal.parent,
            mutated=proposal.mutated,
            observed_up_to=proposal.observed_up_to,
            redrawn=proposal.redrawn,
            competitors=proposal.competitors,
            value=proposal.value,
            rank=proposal.rank,
            policy_ratio=proposal.policy_ratio,
        ),
    )


def _learning_order(trial: Trial) -> tuple[int, int]:
    return trial.sequence or 0, trial.index
