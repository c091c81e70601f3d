"""Results of other searches: which trials are the same, and what becomes of one that has another's result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.search.attempt import AttemptPhase, AttemptView, Ending, Verdict
from evonas.search.codec import SearchIdentity, from_object, to_object
from evonas.search.confirmation import due_confirmations
from evonas.search.plan import Plan, plan
from evonas.search.proposer import Proposer
from evonas.search.reuse import Find, fingerprint_of, first_result, result_of, with_known_result
from evonas.search.settle import settle
from evonas.search.table import TrialTable
from evonas.search.totals import Totals
from evonas.search.trial import Reuse, Trial, TrialState
from evonas.search.trial_report import Report
from evonas.spec import Confirm, Reach, SearchSpec
from tests.corpus import good
from tests.tier import examples
from tests.unit.recorded.test_replay import AGENTS, difference_of, spec_of
from tests.unit.search.climbing import climbed_record
from tests.unit.search.support import IDENTITY, NOW, search_spec, succeeded, trial

OTHER = SearchIdentity("other", "uid-of-other", "default")
CONTAINER = {"name": "trial", "image": "none"}
BASE = fingerprint_of(search_spec(), {"a": 1})


def template(**container: Any) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{**CONTAINER, **container}]}}}


def test_fingerprints_of_trials_of_one_pod_are_those_that_earlier_versions_recorded() -> None:
    assert BASE == "0242f3bd035cd86e2c0b04fd698fa66b"


def test_a_workload_and_the_pod_that_reports_are_part_of_it() -> None:
    def of(**changed: Any) -> str:
        body = good("jobset.yaml")
        body["spec"]["trial"]["workload"] |= changed
        return fingerprint_of(SearchSpec.parse(body), {"blocks": 2})

    body = good("jobset.yaml")["spec"]["trial"]["workload"]
    body["spec"]["replicatedJobs"][1]["template"]["spec"]["template"]["metadata"]["labels"]["tier"] = "one"
    told = of(spec=body["spec"])
    assert len({of(), told, of(spec=body["spec"], reportingPod={"matchLabels": {"tier": "one"}})}) == 3
    assert of(spec=body["spec"]) == told


@pytest.mark.parametrize(
    "spec",
    [
        search_spec(agent={"type": "Random", "seed": 99}),
        search_spec(searchSpace=[{"name": "b", "values": [1]}, {"name": "a", "values": [1, 2]}]),
        search_spec(budget={"maxTrials": 3, "parallelTrials": 1}),
        search_spec(objective={"target": 0.5}),
        search_spec(trial={"timeoutSeconds": 60, "retries": 0, "ttlSecondsAfterFinished": 1}),
        search_spec(reuseResults="Namespace", suspend=True, confirm={}),
        search_spec(trial={**template(), "container": "trial"}),
    ],
)
def test_what_does_not_make_a_result_is_left_out(spec: SearchSpec) -> None:
    assert fingerprint_of(spec, {"a": 1}) == BASE
    assert fingerprint_of(spec, {"a": 1.0}) == BASE


@pytest.mark.parametrize(
    ("spec", "decisions"),
    [
        (search_spec(), {"a": 2}),
        (search_spec(), {"a": True}),
        (search_spec(), {"a": "1"}),
        (search_spec(), {"b": 1}),
        (search_spec(), {"a": 1, "b": 1}),
        (search_spec(objective={"metric": "accuracy"}), {"a": 1}),
        (search_spec(objective={"goal": "Minimize"}), {"a": 1}),
        (search_spec(objective={"constraints": [{"metric": "ms", "max": 3}]}), {"a": 1}),
        (search_spec(trial=template(args=["--fast"])), {"a": 1}),
        (search_spec(trial=template(env=[{"name": "DATA", "value": "2"}])), {"a": 1}),
        (search_spec(gpus=1), {"a": 1}),
        (search_spec(trial={"template": {"metadata": {"labels": {"x": "y"}}, **template()["template"]}}), {"a": 1}),
    ],
)
def test_what_may_make_a_result_is_part_of_it(spec: SearchSpec, decisions: dict[str, Any]) -> None:
    assert fingerprint_of(spec, decisions) != BASE


def test_the_order_of_fields_and_decisions_does_not_matter() -> None:
    spec = search_spec(trial={"template": {"spec": {"containers": [dict(reversed(CONTAINER.items()))]}}})
    assert fingerprint_of(spec, {"a": 1}) == BASE
    assert fingerprint_of(spec, {"b": 2, "a": 1}) == fingerprint_of(spec, {"a": 1, "b": 2})


def test_which_container_is_told_the_decisions_is_part_of_it() -> None:
    pod = {"template": {"spec": {"containers": [CONTAINER, {"name": "side", "image": "none"}]}}}
    both = [search_spec(trial={**pod, "container": name}) for name in ("trial", "side")]
    assert len({fingerprint_of(spec, {"a": 1}) for spec in both}) == 2


def test_a_result_has_the_fingerprint_of_what_was_run_and_only_a_result_has_one() -> None:
    def ended(verdict: Verdict) -> Trial:
        ending = Ending(verdict, report=Report(reward=0.5))
        view = AttemptView(1, AttemptPhase.ENDED, end_time=NOW, ending=ending, fingerprint="f")
        return settle(search_spec(trial={"retries": 0}), trial(0), view)

    found = {verdict: ended(verdict).fingerprint for verdict in Verdict}
    assert found == {Verdict.REPORTED: "f", Verdict.INFEASIBLE: "f", Verdict.BROKEN: None, Verdict.USELESS: None}


def test_the_first_result_counts_under_the_name_of_the_trial_that_was_run() -> None:
    early = succeeded(7, 0.1, fingerprint="f", completion_time=NOW)
    lucky = succeeded(2, 0.9, fingerprint="f", completion_time=NOW + timedelta(seconds=1))
    found = first_result([(IDENTITY, lucky), (OTHER, early)])
    assert found == Reuse("other", "uid-of-other", 7, "f", TrialState.SUCCEEDED, 0.1, {})
    assert found.trial == OTHER.trial_name(7)
    again = succeeded(0, 0.1, fingerprint="f", reused=found, completion_time=NOW)
    assert first_result([(IDENTITY, again)]) == found
    assert first_result([]) is None


@pytest.mark.parametrize(
    "unusable",
    [
        trial(0),
        trial(0, TrialState.RUNNING),
        trial(0, TrialState.FAILED, completion_time=NOW),
        succeeded(0, 0.5, completion_time=NOW),
        replace(succeeded(0, 0.5, fingerprint="f"), proposal=replace(trial(0).proposal, repeat=1)),
    ],
    ids=["pending", "running", "failed", "without a fingerprint", "confirmation"],
)
def test_nothing_else_is_reused(unusable: Trial) -> None:
    assert result_of(OTHER, unusable) is None


def test_a_result_is_looked_for_only_where_the_search_asks_and_never_for_a_confirmation() -> None:
    found = Reuse("other", "u", 0, BASE, TrialState.SUCCEEDED, 0.5, {})
    asked: list[str] = []

    def find(fingerprint: str) -> Reuse:
        asked.append(fingerprint)
        return found

    assert with_known_result(search_spec(), trial(1), find) == trial(1)
    spec = search_spec(reuseResults="Namespace", confirm={"top": 1, "repeats": 1})
    (confirmation,) = due_confirmations(spec, Totals(spec.objectives, [succeeded(1, 0.5)]), 1)
    assert with_known_result(spec, confirmation, find) == confirmation
    assert asked == []
    assert with_known_result(spec, trial(1), find).reused == found
    assert asked == [BASE]


def known(fingerprint: str) -> Reuse | None:
    """Every third candidate is known; of these, some are infeasible."""
    number = int(fingerprint, 16)
    if number % 3:
        return None
    state = TrialState.SUCCEEDED if number % 2 else TrialState.INFEASIBLE
    reward = number % 1000 / 1000 if state is TrialState.SUCCEEDED else None
    return Reuse("other", "u", number % 100, fingerprint, state, reward, {"accuracy": 0.5})


class Loop:
    """A search in memory whose process may die after any write: the records are all that is left."""

    def __init__(self, spec: SearchSpec, find: Find, deaths: frozenset[int] = frozenset()) -> None:
        self.spec, self.find, self.deaths = spec, find, deaths
        self.table = TrialTable()
        self.started: list[int] = []
        self.writes = 0
        self.ended: dict[int, AttemptView] = {}

    def run(self) -> list[Trial]:
        while True:
            proposer = Proposer(self.spec)
            try:
                while not self.step(proposer).is_over:
                    pass
                return sorted(self.table, key=lambda each: each.index)
            except InterruptedError:
                continue

    def write(self, trial: Trial) -> None:
        # As the API server keeps it.
        self.table.put(from_object(json.loads(json.dumps(to_object(IDENTITY, trial)))))
        self.writes += 1
        if self.writes in self.deaths:
            raise InterruptedError

    def step(self, proposer: Proposer) -> Plan:
        unfinished = [self.table.unfinished[index] for index in sorted(self.table.unfinished)]
        finished = Totals(self.spec.objectives, (each for each in self.table if each.state.is_final))
        views = {each.index: self.ended[each.index] for each in unfinished if each.index in self.ended}
        decided = plan(self.spec, finished, unfinished, views, created={}, start_time=NOW, now=NOW)
        for each in decided.records:
            self.write(each)
        for index, _ in decided.starts:
            self.start(self.table.unfinished[index])
        if decided.proposals:
            for proposed in proposer.propose(proposer.collect(self.table), decided.proposals):
                self.begin(proposed)
        for confirmation in decided.confirmations:
            self.begin(confirmation)
        return decided

    def begin(self, proposed: Trial) -> None:
        recorded = with_known_result(self.spec, proposed, self.find)
        self.write(recorded)
        if recorded.is_run:
            self.start(recorded)

    def start(self, trial: Trial) -> None:
        assert trial.is_run
        self.started.append(trial.index)
        fingerprint = fingerprint_of(self.spec, trial.decisions)
        ending = Ending(Verdict.REPORTED, report=Report(reward=int(fingerprint, 16) % 777 / 777))
        view = AttemptView(1, AttemptPhase.ENDED, start_time=NOW, end_time=NOW, ending=ending, fingerprint=fingerprint)
        self.ended[trial.index] = view


@pytest.mark.parametrize("agent", AGENTS)
def test_the_agent_learns_from_a_reused_result_as_from_any_other(agent: str) -> None:
    spec = replace(spec_of(agent), reuse_results=Reach.NAMESPACE)
    loop = Loop(spec, known)
    trials = loop.run()
    assert len(trials) == 40
    reused = [each for each in trials if each.reused is not None]
    assert {each.state for each in reused} == {TrialState.SUCCEEDED, TrialState.INFEASIBLE}
    assert all((each.reason, each.attempts, each.gpu_seconds) == ("Reused", (), 0) for each in reused)
    assert all(each.fingerprint == fingerprint_of(spec, each.decisions) for each in trials)
    assert sorted(each.sequence or 0 for each in trials) == list(range(1, 41))
    assert sorted(loop.started) == [each.index for each in trials if each.reused is None]
    assert difference_of(spec, trials) is None
    totals = Totals(spec.objectives, trials)
    assert (totals.total, totals.reused, totals.observations) == (40, len(reused), 40)


@settings(max_examples=examples(40))
@given(deaths=st.frozensets(st.integers(1, 60), max_size=4), forgets=st.booleans())
def test_a_death_after_any_write_runs_nothing_twice_and_takes_nothing_over_that_runs(
    deaths: frozenset[int], forgets: bool
) -> None:
    """Also where the other search is deleted meanwhile."""
    spec = replace(
        search_spec(
            reuseResults="Namespace",
            searchSpace=[{"name": "a", "values": list(range(20))}],
            budget={"maxTrials": 12, "parallelTrials": 3},
        ),
        confirm=Confirm(top=2, repeats=1),
    )
    loop = Loop(spec, known, deaths)
    if forgets:
        loop.find = lambda fingerprint: None if loop.writes > 8 else known(fingerprint)
    trials = loop.run()
    assert [each.index for each in trials] == list(range(14))
    assert sorted(loop.started) == [each.index for each in trials if each.reused is None]
    assert [each.is_confirmation for each in trials] == [False] * 12 + [True] * 2
    results: Mapping[int, float | None] = {each.index: each.reward for each in trials if each.reused is not None}
    assert results == {each.index: each.reused.reward for each in trials if each.reused is not None}
    assert sorted(each.sequence for each in trials if each.sequence is not None) == list(range(1, 13))
    assert difference_of(spec, trials) is None


@pytest.mark.parametrize(("mode", "cut"), [("Stop", TrialState.STOPPED), ("Pause", TrialState.PAUSED)])
def test_result_of_a_stopped_or_paused_trial_is_not_reused(mode: str, cut: TrialState) -> None:
    trials = climbed_record(fidelity={"rungs": {"min": 1, "max": 9}, "mode": mode}).trials
    assert cut in {item.state for item in trials}
    for item in trials:
        known = replace(item, fingerprint="f")
        assert (result_of(OTHER, known) is None) == (item.state is cut)
        # Such a trial has none, by which it could be found.
        assert item.state is not cut or item.fingerprint is None


def test_trials_that_train_for_another_number_of_steps_are_not_the_same() -> None:
    def of(fidelity: dict[str, Any]) -> str:
        return fingerprint_of(search_spec(fidelity=fidelity), {"a": 1})

    assert of({"rungs": {"min": 1, "max": 27}}) != BASE
    assert of({"rungs": {"min": 1, "max": 27}}) != of({"rungs": {"min": 1, "max": 9}})
    assert of({"rungs": {"steps": [1, 9]}}) == of({"rungs": {"steps": [1, 9], "factor": 4}, "rule": "Median"})
