"""A pod that is replaced within the second in which it was made, whose order Kubernetes does not tell."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from evonas.cluster.state.job_view import view_attempt
from evonas.cluster.state.records import PodRecord, WorkloadRecord
from evonas.cluster.state.succession import succession_of
from evonas.cluster.state.workload_view import view_workload
from evonas.search.attempt import AttemptPhase, Verdict
from evonas.search.names import REWARD_ANNOTATION
from evonas.spec import SearchSpec
from tests.unit.cluster.objects import job_record, pod_record
from tests.unit.cluster.state.gangs import at, complete, ended, gang, gang_spec, jobset, running
from tests.unit.search.support import NOW, search_body

NAMES = pytest.mark.parametrize(("former", "latter"), [("a", "b"), ("b", "a")], ids=["in order", "the other way round"])
GONE: dict[str, Any] = {"gone": True, "gone_at": at(-60), "deletion": at(-30)}
REPORTED: dict[str, Any] = {"annotations": {REWARD_ANNOTATION: "0.5"}}


def single(name: str, **fields: Any) -> PodRecord:
    return pod_record(name=name, uid=name, created=at(-120), scheduled=at(-120), phase="Running", **fields)


def job(**fields: Any) -> WorkloadRecord:
    return job_record(created=at(-200), **fields)


def named(pods: list[PodRecord], letter: str) -> list[PodRecord]:
    return [replace(pod, name=f"{pod.name}-{letter}", uid=f"{pod.name}-{letter}") for pod in pods]


@NAMES
def test_result_of_the_latter_counts_and_the_former_was_lost(former: str, latter: str) -> None:
    pods = [
        single(former, containers={"trial": running(-119)}, **GONE),
        replace(single(latter, containers={"trial": ended(0, since=-60)}, **REPORTED), phase="Succeeded"),
    ]
    spec = SearchSpec.parse(search_body())
    seen = view_attempt(spec.trial, job(complete=True, ended=at(-9)), pods, NOW)
    assert (seen.pod, seen.ending and seen.ending.verdict) == (latter, Verdict.REPORTED)
    assert [loss.pod for loss in seen.disruptions] == [former]


@NAMES
def test_attempt_goes_on_with_the_latter(former: str, latter: str) -> None:
    pods = [
        single(former, containers={"trial": running(-119)}, **GONE),
        single(latter, containers={"trial": running(-60)}),
    ]
    seen = view_attempt(SearchSpec.parse(search_body()).trial, job(), pods, NOW)
    assert (seen.phase, seen.pod, len(seen.disruptions)) == (AttemptPhase.RUNNING, latter, 1)


@NAMES
def test_result_of_a_workload_that_was_suspended_for_less_than_a_second_counts(former: str, latter: str) -> None:
    before = named(gang(*[running(-119)] * 3, created=-120, **GONE), former)
    after = named(gang(*[ended(0, since=-60)] * 3, created=-120, **REPORTED), latter)
    for record in (complete(), jobset()):
        seen = view_workload(gang_spec().trial, record, [*before, *after], NOW)
        assert (seen.pod, seen.ending and seen.ending.verdict) == (f"driver-0-0-{latter}", Verdict.REPORTED)
        (lost,) = seen.disruptions
        assert lost.pod == f"driver-0-0-{former}"
        assert lost.message.endswith("3 of its 3 pods were lost together")


def test_what_became_of_pods_of_one_second_orders_them() -> None:
    ordered = [
        single("f", **GONE),
        single("e", **{**GONE, "gone_at": at(-50)}),
        single("d", deletion=at(30), containers={"trial": ended(143)}),
        single("c", containers={"trial": ended(1)}),
        single("b", containers={"trial": running()}),
        single("a", containers={"trial": ended(0)}),
    ]
    for shuffled in permutations(ordered):
        assert sorted(shuffled, key=lambda pod: succession_of(pod, "trial")) == ordered
    younger = replace(ordered[0], created=at(-119))
    assert succession_of(younger, "trial") > succession_of(ordered[-1], "trial")
