"""Which results of other searches are taken over, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from evonas.recorded.search import Phase, RecordedSearch
from evonas.recorded.warm_start import MAX_RESULTS, UnusableSource, choose_results
from evonas.search.backlog import due_imports
from evonas.search.confirmation import due_confirmations
from evonas.search.objective import values_of
from evonas.search.reuse import result_of
from evonas.search.settle import take_over
from evonas.search.trial import Import, Trial, TrialState
from evonas.spec import Confirm
from tests.unit.search.climbing import climbed_record
from tests.unit.search.support import NOW, search_spec, succeeded, totals_of, trial


def recorded(trials: Sequence[Trial], name: str = "other", **spec: Any) -> RecordedSearch:
    """Return the record of a search over the space of ``search_spec``."""
    body = {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureSearch",
        "metadata": {"name": name, "uid": name},
        "spec": {
            "searchSpace": [{"name": "a", "values": list(range(250))}],
            "budget": {"maxTrials": 99000},
            "trial": {"template": {"spec": {"containers": [{"name": "trial", "image": "none"}]}}},
            **spec,
        },
    }
    return RecordedSearch(f"search {name}", body, tuple(trials), Phase.COMPLETE)


def test_those_that_succeeded_are_taken_in_the_order_in_which_they_were_learned() -> None:
    trials = [
        succeeded(0, 0.5, sequence=3, metrics={"accuracy": 0.5}),
        trial(1, TrialState.FAILED),
        succeeded(2, 0.7, sequence=1),
        trial(3, TrialState.INFEASIBLE, sequence=2),
        trial(4, TrialState.RUNNING),
    ]
    found = choose_results(search_spec(), [recorded(trials)])
    assert [(each.trial, each.reward, each.runs, each.source) for each in found.results] == [
        (2, 0.7, 1, "search other"),
        (0, 0.5, 1, "search other"),
    ]
    assert found.results[1].metrics == {"accuracy": 0.5}
    assert found.note == "2 results of search other were imported"


@pytest.mark.parametrize(("mode", "cut"), [("Stop", TrialState.STOPPED), ("Pause", TrialState.PAUSED)])
def test_stopped_and_paused_trials_are_not_taken_over_nor_their_candidates_kept_from_being_tried(
    mode: str, cut: TrialState
) -> None:
    record = climbed_record(fidelity={"rungs": {"min": 1, "max": 9}, "mode": mode})
    spec = record.spec
    found = choose_results(spec, [record])
    full = {trial.index for trial in record.trials if trial.state is TrialState.SUCCEEDED}
    assert {each.trial for each in found.results} == full
    assert len(full) < len(record.trials)
    assert found.note == f"{len(full)} results of climbing were imported"
    only = [trial for trial in record.trials if trial.state is cut]
    assert only
    with pytest.raises(UnusableSource, match="climbing has no trial that succeeded"):
        choose_results(spec, [replace(record, trials=tuple(only))])


def test_a_candidate_that_was_trained_more_than_once_is_one_result_with_the_mean() -> None:
    spec = replace(search_spec(), confirm=Confirm(top=1, repeats=2))
    trials = [succeeded(0, 0.9), succeeded(1, 0.2)]
    for repeat, confirmation in enumerate(due_confirmations(spec, totals_of(trials, spec), 2)):
        trials.append(replace(confirmation, state=TrialState.SUCCEEDED, reward=0.3 + 0.3 * repeat))
    again = recorded([succeeded(1, 0.4)], name="again")
    found = choose_results(search_spec(), [recorded(trials), again])
    assert [(each.trial, each.runs) for each in found.results] == [(0, 3), (1, 2)]
    assert [each.reward for each in found.results] == pytest.approx([0.6, 0.3])


def test_a_result_that_two_searches_share_was_trained_once() -> None:
    theirs = replace(succeeded(3, 0.4), fingerprint="f")
    mine = replace(succeeded(0, 0.4), decisions=theirs.decisions, reused=result_of(recorded([]).identity, theirs))
    for sources in ([recorded([theirs]), recorded([mine], name="again")], [recorded([mine], name="again")]):
        (found,) = choose_results(search_spec(), sources).results
        assert (found.decisions, found.runs) == (theirs.decisions, 1)


def test_what_does_not_fit_the_space_is_left_out_and_said() -> None:
    found = choose_results(search_spec(), [recorded([succeeded(5, 0.5), succeeded(200, 0.6), succeeded(210, 0.7)])])
    assert [each.trial for each in found.results] == [5]
    assert (
        "2 do not fit this search and were left out, first trial 200 of search other: decision 'a' has no" in found.note
    )


def test_no_more_than_the_best_and_the_latest_are_taken() -> None:
    spec = search_spec(searchSpace=[{"name": "a", "values": list(range(250))}])
    trials = [succeeded(index, 1.0 if index < 120 else 0.001 * index) for index in range(250)]
    found = choose_results(spec, [recorded(trials)])
    taken = [each.trial for each in found.results]
    assert taken == [*range(100), *range(150, 250)]
    assert len(taken) == MAX_RESULTS
    assert found.note.endswith("the best and the latest of 250")


@pytest.mark.parametrize(
    ("objective", "there", "reward"),
    [
        ({"metric": "f1"}, {"metric": "accuracy"}, 0.25),
        ({"metric": "accuracy", "constraints": [{"metric": "ms", "target": 4, "exponent": -1}]}, {}, 0.25),
        ({}, {}, 0.5),
    ],
)
def test_rewards_are_those_of_the_own_objective(
    objective: dict[str, Any], there: dict[str, Any], reward: float
) -> None:
    trials = [succeeded(0, 0.5, metrics={"accuracy": 0.5, "f1": 0.25, "ms": 8.0})]
    found = choose_results(search_spec(objective=objective), [recorded(trials, objective=there)])
    assert [each.reward for each in found.results] == [reward]


@pytest.mark.parametrize(
    ("objective", "trials", "message"),
    [
        ({"goal": "Minimize"}, [succeeded(0, 0.5)], "has the goal Maximize, this search has Minimize"),
        ({}, [], "search other has no trial that succeeded"),
        ({}, [succeeded(200, 0.5)], "none of the 1 results of search other fits this search, trial 200"),
        ({"metric": "f1"}, [succeeded(0, 0.5, metrics={"loss": 1.0})], "reported no metric 'f1', only loss"),
        ({"constraints": [{"metric": "ms", "max": 1}]}, [succeeded(0, 0.5, metrics={"ms": 2.0})], "is not known"),
    ],
)
def test_a_source_without_anything_that_can_be_used_is_refused(
    objective: dict[str, Any], trials: list[Trial], message: str
) -> None:
    with pytest.raises(UnusableSource, match=message):
        choose_results(search_spec(objective=objective), [recorded(trials)])


ACCURACY: dict[str, Any] = {"metric": "accuracy"}
LATENCY: dict[str, Any] = {"metric": "latency_ms", "goal": "Minimize"}
SIZE: dict[str, Any] = {"metric": "size", "goal": "Minimize"}


def measured(index: int, accuracy: float, latency: float, **more: float) -> Trial:
    return succeeded(index, accuracy, metrics={"accuracy": accuracy, "latency_ms": latency, **more})


def test_values_of_several_objectives_are_imported_whatever_their_places() -> None:
    spec = search_spec(objectives=[LATENCY, ACCURACY])
    found = choose_results(spec, [recorded([measured(3, 0.9, 5.0)], objectives=[ACCURACY, LATENCY])])
    (trial,) = due_imports(found.results, totals_of([], spec), ())
    taken = take_over(trial, *imported_of(trial))
    assert values_of(spec.objectives, taken) == (5.0, 0.9)


def test_one_objective_is_imported_from_several_and_several_from_one() -> None:
    both = recorded([measured(3, 0.9, 5.0)], objectives=[ACCURACY, LATENCY])
    (found,) = choose_results(search_spec(objective=LATENCY), [both]).results
    assert found.reward == 5.0
    single = recorded([measured(3, 0.9, 5.0), succeeded(4, 0.5, metrics={"accuracy": 0.5})], objective=ACCURACY)
    chosen = choose_results(search_spec(objectives=[ACCURACY, LATENCY]), [single])
    assert [(each.trial, each.reward, each.metrics["latency_ms"]) for each in chosen.results] == [(3, 0.9, 5.0)]
    assert "this search's objective latency_ms is not known: the trial reported no metric" in chosen.note


def test_means_of_several_runs_are_those_of_each_objective_and_within_the_limits_of_each_run() -> None:
    limit = {"constraints": [{"metric": "latency_ms", "max": 0.1}]}
    spec = search_spec(objectives=[ACCURACY, {**LATENCY, **limit}])
    runs = [recorded([measured(3, 0.9, 0.1)], name=name, objectives=[ACCURACY, LATENCY]) for name in "abcdefghij"]
    (found,) = choose_results(spec, runs).results
    assert found.runs == 10
    (trial,) = due_imports([found], totals_of([], spec), ())
    assert values_of(spec.objectives, take_over(trial, *imported_of(trial))) == pytest.approx((0.9, 0.1))
    with pytest.raises(UnusableSource, match=r"latency_ms is 0\.2, above its limit of 0\.1"):
        choose_results(spec, [recorded([measured(3, 0.9, 0.2)], objectives=[ACCURACY, LATENCY])])


@pytest.mark.parametrize(
    "theirs",
    [{"objective": {**LATENCY, "goal": "Maximize"}}, {"objectives": [ACCURACY, {**LATENCY, "goal": "Maximize"}]}],
)
def test_goal_of_each_metric_that_both_have_must_be_the_same(theirs: dict[str, Any]) -> None:
    spec = search_spec(objectives=[ACCURACY, LATENCY])
    said = "search other has the goal Maximize for latency_ms, this search has Minimize; rewards can be imported only"
    with pytest.raises(UnusableSource, match=said):
        choose_results(spec, [recorded([measured(3, 0.9, 5.0)], **theirs)])
    other = recorded([measured(3, 0.9, 5.0, size=2.0)], objectives=[ACCURACY, SIZE])
    assert len(choose_results(spec, [other]).results) == 1


def test_of_more_than_may_be_imported_those_that_few_dominate_and_the_latest_are() -> None:
    spec = search_spec(searchSpace=[{"name": "a", "values": list(range(250))}], objectives=[ACCURACY, LATENCY])
    front = [measured(index, 0.001 * index, 0.001 * index) for index in range(100)]
    worse = [measured(index, -1.0 - index, 1.0 + index) for index in range(100, 250)]
    found = choose_results(spec, [recorded([*front, *worse], objectives=[ACCURACY, LATENCY])])
    assert [each.trial for each in found.results] == [*range(100), *range(150, 250)]


def imported_of(trial: Trial) -> tuple[Import, datetime]:
    assert trial.imported is not None
    return trial.imported, NOW
