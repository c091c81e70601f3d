"""Replaying a record: every agent's proposals follow from it, and whatever is changed in it is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from evonas.agents import Agent, Explaining, create_agent
from evonas.errors import EvonasError
from evonas.recorded.replay import Difference, MissingTrial, Replay
from evonas.search import lessons
from evonas.search.codec import from_object, to_object
from evonas.search.confirmation import due_confirmations
from evonas.search.proposer import Proposer
from evonas.search.trial import Trial, TrialState
from evonas.spec import Confirm, SearchSpec
from tests.unit.search.simulation import SPACE, simulate
from tests.unit.search.support import IDENTITY, propose, search_spec, totals_of

AGENTS: dict[str, dict[str, Any]] = {
    "Random": {"type": "Random"},
    "Evolution": {"type": "Evolution"},
    "Neural": {"type": "Neural", "warmup": 4},
    "EvoNAS": {"type": "EvoNAS", "warmup": 4},
    "TPE": {"type": "Optuna", "warmup": 4},
}


def spec_of(agent: str) -> SearchSpec:
    return search_spec(searchSpace=SPACE, agent={**AGENTS[agent], "seed": 5}, budget={"maxTrials": 40})


def difference_of(spec: SearchSpec, trials: list[Trial]) -> Difference | None:
    return [difference for _, difference in Replay(spec, trials).run()][-1]


@pytest.mark.parametrize("agent", AGENTS)
def test_every_proposal_follows_from_the_record(agent: str) -> None:
    spec = spec_of(agent)
    trials = simulate(spec)
    assert {trial.state for trial in trials} == {TrialState.SUCCEEDED, TrialState.INFEASIBLE, TrialState.FAILED}
    replayed = list(Replay(spec, trials).run())
    assert [trial.index for trial, _ in replayed] == list(range(len(trials)))
    assert difference_of(spec, trials) is None


@pytest.mark.parametrize("references", [False, True], ids=["", "references"])
@pytest.mark.parametrize("agent", [*AGENTS, "NSGAII"])
def test_every_proposal_for_several_objectives_follows_from_the_record(agent: str, references: bool) -> None:
    objectives: list[dict[str, Any]] = [{"metric": "accuracy"}, {"metric": "latency_ms", "goal": "Minimize"}]
    if references:
        objectives = [{**objectives[0], "reference": 0.1}, {**objectives[1], "reference": 13}]
    declared = {**AGENTS, "NSGAII": {"type": "Optuna", "sampler": "NSGAII"}}[agent]
    spec = search_spec(
        searchSpace=SPACE, agent={**declared, "seed": 5}, budget={"maxTrials": 40}, objectives=objectives
    )
    trials = simulate(spec, restarts=[17])
    assert difference_of(spec, trials) is None
    proposed = Replay(spec, trials).agent_before(20)
    if agent == "EvoNAS":
        assert isinstance(proposed, Explaining)
        assert {len(each.values or ()) for each in proposed.alternatives()} == {2}
    # What it is told of the second objective matters to whoever learns.
    changed = [
        replace(trial, metrics={**trial.metrics, "latency_ms": 25 - trial.metrics["latency_ms"]})
        if trial.metrics
        else trial
        for trial in trials
    ]
    assert (difference_of(spec, changed) is None) == (agent in ("Random", "NSGAII"))


@pytest.mark.parametrize("agent", AGENTS)
def test_proposals_after_a_confirmation_follow_from_the_record(agent: str) -> None:
    spec = replace(spec_of(agent), confirm=Confirm(top=2, repeats=2))
    trials = simulate(spec)
    for confirmation in due_confirmations(spec, totals_of(trials, spec), 4):
        trials.append(replace(confirmation, state=TrialState.SUCCEEDED, reward=0.0))
    trials += propose(Proposer(spec), trials, 3)
    assert [trial.is_confirmation for trial in trials[-8:]] == [False] + [True] * 4 + [False] * 3
    assert difference_of(spec, trials) is None
    trials[-1] = replace(trials[-1], proposal=replace(trials[-1].proposal, redrawn=99))
    difference = difference_of(spec, trials)
    assert difference is not None
    assert difference.index == len(trials) - 1


def of_old(trial: Trial) -> Trial:
    """Return a trial as it was recorded before proposals named the failed ones that the agent knew of."""
    body = to_object(IDENTITY, trial)
    del body["spec"]["proposal"]["abandoned"]
    return from_object(body)


@pytest.mark.parametrize("agent", AGENTS)
def test_records_of_old_are_replayed_by_guesses(agent: str) -> None:
    spec = spec_of(agent)
    trials = [of_old(trial) for trial in simulate(spec)]
    assert {trial.proposal.abandoned for trial in trials} == {None}
    assert difference_of(spec, trials) is None


@pytest.mark.parametrize("since", [1, 6, 13, 29])
def test_a_record_whose_later_part_alone_names_failed_trials_is_replayed(since: int) -> None:
    spec = spec_of("EvoNAS")
    # The process was replaced by a newer one, which folded what the earlier had recorded.
    whole = simulate(spec)
    trials, named = [], set[int]()
    for trial in whole:
        told = trial.proposal.abandoned
        assert told is not None
        named |= set(told)
        if trial.index < since:
            trials.append(of_old(trial))
        elif trial.index == since:
            trials.append(replace(trial, proposal=replace(trial.proposal, abandoned=tuple(sorted(named)))))
        else:
            trials.append(trial)
    assert difference_of(spec, trials) is None


@pytest.mark.parametrize("agent", AGENTS)
def test_no_fold_is_tried_where_the_proposals_name_the_failed_trials(
    agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(agent)
    trials = simulate(spec, restarts=(10, 20))
    failed = [trial.index for trial in trials if trial.state is TrialState.FAILED]
    named = [index for trial in trials for index in trial.proposal.abandoned or ()]
    assert len(named) == len(set(named))
    assert set(named) <= set(failed)
    assert len(named) >= 3
    folds = 0

    def counted(*arguments: Any, **options: Any) -> Agent:
        nonlocal folds
        folds += 1
        return create_agent(*arguments, **options)

    monkeypatch.setattr(lessons, "create_agent", counted)
    assert difference_of(spec, trials) is None
    assert folds == 1
    Replay(spec, trials).agent_before(25)
    assert folds == 3


def test_a_named_trial_that_has_not_failed_is_an_error() -> None:
    spec = spec_of("Evolution")
    trials = simulate(spec)
    for wrong in (0, 12, 29):
        trials[12] = replace(trials[12], proposal=replace(trials[12].proposal, abandoned=(wrong,)))
        with pytest.raises(EvonasError, match=f"proposal 12 was made when trial {wrong} had failed"):
            difference_of(spec, trials)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda trial: replace(trial, decisions={**trial.decisions, "wide": not trial.decisions["wide"]}), "decisions"),
        (
            lambda trial: replace(trial, decisions={**trial.decisions, "wide": int(trial.decisions["wide"])}),
            "decisions",
        ),
        (lambda trial: replace(trial, proposal=replace(trial.proposal, origin="policy")), "origin"),
        (lambda trial: replace(trial, proposal=replace(trial.proposal, redrawn=99)), "redrawn"),
        (lambda trial: replace(trial, proposal=replace(trial.proposal, value=0.5)), "value"),
    ],
)
def test_a_changed_proposal_is_named(change: Callable[[Trial], Trial], field: str) -> None:
    spec = spec_of("EvoNAS")
    trials = simulate(spec)
    trials[20] = change(trials[20])
    difference = difference_of(spec, trials)
    assert difference is not None
    assert (difference.index, difference.field) == (20, field)


def test_a_changed_reward_is_noticed_at_the_next_proposal_that_depends_on_it() -> None:
    spec = spec_of("EvoNAS")
    trials = simulate(spec)
    learned = next(trial for trial in trials if trial.sequence == 12)
    trials[learned.index] = replace(learned, reward=-5.0)
    difference = difference_of(spec, trials)
    assert difference is not None
    first = next(trial.index for trial in trials if trial.proposal.observed_up_to >= 12)
    assert first <= difference.index <= first + 3


def test_gaps_and_impossible_counts_are_errors() -> None:
    spec = spec_of("Evolution")
    trials = simulate(spec)
    with pytest.raises(MissingTrial, match="trial 7 is missing from the record"):
        difference_of(spec, trials[:7] + trials[8:])
    trials[5] = replace(trials[5], proposal=replace(trials[5].proposal, observed_up_to=25))
    with pytest.raises(EvonasError, match="trial 5 cannot have seen 25 results"):
        difference_of(spec, trials)


@pytest.mark.parametrize("agent", ["Evolution", "Neural", "EvoNAS"])
def test_the_alternatives_hold_the_proposal_and_asking_changes_nothing(agent: str) -> None:
    spec = spec_of(agent)
    trials = simulate(spec)
    for index in (12, 25):
        before = Replay(spec, trials).agent_before(index)
        assert isinstance(before, Explaining)
        alternatives = before.alternatives()
        assert alternatives == before.alternatives()
        proposal = before.propose()
        assert proposal.decisions == dict(trials[index].decisions)
        if proposal.origin == "random":
            continue
        chosen = next(item for item in alternatives if not item.is_known)
        assert (chosen.decisions, chosen.parent, chosen.value) == (
            proposal.decisions,
            proposal.parent,
            proposal.value,
        )
        assert alternatives.index(chosen) == proposal.redrawn
        assert set(chosen.policy_ratios) == set(proposal.mutated)
