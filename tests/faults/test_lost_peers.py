"""Workloads that fail when one of their pods is evicted: processes that train together do not outlive one of them.

The trial's record tells that before the workload is deleted and made again, whatever happens to the operator meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import product

import pytest

from evonas.cluster.client.resources import JOBS, PODS, TRIALS
from tests.faults import faults
from tests.faults.chronicle import Body
from tests.faults.field import Field, Site, Try
from tests.faults.invariants import assert_nothing_orphaned, assert_started_by_the_record
from tests.faults.pods import FOR_EVER, evict, fail, letting_go, phase_of
from tests.faults.proxy import Request, Rule
from tests.integration.workloads import RANK, indexed_job

pytestmark = pytest.mark.kwok

PODS_OF_A_TRIAL = 3


def _tells_of_it(request: Request) -> bool:
    return request.kind == "patch architecturetrials/status" and b"EvictionByEvictionAPI" in request.body


WRITES: dict[str, Callable[[Request], bool]] = {
    "telling of the disruption": _tells_of_it,
    "deleting the Job": lambda request: request.kind == "delete jobs",
    "making it again": lambda request: request.kind == "create jobs",
}


async def test_workload_that_fails_with_an_evicted_pod_is_made_again_whenever_the_operator_is_killed(
    field: Field,
) -> None:
    def killed(write: str, moment: str) -> Try:
        async def attempt(here: Site) -> None:
            pods = await _begin(here)
            rule = here.proxy.add(Rule(WRITES[write], faults.MOMENTS[moment](here.kill_and_restart)))
            await _lose_one(here, pods)
            await _assert_made_again(here, pods)
            assert rule.hits, "the operator was never killed"

        return attempt

    # Before it is told of, only the pod tells of it, and an operator that starts later does not see that any more.
    moments = [each for each in product(WRITES, faults.MOMENTS) if each != ("telling of the disruption", "before")]
    await field.each((f"{moment} {write}", killed(write, moment)) for write, moment in moments)


async def test_workload_that_fails_with_an_evicted_pod_while_no_operator_runs_costs_one_retry(
    field: Field,
) -> None:
    async def attempt(here: Site) -> None:
        pods = await _begin(here)
        here.operators[-1].kill()
        await _lose_one(here, pods)
        await here.story.until(lambda: any(_has_failed(body) for body in here.story.objects(JOBS)))
        here.start()
        async with letting_go(here):
            await here.complete()
        (trial,) = here.story.objects(TRIALS)
        # The pod that was evicted is gone, and with it what tells that: its Job has failed, and is tried again.
        assert [(item["number"], item["reason"]) for item in trial["status"]["attempts"]] == [
            (1, "NonZeroExitCode"),
            (2, "Completed"),
        ]
        assert_nothing_orphaned(here.story)

    await field.run(attempt)


async def _begin(here: Site) -> list[Body]:
    """Start a search of one trial, and return its pods once they run, by rank."""
    annotations = {"evonas-test/duration": FOR_EVER}
    budget = {"maxTrials": 1, "parallelTrials": 1}
    trial = {"retries": 1, "ttlSecondsAfterFinished": 3600}
    await here.apply(indexed_job("peers", pods=PODS_OF_A_TRIAL, annotations=annotations, budget=budget, trial=trial))
    here.start()
    await here.until(lambda: len(_running(here)) == PODS_OF_A_TRIAL)
    await here.until_seen(TRIALS)
    await here.until(lambda: here.story.objects(TRIALS)[0].get("status", {}).get("state") == "Running")
    return _running(here)


async def _lose_one(here: Site, pods: list[Body]) -> None:
    # Kubernetes keeps whole seconds: what begins, is lost and fails within one has no order.
    *others, victim = pods
    await _another_second(here)
    await evict(here, victim)
    await here.story.until(lambda: not phase_of(here, victim))
    await _another_second(here)
    for pod in others:
        await fail(here, pod)


async def _another_second(here: Site) -> None:
    seen = time.time()
    await here.until_so(lambda: time.time() > seen + 2)


async def _assert_made_again(here: Site, before: list[Body]) -> None:
    former = {pod["metadata"]["uid"] for pod in before}
    await here.until(
        lambda: (
            len([pod for pod in _running(here) if pod["metadata"]["uid"] not in former]) == PODS_OF_A_TRIAL
            and not any(pod["metadata"]["uid"] in former for pod in here.story.objects(PODS))
        )
    )
    async with letting_go(here):
        await here.complete()
    (trial,) = here.story.objects(TRIALS)
    told = [(item["number"], item.get("disrupted", False), item["reason"]) for item in trial["status"]["attempts"]]
    assert told == [(1, True, "EvictionByEvictionAPI"), (1, False, "Completed")], trial["status"]
    assert trial["status"]["disruptions"] == 1
    assert_started_by_the_record(here.story)
    assert_nothing_orphaned(here.story)
    jobs = {body["metadata"]["uid"] for _, body in here.story.events[JOBS.plural]}
    assert len(jobs) == 2


def _running(here: Site) -> list[Body]:
    pods = [pod for pod in here.story.objects(PODS) if phase_of(here, pod) == "Running"]
    return sorted(pods, key=lambda pod: str(pod["metadata"]["labels"][RANK]))


def _has_failed(body: Body) -> bool:
    conditions = body.get("status", {}).get("conditions", ())
    return any(item["type"] == "Failed" and item["status"] == "True" for item in conditions)
