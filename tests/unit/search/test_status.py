"""The search's status: what its conditions say at every stage, that it is bounded, and what a refusal keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from evonas.search.attempt import AttemptPhase, AttemptView, QueuedReason
from evonas.search.budget import Limit
from evonas.search.codec import to_time
from evonas.search.conditions import find_condition
from evonas.search.front import MAX_SHOWN
from evonas.search.plan import Plan
from evonas.search.software_versions import note_versions, versions_of
from evonas.search.status import Blockage, count_states, refuse, summarise
from evonas.search.trial import Trial, TrialState
from evonas.spec import SearchSpec
from tests.unit.search.support import IDENTITY, NOW, planned, search_spec, succeeded, totals_of, trial

LATER = NOW + timedelta(hours=1)
MAX_TRIALS = Limit("MaxTrialsReached", "all 20 trials were proposed")
TOO_MANY_FAILED = Limit("TooManyFailedTrials", "11 trials failed", failed=True)
RUNNING = AttemptView(1, AttemptPhase.RUNNING, start_time=NOW)
NO_NODE = AttemptView(1, AttemptPhase.QUEUED, QueuedReason.UNSCHEDULABLE, "0/3 nodes have a free GPU")
NO_IMAGE = AttemptView(1, AttemptPhase.QUEUED, QueuedReason.IMAGE_PULL, "no such image")
SILENT = AttemptView(1, AttemptPhase.QUEUED, QueuedReason.STARTING, "its Job has no pod yet")

VERSIONS = {"evonas": "0.1", "numpy": "2.0"}


def status_of(
    plan: Plan,
    views: Mapping[int, AttemptView] | None = None,
    *,
    spec: SearchSpec | None = None,
    before: Mapping[str, Any] | None = None,
    entropy: float | None = None,
    refused: Blockage | None = None,
    knowledge: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    return summarise(
        IDENTITY,
        spec or search_spec(),
        plan,
        views or {},
        refused=refused,
        entropy=entropy,
        generation=3,
        before=before or {},
        now=LATER,
        versions=VERSIONS,
        knowledge=knowledge,
    )


def says(status: Mapping[str, Any], type: str) -> tuple[str, str, str]:
    condition = find_condition(status, type)
    assert condition is not None
    return condition["status"], condition["reason"], condition["message"]


@pytest.mark.parametrize(
    ("trials", "views", "limit", "suspend", "expected"),
    [
        ([], {}, None, False, ("True", "TrialsStarting", "")),
        ([trial(0)], {0: RUNNING}, None, False, ("True", "TrialsRunning", "")),
        (
            [trial(0), trial(1)],
            {0: NO_NODE, 1: RUNNING},
            None,
            False,
            ("True", "TrialsRunning", f"1 trial waits: Unschedulable: trial 0: {NO_NODE.message}"),
        ),
        ([trial(0)], {}, None, False, ("True", "TrialsStarting", "")),
        ([trial(0)], {0: SILENT}, None, False, ("True", "TrialsStarting", "")),
        ([trial(0)], {0: NO_NODE}, None, False, ("True", "Unschedulable", "trial 0: 0/3 nodes have a free GPU")),
        ([trial(4), trial(5)], {4: NO_IMAGE, 5: NO_NODE}, None, False, ("True", "ImagePull", "trial 4: no such image")),
        ([trial(0)], {0: RUNNING}, MAX_TRIALS, False, ("True", "Draining", MAX_TRIALS.message)),
        ([trial(0)], {0: NO_NODE}, MAX_TRIALS, False, ("True", "Unschedulable", "trial 0: 0/3 nodes have a free GPU")),
        ([succeeded(0, 0.5)], {}, None, True, ("False", "Suspended", "spec.suspend is true")),
        ([trial(0)], {0: RUNNING}, None, True, ("True", "TrialsRunning", "")),
        ([succeeded(0, 0.5)], {}, MAX_TRIALS, False, ("False", "MaxTrialsReached", MAX_TRIALS.message)),
        ([succeeded(0, 0.5)], {}, MAX_TRIALS, True, ("False", "MaxTrialsReached", MAX_TRIALS.message)),
    ],
)
def test_progressing_says_what_the_search_waits_for(
    trials: list[Trial],
    views: dict[int, AttemptView],
    limit: Limit | None,
    suspend: bool,
    expected: tuple[str, str, str],
) -> None:
    is_over = limit is not None and all(item.state.is_final for item in trials)
    plan = planned(trials, limit=limit, is_over=is_over)
    status = status_of(plan, views, spec=search_spec(suspend=suspend))
    assert says(status, "Progressing") == expected


@pytest.mark.parametrize(
    ("plan", "complete", "failed"),
    [
        (planned(), ("False", "Unfinished", ""), ("False", "NotFailed", "")),
        (planned([trial(0)], limit=MAX_TRIALS), ("False", "Unfinished", ""), ("False", "NotFailed", "")),
        (
            planned(limit=MAX_TRIALS, is_over=True),
            ("True", "MaxTrialsReached", MAX_TRIALS.message),
            ("False", "NotFailed", ""),
        ),
        (planned([trial(0)], limit=TOO_MANY_FAILED), ("False", "Unfinished", ""), ("False", "NotFailed", "")),
        (
            planned(limit=TOO_MANY_FAILED, is_over=True),
            ("False", "Unfinished", ""),
            ("True", "TooManyFailedTrials", TOO_MANY_FAILED.message),
        ),
    ],
    ids=["under way", "draining", "complete", "failing", "failed"],
)
def test_search_is_complete_or_failed_once_nothing_runs_any_more(
    plan: Plan, complete: tuple[str, str, str], failed: tuple[str, str, str]
) -> None:
    status = status_of(plan)
    assert says(status, "Complete") == complete
    assert says(status, "Failed") == failed
    assert ("completionTime" in status) == plan.is_over
    assert says(status, "Accepted")[0] == "True"


def test_times_are_set_once_and_an_unchanged_search_has_an_unchanged_status() -> None:
    plan = planned([succeeded(0, 0.5, completion_time=NOW)], limit=MAX_TRIALS, is_over=True)
    first = status_of(plan)
    assert (first["startTime"], first["completionTime"]) == (to_time(LATER), to_time(LATER))
    again = summarise(
        IDENTITY,
        search_spec(),
        plan,
        {},
        refused=None,
        entropy=None,
        generation=3,
        before=first,
        now=LATER + timedelta(days=1),
        versions={"evonas": "0.2"},
    )
    assert again == first


def test_search_that_may_go_on_loses_its_completion() -> None:
    over = status_of(planned(limit=MAX_TRIALS, is_over=True))
    grown = status_of(planned([trial(20)]), before=over)
    assert "completionTime" not in grown
    assert says(grown, "Complete")[0] == "False"
    assert grown["startTime"] == over["startTime"]


def test_entropy_vanished_with_an_agent_that_was_not_in_memory() -> None:
    before = status_of(planned(), entropy=0.5)
    assert status_of(planned(), before=before)["agent"]["entropy"] == "0.500"
    assert "entropy" not in status_of(planned())["agent"]


def test_suspended_follows_the_spec() -> None:
    assert says(status_of(planned(), spec=search_spec(suspend=True)), "Suspended") == ("True", "SuspendSet", "")
    assert says(status_of(planned()), "Suspended") == ("False", "SuspendNotSet", "")


def test_best_is_the_earliest_recorded_of_equals_in_the_direction_of_the_goal() -> None:
    trials = [
        succeeded(0, 0.5, sequence=3),
        succeeded(1, 0.9, sequence=2, completion_time=LATER),
        succeeded(2, 0.9, sequence=1, completion_time=NOW),
        succeeded(3, 0.1, sequence=4, completion_time=NOW),
        trial(4, TrialState.FAILED),
    ]
    status = status_of(planned(trials))
    assert status["best"] == {"trial": IDENTITY.trial_name(2), "index": 2, "reward": "0.9", "decisions": {"a": 2}}
    assert status["lastImprovement"] == to_time(NOW)
    down = search_spec(objective={"goal": "Minimize"})
    assert status_of(planned(trials, spec=down), spec=down)["best"]["index"] == 3
    assert "best" not in status_of(planned([trial(0)]))


def test_counts_gpu_seconds_and_agent_are_those_of_the_records() -> None:
    trials = [
        trial(0),
        trial(1, TrialState.QUEUED),
        trial(2, TrialState.RUNNING),
        succeeded(3, 0.5, gpu_seconds=7),
        trial(4, TrialState.INFEASIBLE, sequence=2, gpu_seconds=5),
        trial(5, TrialState.FAILED, gpu_seconds=3),
        trial(6, TrialState.CANCELLED, gpu_seconds=2),
    ]
    expected = {
        "total": 7, "queued": 2, "running": 1, "succeeded": 1, "infeasible": 1, "failed": 1, "cancelled": 1
    }  # fmt: skip
    assert count_states(totals_of(trials)) == expected
    status = status_of(planned(trials), entropy=0.98765)
    assert status["trials"] == expected
    assert status["gpuSeconds"] == 17
    assert status["agent"] == {"observations": 2, "spaceSize": "100", "entropy": "0.988"}
    assert status["observedGeneration"] == 3


def test_status_does_not_grow_with_the_trials_or_with_what_they_say() -> None:
    limit = Limit("TooManyFailedTrials", "word " * 10_000, failed=True)
    trials = [trial(index, TrialState.FAILED, message="word " * 200) for index in range(5000)]
    trials += [succeeded(index, 0.5, completion_time=NOW) for index in range(5000, 10_000)]
    status = status_of(planned(trials, limit=limit, is_over=True))
    assert len(json.dumps(status)) < 4096


@pytest.mark.parametrize(("objectives", "count"), [(2, 10_000), (4, 3_000)])
def test_status_of_a_front_of_thousands_has_few_of_them_and_does_not_depend_on_their_order(
    objectives: int, count: int
) -> None:
    spec = search_spec(objectives=[{"metric": f"metric_{place}"} for place in range(objectives)])
    dice = np.random.default_rng(1)
    # On a sphere, none dominates another.
    points = np.abs(dice.normal(size=(count, objectives)))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    trials = [
        succeeded(index, point[0], metrics={f"metric_{place}": value for place, value in enumerate(point)})
        for index, point in enumerate(points.tolist())
    ]
    status = status_of(planned(trials, spec=spec, limit=MAX_TRIALS, is_over=True), spec=spec)
    assert status["front"]["size"] == count
    assert len(status["front"]["members"]) == MAX_SHOWN
    assert len(json.dumps(status)) < 8192
    shuffled = [trials[place] for place in dice.permutation(count)]
    other = status_of(planned(shuffled, spec=spec, limit=MAX_TRIALS, is_over=True), spec=spec)
    assert other["front"] == status["front"]


def test_refused_search_keeps_what_it_had_reached() -> None:
    before = status_of(planned([succeeded(0, 0.5, completion_time=NOW)], limit=MAX_TRIALS, is_over=True))
    refused = refuse("InvalidSpec", "spec.agent: no", generation=4, before=before, now=LATER + timedelta(hours=1))
    kept = ("trials", "best", "gpuSeconds", "agent", "startTime", "completionTime", "lastImprovement")
    assert {name: refused[name] for name in kept} == {name: before[name] for name in kept}
    assert says(refused, "Accepted") == ("False", "InvalidSpec", "spec.agent: no")
    assert says(refused, "Progressing") == ("False", "NotAccepted", "spec.agent: no")
    assert says(refused, "Complete") == says(before, "Complete")
    assert refused["observedGeneration"] == 4
    types = [condition["type"] for condition in refused["conditions"]]
    assert sorted(types) == ["Accepted", "Complete", "Failed", "Progressing", "Stalled", "Suspended"]


def test_refusal_is_told_once_and_withdrawn_when_it_is_mended() -> None:
    refused = refuse("InvalidSpec", "no", generation=1, before={}, now=NOW)
    assert refuse("InvalidSpec", "no", generation=1, before=refused, now=LATER) == refused
    mended = status_of(planned(), before=refused)
    accepted = find_condition(mended, "Accepted")
    assert accepted is not None
    assert (accepted["status"], accepted["lastTransitionTime"]) == ("True", to_time(LATER))


def test_a_refused_search_that_goes_on_meanwhile_shows_what_it_achieves_and_is_not_told_again_and_again() -> None:
    def refused(trials: list[Trial], before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        achieved = status_of(planned(trials), before=before)
        return refuse("KnowledgeUnusable", "gone", generation=3, before=before, now=now, achieved=achieved)

    first = refused([trial(0)], status_of(planned([trial(0)])), NOW)
    assert refused([trial(0)], first, LATER) == first
    second = refused([succeeded(0, 0.5, completion_time=NOW)], first, LATER)
    assert second["trials"]["succeeded"] == 1
    assert second["conditions"] == first["conditions"]
    assert says(second, "Accepted") == ("False", "KnowledgeUnusable", "gone")


def test_what_was_known_stays_when_it_is_not_in_memory_or_was_put_back_without_its_note() -> None:
    known = {"digest": "f", "configMap": "c", "tasks": [], "message": "nothing"}
    before = status_of(planned(), knowledge=known)
    assert before["knowledge"] == known
    assert status_of(planned(), before=before)["knowledge"] == known
    put_back = {name: value for name, value in known.items() if name != "message"}
    assert status_of(planned(), before=before, knowledge=put_back)["knowledge"] == known
    assert "knowledge" not in status_of(planned())


def test_what_the_api_server_refuses_is_told_at_once() -> None:
    refused = Blockage(QueuedReason.QUOTA_EXCEEDED, "exceeded quota: gpus")
    status = status_of(planned([trial(0)]), refused=refused)
    assert says(status, "Progressing") == ("True", "QuotaExceeded", "exceeded quota: gpus")
    beside = status_of(planned([trial(0), trial(1)]), {0: RUNNING}, refused=refused)
    assert says(beside, "Progressing")[1:] == ("TrialsRunning", "1 trial waits: QuotaExceeded: exceeded quota: gpus")


def test_versions_are_noted_with_the_trials_that_they_propose() -> None:
    first = status_of(planned())
    assert first["environments"] == [{"fromTrial": 0, "versions": VERSIONS}]
    assert status_of(planned([succeeded(0, 0.5)]), before=first)["environments"] == first["environments"]
    newer = {**VERSIONS, "numpy": "2.1"}
    noted = note_versions(first["environments"], newer, 5)
    assert [versions_of(noted, index) for index in (0, 4, 5)] == [VERSIONS, VERSIONS, newer]
    assert note_versions(noted, VERSIONS, 5) == [*first["environments"], {"fromTrial": 5, "versions": VERSIONS}]
    assert versions_of([], 3) is None
    assert len(note_versions([{"fromTrial": n, "versions": {"evonas": str(n)}} for n in range(30)], newer, 99)) == 20
