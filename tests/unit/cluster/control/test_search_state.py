"""What is remembered of a search: its agent is dropped when it is not used, and comes back as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from evonas.cluster.control.acceptance import Acceptance
from evonas.cluster.control.engines import Engines
from evonas.cluster.control.knowledge import KnowledgeOfSearch
from evonas.cluster.control.pending_reasons import PendingReasons
from evonas.cluster.control.search_state import AGENT_PATIENCE, SearchState, patience_with_agent
from evonas.cluster.state.warm_start import WarmStart
from evonas.search.table import TrialTable
from evonas.search.trial import Trial, TrialState
from evonas.spec import SearchSpec
from tests.unit.search.simulation import SPACE
from tests.unit.search.support import search_spec

NOW = 1000.0


def state() -> SearchState:
    api: Any = None
    parts = {
        "acceptance": Acceptance(api, Engines(())),
        "pending_reasons": PendingReasons(api),
        "warm_start": WarmStart(api, cast(Any, None)),
        "knowledge": KnowledgeOfSearch(api, cast(Any, None), cast(Any, None)),
    }
    return SearchState("n", "s", **cast(Any, parts))


def ask(kept: SearchState, spec: SearchSpec, table: TrialTable, now: float) -> list[Trial]:
    proposer = kept.ensure_proposer(spec, now)
    proposed = proposer.propose(proposer.collect(table), 2)
    for trial in proposed:
        table.put(trial)
    return proposed


def end(table: TrialTable, trial: Trial) -> None:
    sequence = 1 + sum(other.sequence is not None for other in table)
    state = TrialState.FAILED if trial.index % 5 == 4 else TrialState.SUCCEEDED
    ended: Any = {} if state is TrialState.FAILED else {"reward": 1 / (1 + trial.index), "sequence": sequence}
    table.put(replace(trial, state=state, **ended))


@pytest.mark.parametrize("agent", ["Evolution", "EvoNAS"])
def test_an_agent_that_was_dropped_proposes_what_it_would_have_proposed(agent: str) -> None:
    spec = search_spec(searchSpace=SPACE, agent={"type": agent, "seed": 5, "warmup": 4}, budget={"maxTrials": 40})
    kept, dropped, one, other = state(), state(), TrialTable(), TrialTable()
    now = NOW
    for turn in range(8):
        now += AGENT_PATIENCE if turn % 3 == 2 else 1
        if turn % 3 == 2:
            assert dropped.drop_idle_proposer(len(other), now) is None
            assert dropped.proposer is None
        proposed = ask(kept, spec, one, now)
        assert ask(dropped, spec, other, now) == proposed
        for trial in proposed:
            end(one, trial)
            end(other, trial)


def test_an_agent_is_kept_while_it_is_asked_and_dropped_when_it_is_not() -> None:
    spec, kept = search_spec(), state()
    assert kept.drop_idle_proposer(0, NOW) is None
    proposer = kept.ensure_proposer(spec, NOW)
    assert kept.drop_idle_proposer(0, NOW + 100) == AGENT_PATIENCE - 100
    assert kept.ensure_proposer(spec, NOW + 200) is proposer
    assert kept.drop_idle_proposer(0, NOW + AGENT_PATIENCE) == 200
    assert kept.proposer is proposer
    assert kept.drop_idle_proposer(0, NOW + AGENT_PATIENCE + 200) is None
    assert kept.proposer is None


def test_the_more_an_agent_costs_to_fold_the_longer_it_is_kept() -> None:
    assert patience_with_agent(0) == patience_with_agent(500) == AGENT_PATIENCE
    # Six milliseconds a trial: a hundredth of the time between two folds at most.
    assert patience_with_agent(10_000) >= 100 * 10_000 * 0.006
