"""Candidates from outside become trials of the search: once each, first, and the agent's record stays exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.recorded.replay import Replay
from evonas.search.backlog import Backlog, Decisions, Result, TriedCandidates, due_imports, import_is_open
from evonas.search.codec import from_object, to_object
from evonas.search.plan import Plan, plan
from evonas.search.table import TrialTable
from evonas.search.totals import Totals
from evonas.search.trial import IMPORTED, LISTED, Trial, TrialState
from evonas.spec import SearchSpec
from tests.tier import examples
from tests.unit.recorded.test_replay import AGENTS, difference_of, spec_of
from tests.unit.search.simulation import SPACE, simulate
from tests.unit.search.support import IDENTITY, NOW, search_spec, succeeded

SIZE = spec_of("Random").space.size


def candidate(spec: SearchSpec, rank: int) -> Decisions:
    return spec.space.to_candidate(spec.space.unrank(rank))


def results(spec: SearchSpec, ranks: Sequence[int]) -> list[Result]:
    """Results from elsewhere, each better than the one before."""
    return [
        Result("search other", place, candidate(spec, rank), 0.1 * place, {"accuracy": 0.1 * place}, 1)
        for place, rank in enumerate(ranks)
    ]


def step(spec: SearchSpec, table: TrialTable, found: Sequence[Result], listed: Sequence[Decisions] = ()) -> Plan:
    """Make a plan of what is in the table, as both loops do."""
    unfinished = [table.unfinished[index] for index in sorted(table.unfinished)]
    finished = Totals(spec.objectives, (trial for trial in table if trial.state.is_final))
    totals = finished.plus(unfinished)
    imports = due_imports(found if import_is_open(totals) else (), totals, table)
    backlog = Backlog(imports, TriedCandidates().untried(listed, table))
    return plan(spec, finished, unfinished, {}, created={}, start_time=NOW, now=NOW, backlog=backlog)


def test_results_are_recorded_then_taken_over_and_only_then_is_anything_proposed() -> None:
    spec, table = search_spec(budget={"maxTrials": 5, "parallelTrials": 2}), TrialTable()
    found = results(spec, [3, 5, 7])
    first = step(spec, table, found)
    assert [(trial.index, trial.proposal.origin) for trial in first.imports] == [
        (place, IMPORTED) for place in range(3)
    ]
    assert (first.proposals, first.starts, first.wake_at) == (0, (), NOW)
    for trial in first.imports:
        table.put(trial)
    second = step(spec, table, found)
    assert [(trial.state, trial.reward, trial.sequence) for trial in second.records] == [
        (TrialState.SUCCEEDED, 0.1 * place, place + 1) for place in range(3)
    ]
    # They count neither for maxTrials nor for parallelTrials, and no attempt is started.
    assert (second.imports, second.starts, second.proposals) == ((), (), 2)
    assert (second.totals.total, second.totals.imported, second.totals.last_sequence) == (0, 3, 3)
    assert second.totals.best is not None
    assert second.totals.best.index == 2


@settings(max_examples=examples(50))
@given(written=st.integers(0, 6), settled=st.integers(0, 6), later=st.integers(0, 3))
def test_an_import_goes_on_after_a_crash_at_any_write(written: int, settled: int, later: int) -> None:
    """Even where the source has changed meanwhile: what is recorded stays, and nothing is imported twice."""
    spec, table = search_spec(), TrialTable()
    for trial in step(spec, table, results(spec, range(6))).imports[:written]:
        table.put(trial)
    for trial in step(spec, table, ()).records[:settled]:
        table.put(trial)
    changed = results(spec, range(later, 6 + later))
    for _ in range(2):
        decided = step(spec, table, changed)
        for trial in (*decided.records, *decided.imports):
            table.put(trial)
    # Nothing of the source was recorded before the first write: then it is the changed one that counts.
    assert sorted(trial.index for trial in table) == list(range(6))
    assert sorted(trial.sequence or 0 for trial in table) == [1, 2, 3, 4, 5, 6]
    assert len({trial.decisions["a"] for trial in table}) == 6
    assert step(spec, table, changed).proposals == 4
    assert not import_is_open(Totals(spec.objectives, table))


def test_nothing_is_imported_into_a_search_that_has_begun() -> None:
    spec = search_spec()
    table = TrialTable([succeeded(0, 0.5)])
    assert step(spec, table, results(spec, [3])).imports == ()


def test_an_imported_result_ends_no_search_and_a_space_that_is_known_whole_does() -> None:
    space = [{"name": "a", "values": [0, 1, 2]}]
    spec = search_spec(searchSpace=space, objective={"target": 0.1}, budget={"maxTrials": 9, "parallelTrials": 1})
    table = TrialTable()
    for _ in range(2):
        decided = step(spec, table, results(spec, [0, 1]))
        for trial in (*decided.records, *decided.imports):
            table.put(trial)
    assert step(spec, table, ()).proposals == 1
    whole = TrialTable()
    for _ in range(2):
        decided = step(spec, whole, results(spec, [0, 1, 2]))
        for trial in (*decided.records, *decided.imports):
            whole.put(trial)
    limit = step(spec, whole, ()).limit
    assert limit is not None
    assert limit.reason == "SpaceExhausted"


def test_listed_candidates_come_first_in_their_order_within_the_budget() -> None:
    spec, table = search_spec(budget={"maxTrials": 4, "parallelTrials": 3}), TrialTable()
    listed = [{"a": 50}, {"a": 40}, {"a": 50}, {"a": 30}, {"a": 20}]
    first = step(spec, table, (), listed)
    assert [(trial.proposal.origin, trial.decisions["a"]) for trial in first.listed] == [
        (LISTED, 50),
        (LISTED, 40),
        (LISTED, 30),
    ]
    assert first.proposals == 0
    for trial in first.listed[:2]:
        table.put(trial)
    second = step(spec, table, (), listed)
    assert [(trial.index, trial.decisions["a"]) for trial in second.listed] == [(2, 30)]
    for trial in [*table]:
        table.put(replace(trial, state=TrialState.FAILED))
    third = step(spec, table, (), listed)
    assert [trial.decisions["a"] for trial in third.listed] == [30, 20]
    assert step(spec, table, (), listed[:2]).proposals == 2


def test_turns_notice_a_deleted_trial_and_look_at_no_finished_trial_twice() -> None:
    tried, table = TriedCandidates(), TrialTable([succeeded(0, 0.5), succeeded(1, 0.5)])
    listed = [{"a": 1}, {"a": 2}]
    assert tried.untried(listed, table) == [{"a": 2}]
    assert tried.untried([], table) == []
    table.put(succeeded(2, 0.5))
    assert tried.untried(listed, table) == []
    table.drop(1)
    assert tried.untried(listed, table) == [{"a": 1}]


def test_an_imported_trial_survives_the_api() -> None:
    spec, table = search_spec(), TrialTable()
    (trial,) = step(spec, table, results(spec, [3])).imports
    assert from_object(to_object(IDENTITY, trial)) == trial


@pytest.mark.parametrize("agent", [*AGENTS, "CMAES"])
def test_proposals_after_candidates_from_outside_follow_from_the_record(agent: str) -> None:
    kinds = {**AGENTS, "CMAES": {"type": "Optuna", "sampler": "CMAES", "warmup": 4}}
    spec = search_spec(searchSpace=SPACE, agent={**kinds[agent], "seed": 5}, budget={"maxTrials": 40})
    found, listed = results(spec, [1, 30, 70, 90]), {9: candidate(spec, 20), 17: candidate(spec, 100)}
    trials = simulate(spec, results=found, listed=listed)
    assert [trial.proposal.origin for trial in trials].count(LISTED) == 2
    assert simulate(spec, results=found, listed=listed, restarts=range(30)) == trials
    assert difference_of(spec, trials) is None
    known = [str(dict(trial.decisions)) for trial in trials if not trial.is_repeat]
    assert len({*known}) == len(known)


@settings(max_examples=examples(25))
@given(
    ranks=st.lists(st.integers(0, SIZE - 1), max_size=12, unique=True),
    listed=st.dictionaries(st.integers(0, 25), st.integers(0, SIZE - 1), max_size=4),
    restarts=st.sets(st.integers(0, 29)),
)
def test_the_record_stays_exact_whatever_comes_when(
    ranks: list[int], listed: dict[int, int], restarts: set[int]
) -> None:
    spec = spec_of("Evolution")
    found, wanted = results(spec, ranks), {number: candidate(spec, rank) for number, rank in listed.items()}
    trials = simulate(spec, results=found, listed=wanted, restarts=restarts)
    assert trials == simulate(spec, results=found, listed=wanted)
    assert [trial.index for trial in trials] == list(range(len(trials)))
    assert all(difference is None for _, difference in Replay(spec, trials).run())
    tried = [str(dict(trial.decisions)) for trial in trials]
    assert len(tried) == len(set(tried))
    assert {str(dict(decisions)) for decisions in wanted.values()} <= set(tried)


def test_evolution_breeds_from_imported_results() -> None:
    spec = spec_of("Evolution")
    found = [replace(result, reward=10.0 + result.reward) for result in results(spec, range(0, 60, 3))]
    trials = simulate(spec, results=found, count=30)
    own = [trial for trial in trials if trial.imported is None]
    assert {trial.proposal.origin for trial in own} == {"mutation"}
    parents: list[Trial] = [trials[trial.proposal.parent or 0] for trial in own]
    assert all(parent.imported is not None for parent in parents)
