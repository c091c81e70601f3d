"""What is gathered from earlier searches: ranks of what both searches have, whatever the unit, within bounds; and that
what was recorded is what is read.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.agents import EarlierTask, Experience
from evonas.agents.experience import MAX_KEPT
from evonas.errors import EvonasError
from evonas.recorded.knowledge import MAX_RESULTS, MAX_TASKS, MIN_RESULTS, gather
from evonas.recorded.knowledge_record import Knowledge, UnusableKnowledge
from evonas.recorded.search import RecordedSearch
from evonas.search.confirmation import due_confirmations
from evonas.search.trial import VETOED, ProposalRecord, RungResult, Trial, TrialState
from evonas.space import INACTIVE
from evonas.spec import API_VERSION, Confirm
from tests.unit.recorded.test_warm_start import recorded
from tests.unit.search.climbing import climbed_record
from tests.unit.search.support import search_spec, succeeded, totals_of, trial

REWARDS = st.lists(st.integers(-1000, 1000), min_size=MIN_RESULTS, max_size=40).filter(lambda found: len({*found}) > 1)


def task_of(source: RecordedSearch, **spec: Any) -> EarlierTask:
    """Return what is gathered of one source for the search of ``search_spec``."""
    (task,) = gather(search_spec(**spec), [source]).knowledge.experience.tasks
    return task


def ranked(source: RecordedSearch, **spec: Any) -> list[int]:
    """Return the kept values of the only decision, the best first."""
    return [candidate[0] for candidate in task_of(source, **spec).candidates]


def run(decisions: dict[str, Any], index: int, reward: float) -> Trial:
    return Trial(
        index, decisions, ProposalRecord("random", None, (), 0), TrialState.SUCCEEDED, reward=reward, sequence=index + 1
    )


@given(REWARDS)
def test_neither_the_scale_of_rewards_nor_the_goal_nor_the_order_of_trials_matters(rewards: Sequence[int]) -> None:
    def search(values: Sequence[float], goal: str = "Maximize") -> RecordedSearch:
        return recorded([succeeded(index, value) for index, value in enumerate(values)], objective={"goal": goal})

    plain = search(rewards)
    expected = gather(search_spec(), [plain])
    for same in (
        search([0.5 * reward + 1e6 for reward in rewards]),
        search([reward**3 for reward in rewards]),
        search([-reward for reward in rewards], "Minimize"),
        replace(plain, trials=plain.trials[::-1]),
    ):
        assert gather(search_spec(), [same]) == expected
        assert gather(search_spec(objective={"goal": "Minimize"}), [same]) == expected


@given(REWARDS)
def test_better_candidates_have_larger_scores_and_come_first(rewards: Sequence[int]) -> None:
    task = task_of(recorded([succeeded(index, reward) for index, reward in enumerate(rewards)]))
    assert sorted(task.candidates) == [(index,) for index in range(len(rewards))]
    assert list(task.scores) == sorted(task.scores, reverse=True)
    assert [rewards[index] for (index,) in task.candidates] == sorted(rewards, reverse=True)


def test_infeasible_candidates_are_the_worst_and_those_without_a_result_do_not_count() -> None:
    trials = [succeeded(index, float(index)) for index in range(8)]
    trials[6] = trial(6, TrialState.INFEASIBLE, sequence=7)
    trials += [trial(8, TrialState.FAILED), trial(9, TrialState.RUNNING), trial(10, TrialState.CANCELLED)]
    assert ranked(recorded(trials)) == [7, 5, 4, 3, 2, 1, 0, 6]


@pytest.mark.parametrize("reward", [None, 0.5])
def test_a_search_whose_candidates_are_all_equally_good_or_bad_teaches_nothing(reward: float | None) -> None:
    state = TrialState.INFEASIBLE if reward is None else TrialState.SUCCEEDED
    trials = [replace(succeeded(index, 0.5), state=state, reward=reward) for index in range(8)]
    gathered = gather(search_spec(), [recorded(trials)])
    assert not gathered.knowledge.experience
    assert "(all its results are equally good, or none is feasible)" in gathered.note


@pytest.mark.parametrize("reward", [math.nan, math.inf, -math.inf])
def test_nothing_is_learned_from_a_record_with_a_reward_that_is_no_number(reward: float) -> None:
    trials = [succeeded(index, float(index)) for index in range(8)]
    with pytest.raises(EvonasError, match=r"trial 7: status\.reward: must be a finite number"):
        recorded([*trials[:7], replace(trials[7], reward=reward)])


def test_a_veto_and_confirmations_say_nothing() -> None:
    spec = replace(search_spec(), confirm=Confirm(top=1, repeats=2))
    trials = [succeeded(index, float(index)) for index in range(8)]
    expected = task_of(recorded(trials))
    again = [
        replace(confirmation, state=TrialState.SUCCEEDED, reward=-9.0)
        for confirmation in due_confirmations(spec, totals_of(trials, spec), 2)
    ]
    assert len(again) == 2
    vetoed = trial(10, TrialState.INFEASIBLE, reason=VETOED, sequence=9)
    assert task_of(recorded([*trials, *again, vetoed])) == expected


def test_stopped_trials_count_by_what_is_expected_of_them() -> None:
    record = climbed_record(fidelity={"rungs": {"min": 1, "max": 9}})
    task = task_of(record, searchSpace=record.body["spec"]["searchSpace"])
    scores = dict(zip(task.candidates, task.scores, strict=True))
    stopped = [each for each in record.trials if each.state is TrialState.STOPPED]
    ended = [each for each in record.trials if each.state is TrialState.SUCCEEDED]
    assert stopped
    assert len(scores) == len(stopped) + len(ended)

    def score(each: Trial) -> float:
        return scores[record.spec.space.to_choices(each.decisions)]

    at_first = sorted(
        (each for each in stopped if len(each.rungs) == 1), key=lambda each: each.rungs[0].value or 0, reverse=True
    )
    assert len(at_first) > 2
    assert [*map(score, at_first)] == sorted(map(score, at_first), reverse=True)
    assert max(map(score, at_first)) < max(map(score, ended))


def test_a_candidate_that_had_diverged_at_its_last_rung_is_the_worst() -> None:
    record = climbed_record(fidelity={"rungs": {"min": 1, "max": 9}})
    stopped = [each for each in record.trials if each.state is TrialState.STOPPED]
    for rungs in (1, 2):
        victim = next(each for each in stopped if len(each.rungs) == rungs)
        diverged = replace(victim, rungs=(*victim.rungs[:-1], replace(victim.rungs[-1], value=None)))
        trials = tuple(diverged if each is victim else each for each in record.trials)
        task = task_of(replace(record, trials=trials), searchSpace=record.body["spec"]["searchSpace"])
        assert task.candidates[-1] == record.spec.space.to_choices(victim.decisions)
        assert all(map(math.isfinite, task.scores))


def test_paused_trials_count_like_stopped_ones() -> None:
    record = climbed_record(fidelity={"rungs": {"min": 1, "max": 9}, "mode": "Pause"})
    states = Counter(each.state for each in record.trials)
    assert states[TrialState.PAUSED] > 2
    task = task_of(record, searchSpace=record.body["spec"]["searchSpace"])
    assert len(task.candidates) == states[TrialState.PAUSED] + states[TrialState.SUCCEEDED]
    best = record.spec.space.to_candidate(task.candidates[0])
    assert next(each for each in record.trials if each.decisions == best).state is TrialState.SUCCEEDED


SPACE = [
    {"name": "blocks", "values": [1, 2, 3]},
    {"name": "kernel", "values": [3, 5], "when": {"name": "blocks", "values": [3]}},
    {"name": "rate", "range": {"min": 0.001, "max": 0.1, "scale": "log", "steps": 3}},
    {"name": "new", "values": ["a", "b"]},
]
THEIRS = [
    {"name": "rate", "range": {"min": 0.001, "max": 0.1, "scale": "log", "steps": 5}},
    {"name": "blocks", "values": [4, 3, 2, True]},
    {"name": "kernel", "values": [5, 7], "when": {"name": "blocks", "values": [3]}},
    {"name": "old", "values": [1, 2]},
]


def test_decisions_of_the_same_name_and_values_of_both_count_in_the_order_of_this_search() -> None:
    rows: list[tuple[float, float, Any, int | None, int]] = [
        (5.0, 0.1, 2, None, 1),
        (4.0, 0.01, 3, 5, 1),
        (3.0, 0.01, 3, 5, 2),
        (3.5, 0.001, 3, 5, 1),
        (2.5, 0.1, 3, 5, 1),
        (2.0, 0.01, 2, None, 2),
        # Values that only they have; to JSON, true is not 1.
        (9.0, 0.01, 4, None, 1),
        (9.0, 0.01, 3, 7, 1),
        (9.0, 0.01, True, None, 1),
        (9.0, 0.003162277660168379, 2, None, 1),
    ]
    trials = [
        run(
            {"rate": rate, "blocks": blocks, **({} if kernel is None else {"kernel": kernel}), "old": old},
            index,
            reward,
        )
        for index, (reward, rate, blocks, kernel, old) in enumerate(rows)
    ]
    task = task_of(recorded(trials, searchSpace=THEIRS), searchSpace=SPACE)
    assert task.decisions == ("blocks", "kernel", "rate")
    # What differs only in a decision of theirs is one candidate, with the mean of its scores.
    assert task.candidates == ((1, INACTIVE, 2), (2, 1, 0), (2, 1, 1), (2, 1, 2), (1, INACTIVE, 1))
    assert max(task.scores) < 0.2, "what they have that fits stands below what does not"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (recorded([succeeded(index, 0.1) for index in range(MIN_RESULTS - 1)]), "it has 4 usable results, fewer than"),
        (recorded([], searchSpace=[{"name": "b", "values": [1]}]), "it has no decision of the same name"),
        (recorded([succeeded(index, 0.1) for index in range(150, 180)]), "it has 0 usable results, fewer than"),
        (recorded([], budget={"maxTrials": 0}, onComplete=1), "it holds an invalid manifest: spec.budget.maxTrials"),
    ],
)
def test_a_source_that_says_nothing_is_left_out_and_the_note_says_why(source: RecordedSearch, why: str) -> None:
    gathered = gather(search_spec(), [source])
    assert gathered.knowledge == Knowledge(Experience())
    assert gathered.note.startswith(f"nothing is known from earlier searches; left out: search other ({why}")
    assert "\n" not in gathered.note


def named(*names: str, results: int = 5) -> list[RecordedSearch]:
    trials = [succeeded(index, float(index)) for index in range(results)]
    return [recorded(trials, name) for name in names]


def test_the_note_sums_many_sources_up() -> None:
    few = recorded([], "few")
    assert gather(search_spec(), []).note == "nothing is known from earlier searches"
    assert gather(search_spec(), named("a")).note == "5 results of search a are known from the start"
    four = gather(search_spec(), named(*"abcd")).note
    assert four == "20 results of search a, search b, search c and search d are known from the start"
    many = gather(search_spec(), [*named(*"abcdef"), few, replace(few, source="less")])
    assert many.note.startswith(
        "30 results of search a, search b, search c and 3 others are known from the start; left"
    )
    assert len(many.note.splitlines()) == 1


def test_a_search_that_is_named_twice_counts_once() -> None:
    once, other = named("a", "b")
    export = replace(once, source="a.jsonl", trials=once.trials[:-1])
    assert gather(search_spec(), [once, export, other, once]) == gather(search_spec(), [once, other])


def test_no_more_than_the_first_tasks_that_say_anything_are_used() -> None:
    names = [f"s{number}" for number in range(MAX_TASKS + 2)]
    gathered = gather(search_spec(), [recorded([], "empty"), *named(*names)])
    assert [task.source for task in gathered.knowledge.experience.tasks] == [f"search {name}" for name in names[:-2]]
    assert f"search s{MAX_TASKS} and search s{MAX_TASKS + 1} (no more than {MAX_TASKS} are used)" in gathered.note


def test_of_many_results_the_latest_are_ranked_and_the_best_and_an_even_selection_kept() -> None:
    space = [{"name": "a", "values": list(range(100))}, {"name": "b", "values": list(range(100))}]
    count = MAX_RESULTS + 50
    trials = [
        run({"a": index % 100, "b": index // 100}, index, float(count if index < 50 else index))
        for index in range(count)
    ]
    task = task_of(recorded(trials, searchSpace=space), searchSpace=space)
    best_first = [(index % 100, index // 100) for index in reversed(range(50, count))]
    places = [best_first.index((a, b)) for a, b in task.candidates]
    assert len(places) == MAX_KEPT
    assert places == sorted(places)
    half = MAX_KEPT // 2
    assert places[:half] == list(range(half))
    assert places[-1] == MAX_RESULTS - 1
    gaps = [after - before for before, after in zip(places[half:], places[half + 1 :], strict=False)]
    assert max(gaps) - min(gaps) <= 1


TASKS = st.lists(
    st.builds(
        EarlierTask,
        source=st.text(max_size=5),
        decisions=st.just(("a", "b")),
        candidates=st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 5)), max_size=4, unique=True).map(tuple),
        scores=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4).map(tuple),
    ),
    max_size=3,
).map(lambda tasks: Knowledge(Experience(tuple(tasks))))


@given(TASKS)
def test_what_was_recorded_is_what_is_read(knowledge: Knowledge) -> None:
    assert Knowledge.from_object(json.loads(json.dumps(knowledge.to_object())), "here") == knowledge


@given(TASKS, TASKS)
def test_two_digests_are_the_same_only_of_the_same(one: Knowledge, other: Knowledge) -> None:
    assert (one.digest == other.digest) == (one.to_object() == other.to_object())


@given(st.data())
def test_any_change_of_a_digit_a_letter_or_the_order_is_noticed(data: st.DataObject) -> None:
    source = recorded([succeeded(index, index**0.5) for index in range(12)])
    knowledge = gather(search_spec(), [source, *named("b", results=9)]).knowledge
    text = json.dumps(knowledge.to_object())
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.sampled_from("0123456789aZ-,.")) + text[place + 1 :]
    try:
        body = json.loads(changed)
    except ValueError:
        return
    if body == json.loads(text) or "apiVersion" not in body or body["apiVersion"] != API_VERSION:
        # The same number, written otherwise; what nobody reads.
        return
    with pytest.raises(UnusableKnowledge, match=r"^here "):
        Knowledge.from_object(body, "here")


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "SearchExport"},
        {"format": 2},
        {"tasks": None},
        {"tasks": [1]},
        {"tasks": [{"source": "a"}]},
        {"tasks": [{"source": "a", "decisions": ["a"], "candidates": [1], "scores": [1.0]}]},
        {"tasks": []},
        {"digest": None},
    ],
)
def test_what_is_no_knowledge_is_refused_by_its_source(change: dict[str, Any]) -> None:
    body = gather(search_spec(), named("a")).knowledge.to_object()
    with pytest.raises(UnusableKnowledge, match=r"^the ConfigMap "):
        Knowledge.from_object({**body, **change}, "the ConfigMap")


def test_a_recorded_score_that_is_no_number_is_refused() -> None:
    body = Knowledge(Experience((EarlierTask("a", ("a",), ((0,), (1,)), (0.5, math.nan)),))).to_object()
    with pytest.raises(UnusableKnowledge, match=r"^the ConfigMap holds knowledge that cannot be read"):
        Knowledge.from_object(body, "the ConfigMap")


def test_a_search_that_this_version_does_not_accept_lacks_nothing_unless_it_declares_knowledge() -> None:
    (begun,) = named("here")
    newer = {**begun.body["spec"], "novelty": 3}
    assert replace(begun, body={**begun.body, "spec": newer}).lacking is None
    declared = {**newer, "knowledge": {"searches": ["a"]}}
    assert "no record of what its agent knew" in (replace(begun, body={**begun.body, "spec": declared}).lacking or "")


def test_an_agent_begins_with_what_is_recorded_and_not_without_a_record_that_should_be_there() -> None:
    knowledge = gather(search_spec(), named("a")).knowledge
    (begun,) = named("here")
    declared = recorded(begun.trials, "here", knowledge={"searches": ["a"]})
    assert begun.experience == Experience()
    assert replace(declared, knowledge=knowledge).experience == knowledge.experience
    assert replace(declared, trials=()).experience == Experience()
    with pytest.raises(UnusableKnowledge, match=r"^search here has trials, but no record of what its agent knew"):
        assert declared.experience
    random = recorded(begun.trials, "here", knowledge={"searches": ["a"]}, agent={"type": "Random"})
    assert random.experience == Experience()


def test_of_a_source_with_several_objectives_the_one_with_this_searchs_metric_counts() -> None:
    both = [{"metric": "accuracy"}, {"metric": "latency_ms", "goal": "Minimize"}]
    trials = [
        succeeded(index, 0.1 * index, metrics={"accuracy": 0.1 * index, "latency_ms": float(9 - index % 4)})
        for index in range(8)
    ]
    source = recorded(trials, objectives=both)
    for objective in both:
        alone = recorded(
            [replace(each, reward=each.metrics[objective["metric"]]) for each in trials], objective=objective
        )
        assert task_of(source, objective=objective) == task_of(alone, objective=objective)
    assert task_of(source, objective=both[0]) != task_of(source, objective=both[1])
    gathered = gather(search_spec(objective={"metric": "size"}), [source])
    assert not gathered.knowledge.experience.tasks
    assert "search other (it has several objectives, none of which is size)" in gathered.note


@pytest.mark.parametrize("mode", ["Stop", "Pause"])
def test_results_at_rungs_of_several_objectives_count_by_the_one_that_is_looked_at(mode: str) -> None:
    both = [{"metric": "accuracy"}, {"metric": "latency_ms", "goal": "Minimize"}]
    rungs = {"rungs": {"min": 1, "max": 9}, "mode": mode}
    cut = TrialState.STOPPED if mode == "Stop" else TrialState.PAUSED
    stopped = [
        trial(
            index,
            cut,
            sequence=index + 1 if mode == "Stop" else None,
            rungs=(RungResult(1, 0.1 * index, index + 1, others=(float(9 - index),)),),
        )
        for index in range(8)
    ]
    projected = [
        replace(each, rungs=(replace(each.rungs[0], value=each.rungs[0].others[0], others=()),)) for each in stopped
    ]
    source = recorded(stopped, objectives=both, fidelity=rungs)
    alone = recorded(projected, objective=both[1], fidelity=rungs)
    assert task_of(source, objective=both[1]) == task_of(alone, objective=both[1])
