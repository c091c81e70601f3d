"""A workload of which some pods hold their nodes and others are missing, seen from the moment of the first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from evonas.cluster.state.records import ContainerState, PodRecord
from evonas.cluster.state.workload_view import view_workload
from evonas.search.attempt import AttemptPhase
from evonas.spec import SearchSpec
from tests.operator_process import search
from tests.unit.cluster.objects import job_record, pod_record
from tests.unit.search.support import NOW


def searched() -> SearchSpec:
    body = search("s")
    template = body["spec"]["trial"].pop("template")
    job = {"completionMode": "Indexed", "completions": 2, "template": template}
    body["spec"]["trial"]["workload"] = {"apiVersion": "batch/v1", "kind": "Job", "spec": job}
    return SearchSpec.parse(body)


def member(rank: int, **fields: Any) -> PodRecord:
    labels = {"batch.kubernetes.io/job-completion-index": str(rank)}
    return pod_record(uid=f"p{rank}", name=f"s-{rank}", labels=labels, **fields)


def test_an_indexed_job_is_called_by_the_kind_under_which_it_is_found() -> None:
    view = view_workload(searched().trial, job_record(kind="IndexedJob", complete=True, ended=NOW), [], NOW)
    assert view.ending is not None
    assert view.ending.message == "the Job is complete, but the pod that reports has left no result"


def test_a_partial_start_waits_for_the_rest_until_its_deadline() -> None:
    spec = searched()
    record = job_record(kind="IndexedJob")
    running = {"trial": ContainerState(started=NOW)}
    first = member(0, phase="Running", scheduled=NOW, containers=running)
    view = view_workload(spec.trial, record, [first, member(1)], NOW)
    assert view.phase is AttemptPhase.QUEUED
    assert view.message.startswith("1 of 2 pods run")
    assert view.deadline == NOW + timedelta(seconds=spec.trial.start_timeout_seconds)
