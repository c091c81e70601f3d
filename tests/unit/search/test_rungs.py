"""Trials at rungs: what is recorded, who is stopped, what the agent learns, and that it all follows from the record."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pytest

from evonas.agents import InvalidRecord, Record, SpaceExhausted, create_agent
from evonas.agents.interface import Proposal, Reward
from evonas.recorded.replay import Replay
from evonas.search.attempt import AttemptPhase, AttemptView
from evonas.search.codec import from_object, to_object
from evonas.search.contradictions import find_contradiction
from evonas.search.lessons import record_of, restore
from evonas.search.proposer import Proposer
from evonas.search.rungs import find_silence, reached
from evonas.search.table import TrialTable
from evonas.search.totals import Totals
from evonas.search.trial import RungResult, Trial, TrialState
from evonas.search.trial_progress import Progress
from evonas.spec import SearchSpec
from tests.unit.search.climbing import TWO, Climb, accuracy
from tests.unit.search.simulation import SPACE
from tests.unit.search.support import IDENTITY, search_spec

AGENTS = {
    "Random": {"type": "Random"},
    "Evolution": {"type": "Evolution", "warmup": 4},
    "Neural": {"type": "Neural", "warmup": 4},
    "EvoNAS": {"type": "EvoNAS", "warmup": 4},
    "TPE": {"type": "Optuna", "sampler": "TPE"},
}


MINDING_SEVERAL = ["Random", "Evolution", "EvoNAS"]
"""Of these agents, those that several objectives are tried with."""

FIDELITY = {"rungs": {"min": 1, "max": 9, "factor": 3}}
IN_EACH_MODE = pytest.mark.parametrize("mode", ["Stop", "Pause"])
WITH_ONE_OBJECTIVE_AND_TWO = pytest.mark.parametrize("objectives", [{}, TWO], ids=["one", "two"])


def climbing_spec(agent: str = "Random", count: int = 24, **spec: object) -> SearchSpec:
    fields = {
        "searchSpace": SPACE,
        **({} if "objectives" in spec else {"objective": {"metric": "accuracy"}}),
        "budget": {"maxTrials": count, "parallelTrials": 3, "maxFailedTrials": count},
        "agent": AGENTS[agent],
        "fidelity": FIDELITY,
        **spec,
    }
    return search_spec(**fields)


def spec_in(mode: str, agent: str = "Random", objectives: Mapping[str, Any] = MappingProxyType({})) -> SearchSpec:
    return climbing_spec(agent, fidelity={**FIDELITY, "mode": mode}, **objectives)


def climbed(spec: SearchSpec, failing: int = 0) -> list[Trial]:
    climb = Climb(spec, failing=failing)
    for _ in climb.run():
        pass
    return climb.trials


def test_hopeless_trials_are_stopped_and_the_best_is_trained_to_its_end() -> None:
    trials = climbed(climbing_spec())
    states = {state: sum(trial.state is state for trial in trials) for state in TrialState}
    assert states[TrialState.STOPPED] > len(trials) / 2
    assert states[TrialState.STOPPED] + states[TrialState.SUCCEEDED] == len(trials)
    best = max(trials, key=lambda trial: trial.reward or -math.inf)
    assert [rung.step for rung in best.rungs] == [1, 3]
    assert Totals(climbing_spec().objectives, trials).best == best


def test_stopped_trial_says_where_and_why_and_has_no_reward() -> None:
    trials = [trial for trial in climbed(climbing_spec()) if trial.state is TrialState.STOPPED]
    for trial in trials:
        assert trial.reward is None
        assert trial.reason == "SuccessiveHalving"
        assert trial.sequence == trial.rungs[-1].sequence
        assert trial.message.startswith(f"{trial.rungs[-1].value:g} at step {trial.rungs[-1].step} is ")
        assert trial.attempts[-1].reason == "Stopped"


@WITH_ONE_OBJECTIVE_AND_TWO
@IN_EACH_MODE
@pytest.mark.parametrize("failing", [0, 5])
def test_places_in_the_sequence_have_no_gap_at_any_moment(
    failing: int, mode: str, objectives: Mapping[str, Any]
) -> None:
    climb = Climb(spec_in(mode, objectives=objectives), failing=failing)
    for decided in climb.run():
        places = [rung.sequence for trial in climb.trials for rung in trial.rungs]
        places += [trial.sequence for trial in climb.trials if trial.sequence and trial.state is not TrialState.STOPPED]
        assert sorted(places) == list(range(1, len(places) + 1))
        assert decided.totals.last_sequence == len(places)
        written = [trial.last_sequence for trial in decided.records[: decided.results] if trial.last_sequence]
        assert all(earlier < later for earlier, later in pairwise(written))


def test_no_trial_is_stopped_before_factor_results_at_its_rung() -> None:
    stopped = [trial for trial in climbed(climbing_spec()) if trial.state is TrialState.STOPPED]
    everything = {(rung.step, rung.sequence) for trial in climbed(climbing_spec()) for rung in trial.rungs}
    for trial in stopped:
        last = trial.rungs[-1]
        assert sum(step == last.step and sequence <= last.sequence for step, sequence in everything) >= 3


def test_rule_none_records_the_curves_and_stops_nobody() -> None:
    fidelity = {"rungs": {"steps": [1, 3, 9]}, "rule": "None"}
    trials = climbed(climbing_spec(fidelity=fidelity))
    assert all(trial.state is TrialState.SUCCEEDED for trial in trials)
    assert all([rung.step for rung in trial.rungs] == [1, 3] for trial in trials)


def test_diverged_candidate_is_the_worst_at_its_rung() -> None:
    def curve(trial: Trial, step: int) -> float:
        return math.nan if trial.decisions["wide"] else accuracy(trial, step)

    climb = Climb(climbing_spec(), curve)
    for _ in climb.run():
        pass
    diverged = [trial for trial in climb.trials if trial.rungs and trial.rungs[0].value is None]
    assert diverged
    assert any("diverged or beyond a limit at step 1 is" in trial.message for trial in diverged)


def test_minimised_metric_stops_the_largest() -> None:
    spec = climbing_spec(objective={"metric": "accuracy", "goal": "Minimize"})
    trials = climbed(spec)
    first = {state: [t.rungs[0].value or 0 for t in trials if t.state is state] for state in TrialState}
    assert min(first[TrialState.SUCCEEDED]) < min(first[TrialState.STOPPED])


@WITH_ONE_OBJECTIVE_AND_TWO
@IN_EACH_MODE
def test_results_at_rungs_survive_the_record(mode: str, objectives: Mapping[str, Any]) -> None:
    spec = spec_in(mode, objectives=objectives)
    for trial in climbed(spec):
        assert all(len(rung.values or ()) == len(spec.objectives) for rung in trial.rungs)
        assert from_object(to_object(IDENTITY, trial)) == trial
        assert find_contradiction(trial) is None


WITH_EACH_AGENT = pytest.mark.parametrize(
    ("agent", "objectives"),
    [*((agent, {}) for agent in AGENTS), *((agent, TWO) for agent in MINDING_SEVERAL)],
    ids=[*AGENTS, *(f"{agent}-two" for agent in MINDING_SEVERAL)],
)


@WITH_EACH_AGENT
@IN_EACH_MODE
@pytest.mark.parametrize("failing", [0, 5])
def test_restarted_process_decides_and_proposes_what_an_undisturbed_one_does(
    agent: str, failing: int, mode: str, objectives: Mapping[str, Any]
) -> None:
    undisturbed, restarted = (Climb(spec_in(mode, agent, objectives), failing=failing) for _ in range(2))
    for _ in undisturbed.run():
        pass
    for _ in restarted.run(restarts=range(3, 24)):
        pass
    assert restarted.trials == undisturbed.trials


@WITH_EACH_AGENT
@IN_EACH_MODE
@pytest.mark.parametrize("failing", [0, 5])
def test_search_with_rungs_is_replayed_bit_for_bit(
    agent: str, failing: int, mode: str, objectives: Mapping[str, Any]
) -> None:
    spec = spec_in(mode, agent, objectives)
    trials = climbed(spec, failing=failing)
    differences = [difference for _, difference in Replay(spec, trials).run()]
    assert len(differences) == len(trials)
    assert set(differences) == {None}
    Replay(spec, trials).agent_before(len(trials) - 1)


def test_confirmations_are_trained_to_their_end_and_compared_with_nobody() -> None:
    spec = climbing_spec(confirm={"top": 3, "repeats": 2})

    def curve(trial: Trial, step: int) -> float:
        # Worse than all before: a rule would stop each of them.
        return -1.0 if trial.is_confirmation else accuracy(trial, step)

    climb = Climb(spec, curve)
    for _ in climb.run():
        pass
    confirmations = [trial for trial in climb.trials if trial.is_confirmation]
    assert len(confirmations) == 6
    assert all(trial.state is TrialState.SUCCEEDED and trial.rungs == () for trial in confirmations)
    leaders = {trial.proposal.parent for trial in confirmations}
    assert all(trial.state is TrialState.SUCCEEDED for trial in climb.trials if trial.index in leaders)
    undisturbed = climbed(climbing_spec())
    assert climb.trials[: len(undisturbed)] == undisturbed


def test_agent_that_knows_nothing_of_rungs_learns_the_last_value_of_a_stopped_trial() -> None:
    spec = climbing_spec()
    trials = climbed(spec)
    told = PlainAgent()
    restore(told, [record_of(spec, trial) for trial in trials])
    by_index = {record.index: record for record in told.records}
    for trial in trials:
        wanted = trial.reward if trial.state is TrialState.SUCCEEDED else trial.rungs[-1].value
        assert by_index[trial.index].reward == wanted
        outcomes = [other for other in trials if other.sequence and other.sequence <= trial.proposal.observed_up_to]
        assert by_index[trial.index].observed_up_to == len(outcomes)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "stopped nowhere": ({"rungs": ()}, "status.rungs: must not be empty"),
    "rungs out of order": (
        {"rungs": (RungResult(3, 0.5, 7), RungResult(1, 0.4, 8)), "sequence": 8},
        "status.rungs[1].step: must be more than 3, got 1",
    ),
    "places out of order": (
        {"rungs": (RungResult(1, 0.5, 8), RungResult(3, 0.4, 7)), "sequence": 7},
        "status.rungs[1].sequence: must be more than 8, got 7",
    ),
    "another place": ({"sequence": 999}, "status.sequence: must be that of the last rung, got 999"),
    "a reward": ({"reward": 0.5}, "status.reward: must be absent"),
}


@pytest.mark.parametrize("agent", ["Evolution", "TPE"])
@pytest.mark.parametrize(("change", "said"), BROKEN.values(), ids=BROKEN)
def test_record_that_contradicts_itself_is_refused(agent: str, change: dict[str, Any], said: str) -> None:
    spec = climbing_spec(agent, 12)
    trials = climbed(spec)
    stopped = next(trial for trial in trials if trial.state is TrialState.STOPPED)
    broken = [replace(trial, **change) if trial == stopped else trial for trial in trials]
    proposer = Proposer(spec)
    with pytest.raises(InvalidRecord, match=re.escape(f"trial {stopped.index}: {said}")):
        proposer.propose(proposer.collect(TrialTable(broken)), 1)


def test_late_result_of_another_operator_makes_the_agent_fold_afresh() -> None:
    spec = climbing_spec("Evolution")
    trials = climbed(spec)
    table = TrialTable(trials)
    proposer = Proposer(spec)
    proposer.propose(proposer.collect(table), 1)
    late = replace(trials[0], rungs=trials[0].rungs[:1])
    table.put(late)
    assert proposer.collect(table).history is not None


class PlainAgent:
    """An agent of another package, of before there were rungs."""

    entropy = None

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._agent = create_agent("Random", climbing_spec().space)

    def propose(self) -> Proposal:
        raise SpaceExhausted("not asked here")

    def observe(self, index: int, reward: Reward | None) -> None:
        self._agent.observe(index, reward)

    def abandon(self, index: int) -> None:
        self._agent.abandon(index)

    def restore(self, records: object) -> None:
        self.records = list(records)  # type: ignore[call-overload]


def test_candidate_beyond_a_hard_limit_is_the_worst_at_its_rung() -> None:
    objective = {"metric": "accuracy", "constraints": [{"metric": "accuracy_too", "max": 0.1}]}
    spec = climbing_spec(objective=objective)
    (trial,) = Proposer(spec).propose(Proposer(spec).collect(TrialTable()), 1)
    at = {1: {"accuracy": 0.5, "accuracy_too": 0.2}, 3: {"accuracy": 0.6, "accuracy_too": 0.1}}
    view = AttemptView(1, AttemptPhase.RUNNING, progress=Progress(3, {}, at))
    assert [(result.step, result.value) for result in reached(spec, trial, view)] == [(1, None), (3, 0.6)]


def test_result_at_a_rung_has_a_value_of_every_objective_or_is_none() -> None:
    limit = {"metric": "size", "max": 5}
    latency = {"metric": "latency", "goal": "Minimize", "constraints": [limit]}
    spec = climbing_spec(objectives=[{"metric": "accuracy"}, latency])
    (trial,) = Proposer(spec).propose(Proposer(spec).collect(TrialTable()), 1)

    def found(**metrics: float) -> list[RungResult]:
        return reached(spec, trial, AttemptView(1, AttemptPhase.RUNNING, progress=Progress(1, metrics)))

    assert found(accuracy=0.5, latency=4.0, size=3.0) == [RungResult(1, 0.5, others=(4.0,))]
    assert found(accuracy=0.5, latency=4.0) == found(accuracy=0.5, size=3.0) == found(latency=4.0, size=3.0) == []
    diverged = [RungResult(1, None)]
    assert found(accuracy=math.nan) == found(accuracy=0.5, latency=math.nan, size=3.0) == diverged
    assert found(accuracy=0.5, latency=4.0, size=6.0) == diverged
    whole = replace(trial, state=TrialState.SUCCEEDED, reward=0.5, metrics={"latency": 4.0, "size": 3.0}, sequence=1)
    said = find_silence(spec, Totals(spec.objectives, [whole]))
    assert said is not None
    assert said.endswith("need step, a whole number, and accuracy and latency and size")


def test_search_whose_trials_never_report_at_a_rung_is_told_so() -> None:
    spec = climbing_spec()
    silent = [replace(trial, rungs=()) for trial in climbed(climbing_spec(fidelity={**FIDELITY, "rule": "None"}))]
    said = find_silence(spec, Totals(spec.objectives, silent))
    assert said is not None
    assert said.endswith("need step, a whole number, and accuracy")
    assert find_silence(spec, Totals(spec.objectives, climbed(spec))) is None
    assert find_silence(spec, Totals(spec.objectives)) is None
