"""The control loop converges without a restart, whatever happens between it and the API server, or to its objects.

Each fault is tried in a namespace of its own with its own operator; those of one test run side by side.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext

import pytest

from evonas.cluster.client.resources import JOBS, PODS, SEARCHES, TRIALS, Resource
from evonas.search.names import INDEX_LABEL, PREFIX, REWARD_ANNOTATION, SEARCH_UID_LABEL, trial_name
from tests.faults import faults, streams
from tests.faults.chronicle import JOBSETS, Body
from tests.faults.field import TRIALS_OF_SEARCH, Field, Site, faulty_search, learning_search, with_jobsets
from tests.faults.invariants import (
    assert_never_twice,
    assert_places_without_gap,
    assert_results_recorded_once,
    assert_sound,
)
from tests.faults.pods import FOR_EVER, letting_go, phase_of
from tests.faults.proxy import Answer, Cut, Forward, Request, Rule
from tests.integration.searches import condition

pytestmark = [pytest.mark.kwok, pytest.mark.jobset]

NOON = "2026-01-01T12:00:00Z"
ELSEWHERE = "said by another"


async def test_retry_after_is_waited_for(field: Field) -> None:
    async def attempt(here: Site) -> None:
        kind = "create architecturetrials"
        here.proxy.add(faults.on_kind(kind, faults.answer(429, retry_after=4), after=2))
        await here.apply(faulty_search())
        here.start()
        await here.complete()
        creations = [request.at for request in here.proxy.writes if request.kind == kind]
        assert creations[3] - creations[2] >= 4
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH)

    await field.run(attempt)


async def test_finished_job_beside_a_stale_pod_was_taken_for_a_lost_result(field: Field) -> None:
    async def attempt(here: Site) -> None:
        here.proxy.add(streams.on_watch(PODS.plural, streams.drop(streams.is_change), times=None))
        await here.apply(faulty_search())
        here.start()
        await here.complete()
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH)

    await field.run(attempt)


async def test_watch_that_is_silent_for_ever_is_given_up_without_a_resync(field: Field) -> None:
    async def attempt(here: Site) -> None:
        here.proxy.add(streams.on_watch(PODS.plural, streams.hush(3)))
        here.proxy.add(streams.on_watch(JOBS.plural, streams.hush(3)))
        await here.apply(faulty_search())
        here.start()
        await here.complete(seconds=300)
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH)

    await field.run(attempt)


async def test_server_that_refuses_every_connection_for_a_minute(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(faulty_search())
        here.start()
        await here.until(lambda: len(here.story.objects(TRIALS)) >= 4)
        await here.proxy.refuse()
        await asyncio.sleep(60)
        await here.proxy.accept()
        await here.complete(seconds=300)
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH)

    await field.run(attempt)


async def test_two_operators_at_once_are_sound(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(faulty_search())
        here.start()
        here.start()
        await here.complete()
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH, operators=2)

    await field.each((str(number), attempt) for number in range(4))


@pytest.mark.parametrize("is_killed", [False, True])
async def test_search_goes_on_after_two_operators_gave_one_place_to_two_results(
    field: Field, *, is_killed: bool
) -> None:
    """The other one records a result between this one's plan and its write of another at the same place."""

    async def attempt(here: Site) -> None:
        def ended_other_than(trial: str) -> list[Body]:
            return [
                pod
                for pod in here.story.objects(PODS)
                if _phase(pod) == "Succeeded" and pod["metadata"]["labels"][INDEX_LABEL] != str(int(trial[-5:]))
            ]

        async def record_another(request: Request, forward: Forward) -> Answer:
            await here.until(lambda: ended_other_than(request.name))
            (pod, *_) = ended_other_than(request.name)
            status = json.loads(request.body)["status"]
            status |= {"reward": pod["metadata"]["annotations"][REWARD_ANNOTATION], "message": ELSEWHERE}
            other = request.name[:-5] + pod["metadata"]["labels"][INDEX_LABEL].zfill(5)
            path = TRIALS.path(here.namespace, other) + "/status"
            await here.chronicle.ask("PATCH", path, {"status": status}, "application/merge-patch+json")
            answer = await forward()
            if is_killed:
                here.operators[-1].kill()
                here.start()
            return answer

        rule = here.proxy.add(Rule(_records_a_result, record_another))
        await here.apply(learning_search())
        here.start()
        await here.complete()
        assert rule.hits, "the fault never came"
        assert assert_places_without_gap(here.story, operators=2) == [1, 1, *range(2, TRIALS_OF_SEARCH)]
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH, operators=2)

    await field.run(attempt)


def _records_a_result(request: Request) -> bool:
    if request.kind != "patch architecturetrials/status":
        return False
    return "sequence" in json.loads(request.body)["status"]


async def test_trial_that_another_operator_had_ended_was_run_again(field: Field) -> None:
    """It is recorded there, and its Job is gone again; the watch has not told yet."""

    async def attempt(here: Site) -> None:
        async def end(request: Request, forward: Forward) -> Answer:
            trial = json.loads(request.body)["metadata"]["name"].removesuffix("-a1")
            await _end_elsewhere(here, trial)
            raise Cut

        here.proxy.add(streams.on_watch(TRIALS.plural, streams.drop(streams.is_change), times=None))
        here.proxy.add(faults.on_kind("create jobs", end, after=1))
        await here.apply(faulty_search())
        await here.until_seen(SEARCHES)
        here.start()
        await here.until_known(lambda: _done(here))
        trials = here.story.objects(TRIALS)
        (ended,) = (body for body in trials if body["status"].get("message") == ELSEWHERE)
        jobs = {body["metadata"]["labels"][INDEX_LABEL] for _, body in here.story.events[JOBS.plural]}
        assert jobs == {str(index) for index in range(TRIALS_OF_SEARCH)} - {str(ended["spec"]["index"])}

    await field.run(attempt)


async def test_trial_that_another_operator_had_proposed_and_run_was_run_again(field: Field) -> None:
    """The record that is met when it should be made has a result; it was taken for one whose retry is due."""

    async def attempt(here: Site) -> None:
        async def run(request: Request, forward: Forward) -> Answer:
            await forward()
            await _end_elsewhere(here, json.loads(request.body)["metadata"]["name"])
            raise Cut

        here.proxy.add(streams.on_watch(TRIALS.plural, streams.drop(streams.is_change), times=None))
        rule = here.proxy.add(faults.on_kind("create architecturetrials", run, after=1))
        await here.apply(faulty_search())
        await here.until_seen(SEARCHES)
        here.start()
        await here.until_known(lambda: _done(here))
        assert rule.hits, "the fault never came"
        jobs = {body["metadata"]["labels"][INDEX_LABEL] for _, body in here.story.events[JOBS.plural]}
        assert jobs == {str(index) for index in range(TRIALS_OF_SEARCH)} - {"1"}

    await field.run(attempt)


async def test_result_of_another_operator_was_written_over_as_running(field: Field) -> None:
    """It came in while the pass that had seen the trial begin to run wrote the result of another trial."""

    async def attempt(here: Site) -> None:
        def phases() -> dict[str, str]:
            return {pod["metadata"]["labels"][INDEX_LABEL]: pod["status"]["phase"] for pod in here.story.objects(PODS)}

        async def hold(request: Request, forward: Forward) -> Answer:
            answer = await forward()
            # Trial 0 ends and trial 1 begins while this pass waits: the next one has both to record.
            await here.until(lambda: (phases().get("0"), phases().get("1")) == ("Succeeded", "Running"))
            return answer

        async def end(request: Request, forward: Forward) -> Answer:
            trial = json.loads(request.body)["metadata"]["name"].removesuffix("00000") + "00001"
            await _end_elsewhere(here, trial)
            # By then the watch has told the operator; were it slower, this test would only see less.
            await asyncio.sleep(1)
            return await forward()

        here.proxy.add(faults.on_kind("create jobs", hold))
        rule = here.proxy.add(faults.on_kind("patch architecturetrials/status", end))
        await here.apply(faulty_search(outcomes={"1-1": "hang"}))
        await here.until_seen(SEARCHES)
        here.start()
        await here.until_known(lambda: _done(here))
        assert rule.hits, "the fault never came"
        assert_results_recorded_once(here.story)
        assert_places_without_gap(here.story)

    await field.run(attempt)


async def test_foreign_trial_of_our_name_is_refused_until_it_is_removed(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(faulty_search())
        await here.until_seen(SEARCHES)
        (search,) = here.story.objects(SEARCHES)
        name = trial_name("faulty", search["metadata"]["uid"], 0)
        await here.chronicle.create(TRIALS, here.namespace, _foreign_trial(name))
        here.start()
        await here.until(lambda: _reason(here, "Accepted") == "ForeignObject")
        await here.until_posted("ForeignObject")
        assert not here.story.objects(JOBS)
        await here.chronicle.delete(TRIALS, here.namespace, name)
        await here.complete()
        assert [body["spec"]["index"] for body in here.story.objects(TRIALS)] == list(range(TRIALS_OF_SEARCH))

    await field.run(attempt)


def _foreign_trial(name: str) -> Body:
    return {
        "apiVersion": TRIALS.api_version,
        "kind": TRIALS.kind,
        "metadata": {"name": name},
        "spec": {
            "searchRef": {"name": "another", "uid": "another"},
            "index": 0,
            "decisions": {"a1": 1, "a2": 1, "a3": 1},
            "proposal": {"origin": "random", "observedUpTo": 0},
        },
    }


def _reason(here: Site, type: str) -> str:
    (search,) = here.story.objects(SEARCHES)
    return str(condition(search, type).get("reason", ""))


@pytest.mark.parametrize("resource", [JOBS, PODS, TRIALS], ids=["job", "pod", "trial"])
@pytest.mark.parametrize("moment", ["running", "finished"])
async def test_object_that_somebody_deletes(field: Field, resource: Resource, moment: str) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(faulty_search("2s"))
        here.start()
        phase = {"running": "Running", "finished": "Succeeded"}[moment]
        await here.until(lambda: any(_is_second(pod) and _phase(pod) == phase for pod in here.story.objects(PODS)))
        if moment == "finished":
            await here.until(lambda: _recorded(here, 1))
        plural = resource.plural
        victim = next(body for body in here.story.objects(resource) if _is_second(body))
        await here.chronicle.delete(resource, here.namespace, victim["metadata"]["name"])
        await here.complete()
        indexes = [body["spec"]["index"] for body in here.story.objects(TRIALS)]
        wanted = list(range(TRIALS_OF_SEARCH))
        if plural == TRIALS.plural:
            assert 1 not in indexes, "an index was used again"
            assert len(indexes) == TRIALS_OF_SEARCH
        else:
            assert indexes == wanted
        assert _never_two_live_pods(here), "two pods of one trial at once"

    await field.run(attempt)


@pytest.mark.parametrize("kind", [JOBS, JOBSETS], ids=["job", "jobset"])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"spec": {"ttlSecondsAfterFinished": 0}}, id="ttl"),
        pytest.param({"metadata": {"labels": {SEARCH_UID_LABEL: "edited"}}}, id="labels"),
        pytest.param({"metadata": {"labels": {f"{PREFIX}/index": "77"}}}, id="index-label"),
    ],
)
async def test_job_that_somebody_edits(field: Field, change: Body, kind: Resource) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(with_jobsets(faulty_search("1s")) if kind is JOBSETS else faulty_search("1s"))
        await here.until_seen(SEARCHES)
        here.start()
        await here.until(lambda: any(_is_second(pod) for pod in here.story.objects(PODS)))
        victim = next(body for body in here.story.objects(kind) if _is_second(body))
        await here.chronicle.patch(kind, here.namespace, victim["metadata"]["name"], change)
        await here.until_known(lambda: _done(here))
        assert [body["spec"]["index"] for body in here.story.objects(TRIALS)] == list(range(TRIALS_OF_SEARCH))

    await field.run(attempt)


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        pytest.param({"spec": {"suspend": True}}, {"spec": {"suspend": False}}, id="suspend"),
        pytest.param({"spec": {"parallelism": 0}}, {"spec": {"parallelism": 1}}, id="parallelism"),
    ],
)
async def test_job_that_somebody_stops_and_lets_go_on(field: Field, change: Body, undo: Body) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(faulty_search("1s"))
        here.start()
        await here.until(lambda: any(_is_second(pod) for pod in here.story.objects(PODS)))
        victim = next(body for body in here.story.objects(JOBS) if _is_second(body))["metadata"]["name"]
        await here.chronicle.patch(JOBS, here.namespace, victim, change)
        await asyncio.sleep(4)
        await here.chronicle.patch(JOBS, here.namespace, victim, undo)
        await here.complete()
        assert_sound(here.story)

    await field.run(attempt)


@pytest.mark.parametrize("resource", [JOBSETS, JOBS, PODS], ids=["jobset", "job", "pod"])
@pytest.mark.parametrize("moment", ["running", "finished"])
async def test_part_of_a_jobset_that_somebody_deletes(field: Field, resource: Resource, moment: str) -> None:
    async def attempt(here: Site) -> None:
        # Those that are to be met running wait for that: the two pods of a trial may begin far apart.
        await here.apply(with_jobsets(faulty_search(FOR_EVER if moment == "running" else "2s")))
        here.start()
        phase = {"running": "Running", "finished": "Succeeded"}[moment]
        await here.until(lambda: sum(_is_second(pod) and _phase(pod) == phase for pod in here.story.objects(PODS)) == 2)
        if moment == "finished":
            await here.until(lambda: _recorded(here, 1))
        pod = next(body for body in here.story.objects(PODS) if _is_second(body))
        (owner,) = pod["metadata"]["ownerReferences"]
        jobset = pod["metadata"]["labels"]["jobset.sigs.k8s.io/jobset-name"]
        victim = {JOBSETS: jobset, JOBS: owner["name"], PODS: pod["metadata"]["name"]}[resource]
        await here.chronicle.delete(resource, here.namespace, victim)
        await here.until(lambda: not phase_of(here, pod))
        async with letting_go(here) if moment == "running" else nullcontext():
            await here.complete()
        assert [body["spec"]["index"] for body in here.story.objects(TRIALS)] == list(range(TRIALS_OF_SEARCH))
        assert_results_recorded_once(here.story)
        assert_never_twice(here.story, remade=resource is not JOBSETS)

    await field.run(attempt)


async def test_jobset_that_somebody_suspends_and_lets_go_on(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(with_jobsets(faulty_search(FOR_EVER)))
        here.start()
        await here.until(lambda: any(_is_second(pod) for pod in here.story.objects(PODS)))
        victim = next(body for body in here.story.objects(JOBSETS) if _is_second(body))["metadata"]["name"]
        await here.chronicle.patch(JOBSETS, here.namespace, victim, {"spec": {"suspend": True}})
        await here.until(lambda: not any(_is_second(pod) for pod in here.story.objects(PODS)))
        await here.chronicle.patch(JOBSETS, here.namespace, victim, {"spec": {"suspend": False}})
        async with letting_go(here):
            await here.complete()
        assert_sound(here.story)

    await field.run(attempt)


async def _end_elsewhere(here: Site, trial: str) -> None:
    """Record that the first attempt of a trial has failed, as another operator would."""
    attempts = [{"number": 1, "reason": "Error", "completionTime": NOON}]
    outcome = {"state": "Failed", "reason": "Error", "message": ELSEWHERE, "attempts": attempts, "completionTime": NOON}
    path = TRIALS.path(here.namespace, trial) + "/status"
    await here.chronicle.ask("PATCH", path, {"status": outcome}, "application/merge-patch+json")


def _done(here: Site) -> bool:
    return _reason(here, "Complete") == "MaxTrialsReached"


def _recorded(here: Site, index: int) -> bool:
    return any(
        body["spec"]["index"] == index and body.get("status", {}).get("state") == "Succeeded"
        for body in here.story.objects(TRIALS)
    )


def _is_second(body: Body) -> bool:
    if body["kind"] == TRIALS.kind:
        return bool(body["spec"]["index"] == 1)
    return bool(body["metadata"].get("labels", {}).get(f"{PREFIX}/index") == "1")


def _phase(pod: Body) -> str:
    return str(pod.get("status", {}).get("phase", ""))


def _never_two_live_pods(here: Site) -> bool:
    live: dict[str, str] = {}
    for type, body in here.story.events[PODS.plural]:
        name, index = body["metadata"]["name"], body["metadata"]["labels"][f"{PREFIX}/index"]
        if type == "DELETED" or _phase(body) in ("Succeeded", "Failed"):
            live.pop(name, None)
        else:
            live[name] = index
        if len(set(live.values())) < len(live):
            return False
    return True
