"""Trials that are stopped at rungs, whatever happens to them, their Jobs and pods, or the operator meanwhile.

Kills at each write of such a search are in ``test_crashes``.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from evonas.cluster.client.resources import JOBS, PODS, SEARCHES, TRIALS
from evonas.search.names import INDEX_LABEL, PROGRESS_ANNOTATION, REWARD_ANNOTATION, TRIAL_LABEL
from tests import share
from tests.faults import faults
from tests.faults.chronicle import Body
from tests.faults.field import TRIALS_OF_SEARCH, Field, Site, Try, climbing_search, stopping_search, with_two_objectives
from tests.faults.invariants import (
    assert_never_twice,
    assert_nothing_orphaned,
    assert_places_without_gap,
    assert_results_recorded_once,
    assert_rungs_recorded_once,
    assert_sound,
    attempt_of,
)
from tests.faults.pods import FOR_EVER, annotate, evict, letting_go, phase_of, running, state_of
from tests.faults.proxy import Answer, Forward, Request, Rule
from tests.faults.test_tables import WRITE_FAULTS
from tests.integration.searches import condition

pytestmark = [pytest.mark.kwok, pytest.mark.jobset]

WRITES = ("patch architecturetrials/status", "delete jobs")


def _meeting(kind: str, fault: str) -> tuple[str, Try]:
    async def attempt(here: Site) -> None:
        rule = here.proxy.add(faults.on_kind(kind, WRITE_FAULTS[fault], after=1, times=2))
        await here.apply(stopping_search())
        here.start()
        await here.complete()
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH)
        assert rule.hits, "the fault never came"

    return f"{kind}: {fault}", attempt


@pytest.mark.parametrize("fault", [list(WRITE_FAULTS)[turn] for turn in share.present().turns(len(WRITE_FAULTS))])
async def test_record_and_stop_at_a_rung_are_made_good_after_a_fault(field: Field, fault: str) -> None:
    await field.each(_meeting(kind, fault) for kind in WRITES)


async def test_two_operators_at_once_stop_no_trial_twice_and_change_no_rung(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(climbing_search())
        here.start()
        here.start()
        await here.complete()
        assert_nothing_orphaned(here.story)
        assert_rungs_recorded_once(here.story)
        assert [body["spec"]["index"] for body in here.story.objects(TRIALS)] == list(range(TRIALS_OF_SEARCH))
        in_time, late = _jobs(here)
        assert in_time == list(range(TRIALS_OF_SEARCH))
        _assert_gone(here, late)

    await field.each((str(number), attempt) for number in range(2))


async def test_job_that_another_operator_makes_after_the_stop_is_deleted_at_once_and_changes_nothing(
    field: Field,
) -> None:
    """While one's request is on its way, the other may have run the trial, stopped it and deleted its Job: what is
    created cannot be made to depend on another object.
    """

    async def attempt(here: Site) -> None:
        async def come_late(request: Request, forward: Forward) -> Answer:
            job = json.loads(request.body)["metadata"]["name"]
            await here.story.until(lambda: job in _deleted_jobs(here))
            return await forward()

        rule = here.proxy.add(Rule(_starts_one_to_be_stopped, come_late))
        await here.apply(stopping_search())
        here.start()
        here.start()
        await here.complete()
        assert rule.hits, "no Job came late"
        assert_nothing_orphaned(here.story)
        assert_never_twice(here.story, remade=True)
        assert_results_recorded_once(here.story)
        assert_rungs_recorded_once(here.story)
        in_time, late = _jobs(here)
        assert in_time == list(range(TRIALS_OF_SEARCH))
        assert late
        _assert_gone(here, late)

    await field.run(attempt)


async def test_curve_that_begins_again_in_another_pod_records_nothing_twice(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(climbing_search(FOR_EVER))
        here.start()
        first = await running(here, 0)
        await _report(here, first, {1: 0.5})
        await here.until(lambda: _rungs(here, 0) == [(1, 0.5)])
        await evict(here, first)
        second = await running(here, 0, other_than=first)
        await _report(here, second, {1: 0.25})
        await _report(here, second, {1: 0.25, 2: 0.75})
        await here.until(lambda: _rungs(here, 0) == [(1, 0.5), (2, 0.75)])
        (trial,) = (body for body in here.story.objects(TRIALS) if body["spec"]["index"] == 0)
        assert [rung["sequence"] for rung in trial["status"]["rungs"]] == [1, 2]
        assert trial["status"]["disruptions"] == 1

    await field.run(attempt)


async def test_what_was_reached_while_no_operator_ran_is_recorded_in_order(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(with_two_objectives(climbing_search("1s")))
        here.start()
        await here.until(lambda: sum(phase_of(here, pod) == "Running" for pod in here.story.objects(PODS)) == 3)
        here.operators[-1].kill()
        await here.story.until(lambda: len(_climbers(here, 2)) >= 3)
        here.start()
        await here.complete()
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH)

    await field.run(attempt)


async def test_job_that_somebody_deletes_at_the_moment_of_its_stop(field: Field) -> None:
    def meeting(matches: Callable[[Request], bool]) -> Try:
        async def attempt(here: Site) -> None:
            async def delete(request: Request, forward: Forward) -> Answer:
                job = request.name if request.resource == JOBS.plural else f"{request.name}-a1"
                await here.chronicle.delete(JOBS, here.namespace, job)
                return await forward()

            rule = here.proxy.add(Rule(matches, delete))
            await here.apply(stopping_search())
            here.start()
            await here.complete()
            assert_sound(here.story, attempts=TRIALS_OF_SEARCH)
            assert rule.hits, "nobody deleted it"

        return attempt

    moments = {"before it is recorded": _is_stop, "after": lambda request: request.kind == "delete jobs"}
    await field.each((name, meeting(matches)) for name, matches in moments.items())


@pytest.mark.parametrize("state", ["Succeeded", "Stopped"])
async def test_trial_that_ends_while_it_is_stopped_has_one_outcome(field: Field, state: str) -> None:
    """Its result, if that was seen before the stop was recorded, and otherwise the stop."""

    async def attempt(here: Site) -> None:
        ending: list[str] = []

        async def end(request: Request, forward: Forward) -> Answer:
            ending.append(request.name.removesuffix("-a1"))
            (pod,) = (pod for pod in here.story.objects(PODS) if pod["metadata"]["labels"][TRIAL_LABEL] == ending[0])
            await annotate(here, pod, {REWARD_ANNOTATION: "0.125"})
            await here.until(lambda: phase_of(here, pod) == "Succeeded")
            # Where the stop is not recorded yet, the operator looks again, and sees the end.
            return faults.refusal(409) if state == "Succeeded" else await forward()

        matches = _is_stop if state == "Succeeded" else lambda request: request.kind == "delete jobs"
        here.proxy.add(Rule(matches, end))
        await here.apply(climbing_search(FOR_EVER))
        here.start()
        await _report(here, await running(here, 0), {1: 0.5})
        await here.until(lambda: _rungs(here, 0))
        worse = await running(here, 1)
        await _report(here, worse, {1: 0.25})
        await here.until(lambda: phase_of(here, worse) != "Running")
        async with letting_go(here):
            await here.complete()
        assert_results_recorded_once(here.story)
        assert_places_without_gap(here.story)
        assert_rungs_recorded_once(here.story)
        (trial,) = (body for body in here.story.objects(TRIALS) if body["metadata"]["name"] == ending[0])
        assert trial["status"]["state"] == state
        assert trial["status"].get("reward") == {"Succeeded": "0.125"}.get(state)

    await field.run(attempt)


async def test_suspended_search_stops_trials_at_rungs_starts_none_and_goes_on(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(climbing_search(FOR_EVER))
        here.start()
        first, *others = [await running(here, index) for index in range(3)]
        await _report(here, first, {1: 0.5})
        await here.until(lambda: _rungs(here, 0))
        await here.chronicle.patch(SEARCHES, here.namespace, "faulty", {"spec": {"suspend": True}})
        await here.until(lambda: condition(here.story.objects(SEARCHES)[0], "Suspended").get("status") == "True")
        for pod in others:
            await _report(here, pod, {1: 0.25})
        await here.until(lambda: [state_of(body) for body in here.story.objects(TRIALS)[1:]] == ["Stopped"] * 2)
        async with letting_go(here):
            await here.until_known(lambda: _reason(here) == "Suspended")
            assert [state_of(body) for body in here.story.objects(TRIALS)] == ["Succeeded", "Stopped", "Stopped"]
            await here.chronicle.patch(SEARCHES, here.namespace, "faulty", {"spec": {"suspend": False}})
            await here.until(lambda: len(here.story.objects(TRIALS)) == TRIALS_OF_SEARCH)
            await here.complete()
        assert_sound(here.story, attempts=TRIALS_OF_SEARCH)

    await field.run(attempt)


def _is_stop(request: Request) -> bool:
    if request.kind != "patch architecturetrials/status":
        return False
    return bool(json.loads(request.body)["status"].get("state") == "Stopped")


def _starts_one_to_be_stopped(request: Request) -> bool:
    last = str(TRIALS_OF_SEARCH - 1)
    return request.kind == "create jobs" and json.loads(request.body)["metadata"]["labels"][INDEX_LABEL] == last


def _deleted_jobs(here: Site) -> set[str]:
    return {body["metadata"]["name"] for type, body in here.story.events[JOBS.plural] if type == "DELETED"}


def _jobs(here: Site) -> tuple[list[int], list[int]]:
    """Return the indexes of the trials for which Jobs were made in time, and after the record of their end."""
    ends: dict[int, int] = {}
    for _, body in here.story.events[TRIALS.plural]:
        if state_of(body) in ("Succeeded", "Stopped"):
            ends.setdefault(body["spec"]["index"], int(body["metadata"]["resourceVersion"]))
    in_time, late = list[int](), list[int]()
    for type, body in here.story.events[JOBS.plural]:
        if type == "ADDED":
            index, _ = attempt_of(body)
            (in_time if int(body["metadata"]["resourceVersion"]) < ends[index] else late).append(index)
    return sorted(in_time), sorted(late)


def _assert_gone(here: Site, indexes: list[int]) -> None:
    assert not {attempt_of(job)[0] for job in here.story.objects(JOBS)} & {*indexes}, (
        "a Job that came too late lives on"
    )


def _reason(here: Site) -> str:
    (search,) = here.story.objects(SEARCHES)
    return str(condition(search, "Progressing").get("reason", ""))


def _rungs(here: Site, index: int) -> list[tuple[int, float]]:
    trials = (body for body in here.story.objects(TRIALS) if body["spec"]["index"] == index)
    return [(rung["step"], float(rung["value"])) for body in trials for rung in body.get("status", {}).get("rungs", ())]


def _climbers(here: Site, step: int) -> list[Body]:
    """Return the pods that have reported at that step, or later."""
    reports = [
        (pod, pod["metadata"].get("annotations", {}).get(PROGRESS_ANNOTATION)) for pod in here.story.objects(PODS)
    ]
    return [pod for pod, report in reports if report is not None and json.loads(report)["step"] >= step]


async def _report(here: Site, pod: Body, rungs: dict[int, float]) -> None:
    report = {"step": max(rungs), "rungs": {str(step): {"reward": value} for step, value in rungs.items()}}
    await annotate(here, pod, {PROGRESS_ANNOTATION: json.dumps(report)})
