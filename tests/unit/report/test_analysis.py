"""What the report says of a record: importance, lineage, cost, shares, groups, and the line of blocks."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from evonas.recorded.search import Phase, RecordedSearch
from evonas.report.details import describe
from evonas.report.figures.scatter import Limit, frame_around
from evonas.report.groups import group
from evonas.report.html import render_report
from evonas.report.importance import find_importance
from evonas.report.live import sparkline
from evonas.report.progress import failures, improvements, lineage, origins, value_shares
from evonas.search.confirmation import due_confirmations, find_winner
from evonas.search.trial import ProposalRecord, Reuse, Trial, TrialState
from evonas.sources.journal import JournalSource
from evonas.space import SearchSpace
from evonas.spec import Confirm
from tests.unit.search.simulation import write_run
from tests.unit.search.support import NOW

SPACE = SearchSpace.parse(
    [
        {"name": "much", "values": [1, 2, 3, 4]},
        {"name": "little", "values": [1, 2, 3, 4]},
        {"name": "nothing", "values": [1, 2, 3, 4]},
        {"name": "deep", "values": [1, 2], "when": {"name": "much", "values": [4]}},
    ]
)


def results(count: int, noise: float = 0.0) -> list[Trial]:
    dice = random.Random(0)
    trials = []
    for index in range(count):
        decisions = SPACE.to_candidate(SPACE.unrank(dice.randrange(SPACE.size)))
        reward = 3 * float(decisions["much"]) + float(decisions["little"]) + noise * dice.gauss(0, 1)
        state = TrialState.SUCCEEDED
        trials.append(
            Trial(index, decisions, ProposalRecord("random", None, (), 0), state, reward=reward, sequence=index + 1)
        )
    return trials


def test_importance_finds_what_the_reward_is_made_of() -> None:
    found = find_importance(SPACE, results(200))
    assert found is not None
    assert list(found.shares)[:2] == ["much", "little"]
    assert found.shares["nothing"] < 0.02
    assert sum(found.shares.values()) == pytest.approx(1)
    assert found.explained > 0.9


def test_importance_admits_to_know_nothing() -> None:
    noise = find_importance(SPACE, [replace(trial, reward=hash((trial.index, 1)) % 97 / 97) for trial in results(60)])
    assert noise is not None
    assert noise.explained < 0.2
    assert find_importance(SPACE, results(10)) is None
    assert find_importance(SPACE, [replace(trial, reward=1.0) for trial in results(60)]) is None


@pytest.fixture
def record(tmp_path: Path) -> RecordedSearch:
    return JournalSource(write_run(tmp_path, "one")).read()


def test_lineage_leads_from_a_random_candidate_to_the_winner(record: RecordedSearch) -> None:
    best = record.totals.best
    assert best is not None
    line = lineage(record, best)
    assert line[-1].trial == best
    assert line[0].trial.proposal.parent is None
    for parent, child in pairwise(line):
        assert child.trial.proposal.parent == parent.trial.index
        assert set(child.changes) >= {
            name for name, value in child.trial.decisions.items() if parent.trial.decisions.get(name) != value
        }


def test_improvements_add_up(record: RecordedSearch) -> None:
    steps = improvements(record)
    best = record.totals.best
    assert best is not None
    assert steps[-1].trial.reward == best.reward
    assert all(step.gain > 0 for step in steps[1:])
    assert steps[0].trial.reward is not None
    assert best.reward == pytest.approx(steps[0].trial.reward + sum(step.gain for step in steps))
    assert steps[-1].hours == pytest.approx(sum(step.spent for step in steps))
    assert steps[-1].hours <= record.totals.gpu_seconds / 3600


def test_failures_are_grouped_by_reason(record: RecordedSearch) -> None:
    found = {group.state: len(group.trials) for group in failures(record)}
    counts = record.overview.counts
    assert found == {TrialState.FAILED: counts["failed"], TrialState.INFEASIBLE: counts["infeasible"]}


def test_origins_count_every_trial_once(record: RecordedSearch) -> None:
    found = origins(record)
    assert [origin.name for origin in found] == ["random", "mutation"]
    assert sum(origin.trials for origin in found) == len(record.trials)
    assert sum(origin.results for origin in found) == sum(trial.reward is not None for trial in record.trials)
    best = record.totals.best
    assert best is not None
    assert max(origin.best for origin in found if origin.best is not None) == best.reward
    assert all(origin.mean is not None and origin.best is not None and origin.mean <= origin.best for origin in found)


def test_reused_results_are_counted_and_have_a_column_where_there_are_any(record: RecordedSearch) -> None:
    column = ">reused<"
    assert column not in render_report([record])
    known = Reuse("other", "u", 0, "f", TrialState.SUCCEEDED, 0.5, {})
    trials = tuple(replace(each, reused=known) if each.index < 3 else each for each in record.trials)
    assert sum(origin.reused for origin in origins(replace(record, trials=trials))) == 3
    assert column in render_report([replace(record, trials=trials)])


@pytest.mark.parametrize("outlier", [1e9, -1e9])
def test_one_odd_infeasible_candidate_does_not_squash_the_drawing(outlier: float) -> None:
    places = [(1.0, 0.5), (3.0, 0.9)]
    frame = frame_around(places, [(outlier, 0.7), (3.5, 0.7)], [Limit(3.2, is_upright=True, kind="hard")])
    assert all(frame.holds(place) for place in (*places, (3.5, 0.7)))
    assert not frame.holds((outlier, 0.7))
    assert frame.x[1] - frame.x[0] < 5
    assert frame_around([], [(outlier, 0.7)], []).holds((outlier, 0.7))


def test_shares_are_of_the_latest_results_and_add_up() -> None:
    trials = results(300)
    shares, steps = value_shares(SPACE.decisions[3], trials, 10, has_absent=True)
    assert steps[-1] == 300
    assert all(sum(row) == pytest.approx(1) for row in shares)
    latest = [trial.decisions.get("deep") for trial in trials[-10:]]
    assert shares[-1] == [latest.count(value) / 10 for value in (1, 2, None)]


def test_searches_that_differ_in_their_seed_are_one_group(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, "one", seed=1), write_run(tmp_path, "two", seed=2, count=20)]
    records = [JournalSource(run).read() for run in (*runs, write_run(tmp_path, "three", agent="Random"))]
    first, second = group(records)
    assert (first.label, second.label) == ("Evolution (2 runs)", "three")
    assert len(first.bests.values) == len(first.bests.deviations)
    assert len(first.bests.values) == min(
        sum(trial.reward is not None for trial in record.trials) for record in records[:2]
    )
    assert second.bests.deviations == ()


def test_phase_of_a_record_that_nobody_works_on(tmp_path: Path) -> None:
    assert JournalSource(write_run(tmp_path, "whole")).read().phase is Phase.COMPLETE


def test_sparkline() -> None:
    assert sparkline([], 10) == ""
    assert sparkline([1.0], 10) == "▁"
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 10) == "▁▂▃▄▅▆▇█"
    assert len(sparkline([float(n % 7) for n in range(1000)], 40)) == 40


def test_confirmations_are_told_apart_from_what_was_searched(record: RecordedSearch) -> None:
    spec = replace(record.spec, confirm=Confirm(top=2, repeats=1))
    first, second = record.totals.leaders[:2]
    rewards = {first.index: 0.0, second.index: 99.0}
    again = [
        replace(trial, state=TrialState.SUCCEEDED, reward=rewards[trial.proposal.parent or 0], completion_time=NOW)
        for trial in due_confirmations(spec, record.totals, 4)
    ]
    assert len(again) == 2
    body = {**record.body, "spec": {**record.body["spec"], "confirm": {"top": 2, "repeats": 1}}}
    confirmed = RecordedSearch(record.source, body, (*record.trials, *again), Phase.COMPLETE)
    assert find_winner(confirmed.spec, confirmed.totals) == second
    assert find_winner(record.spec, record.totals) == first
    assert [step.trial for step in improvements(confirmed)] == [step.trial for step in improvements(record)]
    details = describe(confirmed)
    assert [(item.leader, item.mean) for item in details.confirmed] == [(second, 99.0), (first, 0.0)]
    assert details.results == describe(record).results
    assert (details.winner, details.best) == (second, first)
    assert details.lineage[-1].trial == second
    assert details.costs.confirmation_hours == 0
    assert [(origin.trials, origin.results) for origin in origins(confirmed) if origin.name == "confirmation"] == [
        (2, 2)
    ]
    assert details.improvements[-1].trial == first
