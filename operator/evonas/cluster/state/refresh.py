"""Asks the API server when the streams contradict each other: a Job is over, but its pod's end was not seen.

Jobs and pods arrive by separate streams, and a start lists pods before Jobs, so a finished Job may appear next to a pod
that still runs, or to none. Judged from that, a trial that reported its reward would be run again.
"""

from __future__ import annotations

from collections.abc import Iterator

from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import PODS
from evonas.cluster.state.as_made import as_made
from evonas.cluster.state.attempt_views import find_workload
from evonas.cluster.state.crowd import telling_pods
from evonas.cluster.state.objects import read_or_skip
from evonas.cluster.state.records import PLAIN_JOB, AttemptName, PodRecord, WorkloadRecord
from evonas.cluster.state.store import Children, Store
from evonas.cluster.state.unlabelled_pods import find_of
from evonas.spec import SearchSpec


async def refresh_pods(api: Api, store: Store, search_uid: str, spec: SearchSpec) -> None:
    """List the pods of every finished Job that is yet to be judged and whose container's end is unknown."""
    children = store.children(search_uid)
    asked: set[str] = set()
    # Another Job may end while one Job's pods are listed; nothing happens between the last check and the caller's.
    while (job := next((job for job in _contradicted(spec, children) if job.uid not in asked), None)) is not None:
        asked.add(job.uid)
        selector, read = find_of(job.kind, job.name, AttemptName(job.search_uid, job.index, job.attempt))
        before = list(children.pods.get((job.index, job.attempt), {}).values())
        listed: set[str] = set()
        async for items, _ in api.list(PODS, job.namespace, label_selector=selector):
            for record in filter(None, (read_or_skip(read, item) for item in items)):
                listed.add(record.uid)
                store.put_pod(record)
        for record in before:
            if record.uid not in listed:
                store.drop_pod(record)


def _contradicted(spec: SearchSpec, children: Children) -> Iterator[WorkloadRecord]:
    for index, trial in children.table.unfinished.items():
        job = find_workload(children, trial)
        if job is None or job.attempt != trial.current_attempt or not job.is_finished:
            continue
        pods = children.pods.get((index, job.attempt), {}).values()
        if job.failed and job.kind != PLAIN_JOB:
            # Any of its pods may have ended it, and those that are deleted were ended by that.
            known = any(map(_has_failed, pods))
        else:
            states = [pod.containers.get(container) for pod, container in telling_pods(as_made(spec.trial, job), pods)]
            known = any(state is not None and state.exit_code is not None for state in states)
        if not known:
            yield job


def _has_failed(pod: PodRecord) -> bool:
    return not pod.is_deleted and any(state.exit_code not in (None, 0) for state in pod.containers.values())
