"""Trials that pause at rungs and go on later, whatever happens to them, their Jobs and pods, or the operator meanwhile.

Kills at each write of such a search are in ``test_crashes``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from evonas.cluster.client.resources import JOBS, SEARCHES, TRIALS
from tests import share
from tests.faults.chronicle import Body
from tests.faults.field import TRIALS_OF_SEARCH, Field, Site, Try, pausing_search
from tests.faults.invariants import (
    assert_nothing_orphaned,
    assert_promotions_recorded_once,
    assert_rungs_recorded_once,
    assert_sound,
    assert_started_by_the_record,
    attempt_of,
    attempts_on_record,
)
from tests.faults.pods import FOR_EVER, end_with, evict, letting_go, phase_of, running, state_of
from tests.faults.proxy import Answer, Forward, Request, Rule
from tests.faults.test_tables import WRITE_FAULTS

pytestmark = [pytest.mark.kwok, pytest.mark.jobset]

TWO: dict[str, Any] = {"budget": {"maxTrials": 2, "parallelTrials": 2}}
"""One of two goes on from a rung, and is alone at the next."""


def _is_pause(request: Request) -> bool:
    return _recorded(request).get("state") == "Paused"


def _is_promotion(request: Request) -> bool:
    return _recorded(request).get("reason") == "Promoted"


MOMENTS: dict[str, Callable[[Request], bool]] = {"pause": _is_pause, "promotion": _is_promotion}


@pytest.mark.parametrize("fault", [list(WRITE_FAULTS)[turn] for turn in share.present().turns(len(WRITE_FAULTS))])
async def test_record_of_a_pause_and_of_a_promotion_is_made_good_after_a_fault(field: Field, fault: str) -> None:
    def meeting(matches: Callable[[Request], bool]) -> Try:
        async def attempt(here: Site) -> None:
            rule = here.proxy.add(Rule(matches, WRITE_FAULTS[fault], times=2))
            await here.apply(pausing_search())
            here.start()
            await here.complete()
            assert rule.hits, "the fault never came"
            _assert_sound(here)

        return attempt

    await field.each((f"{name}: {fault}", meeting(matches)) for name, matches in MOMENTS.items())


async def test_two_operators_at_once_promote_no_trial_twice(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(pausing_search())
        here.start()
        here.start()
        await here.complete()
        assert_nothing_orphaned(here.story)
        assert_rungs_recorded_once(here.story)
        assert_started_by_the_record(here.story)
        assert_promotions_recorded_once(here.story)
        assert [body["spec"]["index"] for body in here.story.objects(TRIALS)] == list(range(TRIALS_OF_SEARCH))
        jobs = {body["metadata"]["uid"]: body["metadata"]["name"] for _, body in here.story.events[JOBS.plural]}
        assert len(jobs) == attempts_on_record(here.story), sorted(jobs.values())

    await field.each((str(number), attempt) for number in range(2))


async def test_pod_that_is_evicted_between_two_rungs_goes_on_in_another_of_the_same_attempt(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await _promote_the_first_of_two(here)
        evicted = await running(here, 0, attempt=2)
        await evict(here, evicted)
        await end_with(here, await running(here, 0, attempt=2, other_than=evicted), 0.75, resumed=1)
        await end_with(here, await running(here, 0, attempt=3), 0.875, resumed=2)
        await here.complete()
        status = _trial(here, 0)["status"]
        told = [(item["number"], item.get("disrupted", False), item["reason"]) for item in status["attempts"]]
        assert told[:1] + told[2:] == [(1, False, "Paused"), (2, False, "Paused"), (3, False, "Completed")]
        assert told[1][:2] == (2, True)
        assert [(rung["step"], rung["value"]) for rung in status["rungs"]] == [(1, "0.5"), (2, "0.75")]
        assert "lostCheckpoints" not in status
        assert state_of(_trial(here, 1)) == "Paused"
        assert_sound(here.story, indexes=range(2))

    await field.run(attempt)


async def test_lost_checkpoint_is_counted_and_told(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await _promote_the_first_of_two(here)
        await end_with(here, await running(here, 0, attempt=2), 0.75, resumed=0)
        await end_with(here, await running(here, 0, attempt=3), 0.875, resumed=2)
        await here.complete()
        status = _trial(here, 0)["status"]
        assert (status["state"], status["lostCheckpoints"]) == ("Succeeded", 1)
        said = "at step 2, trained again from step 0, since the checkpoint of step 1 was gone"
        assert [item.get("message", "") for item in status["attempts"]] == ["at step 1", said, ""]
        await here.until_posted("CheckpointLost")
        _assert_sound(here)

    await field.run(attempt)


async def test_job_that_somebody_deletes_at_the_moment_of_its_pause_or_of_its_promotion(field: Field) -> None:
    def meeting(matches: Callable[[Request], bool]) -> Try:
        async def attempt(here: Site) -> None:
            async def delete(request: Request, forward: Forward) -> Answer:
                number = _recorded(request)["attempts"][-1]["number"]
                await here.chronicle.delete(JOBS, here.namespace, f"{request.name}-a{number}")
                return await forward()

            rule = here.proxy.add(Rule(matches, delete))
            await here.apply(pausing_search())
            here.start()
            await here.complete()
            assert rule.hits, "nobody deleted it"
            _assert_sound(here)

        return attempt

    await field.each((name, meeting(matches)) for name, matches in MOMENTS.items())


async def test_what_paused_while_no_operator_ran_is_recorded_in_order_and_goes_on(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(pausing_search(FOR_EVER))
        here.start()
        pods = [await running(here, index) for index in range(3)]
        here.operators[-1].kill()
        for pod, reward in zip(pods, (0.25, 0.5, 0.125), strict=True):
            await end_with(here, pod, reward)
        await here.story.until(lambda: [phase_of(here, pod) for pod in pods] == ["Succeeded"] * 3)
        here.start()
        # The next three of six wait for the best of three.
        await running(here, 1, attempt=2)
        async with letting_go(here):
            await here.complete()
        _assert_sound(here)

    await field.run(attempt)


async def test_suspended_search_lets_trials_pause_starts_none_and_goes_on(field: Field) -> None:
    async def attempt(here: Site) -> None:
        await here.apply(pausing_search(FOR_EVER))
        here.start()
        pods = [await running(here, index) for index in range(3)]
        await _change(here, {"suspend": True})
        for pod, reward in zip(pods, (0.25, 0.5, 0.125), strict=True):
            await end_with(here, pod, reward)
        await here.until(lambda: [state_of(body) for body in here.story.objects(TRIALS)] == ["Paused"] * 3)
        # A pass that knows of the pauses has decided by then.
        await _change(here, {"budget": {"parallelTrials": 4}})
        assert [state_of(body) for body in here.story.objects(TRIALS)] == ["Paused"] * 3
        assert len({attempt_of(body) for _, body in here.story.events[JOBS.plural]}) == 3
        await _change(here, {"suspend": False})
        await running(here, 1, attempt=2)
        async with letting_go(here):
            await here.complete()
        _assert_sound(here)

    await field.run(attempt)


def _assert_sound(here: Site) -> None:
    assert_sound(here.story, attempts=attempts_on_record(here.story))


async def _promote_the_first_of_two(here: Site) -> None:
    await here.apply(pausing_search(FOR_EVER, **TWO))
    here.start()
    for index, reward in enumerate((0.5, 0.25)):
        await end_with(here, await running(here, index), reward)


async def _change(here: Site, spec: dict[str, Any]) -> None:
    """Change the search's spec, and wait until the operator acts by it."""
    body = await here.chronicle.patch(SEARCHES, here.namespace, "faulty", {"spec": spec})
    generation = body["metadata"]["generation"]
    await here.until(lambda: here.story.objects(SEARCHES)[0].get("status", {}).get("observedGeneration") == generation)


def _recorded(request: Request) -> dict[str, Any]:
    """Return what a request writes into a trial's status; nothing if it does something else."""
    if request.kind != "patch architecturetrials/status":
        return {}
    status: dict[str, Any] = json.loads(request.body)["status"]
    return status


def _trial(here: Site, index: int) -> Body:
    (body,) = (body for body in here.story.objects(TRIALS) if body["spec"]["index"] == index)
    return body
