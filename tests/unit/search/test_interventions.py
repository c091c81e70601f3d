"""Trials that a person does not want end as infeasible, once, and only while they have no result; what a pin is."""

from __future__ import annotations

from datetime import timedelta

from evonas.search.attempt import AttemptPhase, AttemptView, Ending, Verdict
from evonas.search.interventions import MAX_PINNED, find_mistakes, read_pins, read_vetoes
from evonas.search.plan import Plan, plan
from evonas.search.proposer import Proposer
from evonas.search.table import TrialTable
from evonas.search.trial import Trial, TrialState
from evonas.search.trial_report import Report
from evonas.spec import SearchSpec
from tests.unit.search.support import NOW, search_spec, succeeded, totals_of, trial

SPEC = search_spec(gpus=2)


def planned_with(views: dict[int, AttemptView], *unfinished: Trial, spec: SearchSpec = SPEC, leaving: int = 0) -> Plan:
    return plan(
        spec,
        totals_of([succeeded(0, 0.5)], spec),
        unfinished,
        views,
        created={},
        start_time=NOW,
        now=NOW + timedelta(seconds=30),
        vetoes={0: "too late", 1: "too large", 2: ""},
        leaving=leaving,
    )


def test_what_runs_is_stopped_and_what_waits_is_not_started() -> None:
    view = AttemptView(1, AttemptPhase.RUNNING, start_time=NOW, held_since=NOW)
    decided = planned_with({1: view}, trial(1, TrialState.RUNNING), trial(2), trial(3))
    assert decided.stops == ((1, 1),)
    assert decided.starts == ((3, 1),)
    first, second = decided.records
    assert (first.state, first.reason, first.message) == (TrialState.INFEASIBLE, "Vetoed", "too large")
    assert (second.state, second.reason, second.message) == (TrialState.INFEASIBLE, "Vetoed", "")
    # The agent learns of both, and of the first its GPUs are charged.
    assert [record.sequence for record in decided.records] == [2, 3]
    assert (first.gpu_seconds, second.gpu_seconds) == (60, 0)
    assert [attempt.reason for attempt in first.attempts] == ["Vetoed"]
    assert [left.index for left in decided.unfinished] == [3]


def test_what_is_stopped_holds_its_place_until_it_has_left() -> None:
    view = AttemptView(1, AttemptPhase.RUNNING, start_time=NOW, held_since=NOW)
    decided = planned_with({1: view}, trial(1, TrialState.RUNNING), trial(3))
    assert decided.proposals == 2
    # A local run has waited for its end by then; a cluster says for how many it still waits.
    assert decided.wake_at == NOW + timedelta(seconds=30)
    assert planned_with({}, trial(3)).proposals == 3
    assert planned_with({}, trial(3), leaving=1).proposals == 2
    assert planned_with({}, trial(3), leaving=9).proposals == 0


def test_a_result_that_is_there_already_stays() -> None:
    ending = Ending(Verdict.REPORTED, "", "", Report(0.9, {}))
    view = AttemptView(1, AttemptPhase.ENDED, start_time=NOW, end_time=NOW, ending=ending, holds_resources=False)
    decided = planned_with({1: view}, trial(1, TrialState.RUNNING))
    (record,) = decided.records
    assert (record.state, record.reward) == (TrialState.SUCCEEDED, 0.9)


def test_an_attempt_that_has_just_failed_is_listed_and_charged_once() -> None:
    spec = search_spec(gpus=2, trial={"retries": 1})
    ending = Ending(Verdict.BROKEN, "Error", "exit code 3")
    end = NOW + timedelta(seconds=10)
    view = AttemptView(
        1, AttemptPhase.ENDED, start_time=NOW, held_since=NOW, end_time=end, ending=ending, holds_resources=False
    )
    decided = planned_with({1: view}, trial(1, TrialState.RUNNING), spec=spec)
    (record,) = decided.records
    assert (record.state, record.reason) == (TrialState.INFEASIBLE, "Vetoed")
    assert [attempt.reason for attempt in record.attempts] == ["Error"]
    assert record.gpu_seconds == 20


def test_only_annotations_with_a_trials_index_are_vetoes() -> None:
    annotations = {
        "evonas.dev/veto-0": "",
        "evonas.dev/veto-12": "slow",
        "evonas.dev/veto-012": "a",
        "evonas.dev/veto-": "b",
        "evonas.dev/veto-last": "c",
        "evonas.dev/vetoed-1": "d",
    }
    assert read_vetoes(annotations) == {0: "", 12: "slow"}
    mistakes = [*find_mistakes(annotations, "Random")]
    assert [mistake.split()[1] for mistake in mistakes] == [
        "evonas.dev/veto-",
        "evonas.dev/veto-012",
        "evonas.dev/veto-last",
    ]


def test_a_bounded_number_of_trials_is_pinned_and_the_rest_is_told() -> None:
    annotations = {f"evonas.dev/pin-{index}": "" for index in (*range(MAX_PINNED + 2), "best")}
    assert read_pins(annotations) == [*range(MAX_PINNED + 2)]
    table = TrialTable(succeeded(index, 0.5) for index in range(MAX_PINNED + 2))
    news = Proposer(SPEC).collect(table, read_pins(annotations))
    assert [pinned.index for pinned in news.pinned] == [*range(MAX_PINNED)]
    assert read_vetoes(annotations) == {}
    assert [*find_mistakes(annotations, "EvoNAS")] == [
        "annotation evonas.dev/pin-best does not name a trial: a pin of trial 3 is evonas.dev/pin-3",
        "18 trials are pinned, but at most 16 can be: those with the largest indexes are ignored",
    ]
    (only,) = find_mistakes({"evonas.dev/pin-1": ""}, "Neural")
    assert "agent Neural has none" in only
