"""Single parts of the operator against a real API server, without the rest: what they ask, and what answers do to them.

Where a part waits before it asks again, the test sets its clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import yaml

from evonas.cluster.client.api import Api, Conflict, NotFound
from evonas.cluster.client.connection import load_connection
from evonas.cluster.control.acceptance import REEXAMINED_INTERVAL, Acceptance
from evonas.cluster.control.account import RETRY_INTERVAL, TrialAccounts
from evonas.cluster.control.engines import Engines
from evonas.cluster.control.events import Events
from evonas.cluster.control.executor import Executor, ForeignObject
from evonas.cluster.control.pending_reasons import PATIENCE, PendingReasons
from evonas.cluster.control.refusals import Refusal
from evonas.cluster.state.objects import read_search
from evonas.cluster.state.records import SearchRecord
from evonas.cluster.state.store import Store
from evonas.cluster.state.watch_lag import WatchLag
from evonas.search.attempt import AttemptPhase, AttemptView, QueuedReason
from evonas.search.trial import ProposalRecord, Trial, TrialState
from evonas.spec import SearchSpec
from harness.client import Cluster
from harness.errors import CommandFailed
from tests.integration.quotas import set_pod_quota
from tests.integration.rights import wait_for_right
from tests.integration.searches import HELD, condition
from tests.operator_process import USER, OperatorProcess, bind, search

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]
QUEUE = "kueue.x-k8s.io/queue-name"
TRIAL = Trial(0, {"a1": 1, "a2": 1, "a3": 1}, ProposalRecord("random", None, (), 0))


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    async with Api(await load_connection(cluster.kubeconfig_for(USER))) as api:
        yield api


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def policy(cluster: Cluster, namespace: str) -> Iterator[str]:
    """A policy that refuses Jobs without a queue; it is in force when the test begins."""
    scope = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    rules = [{"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}]
    expression = f"has(object.metadata.labels) && '{QUEUE}' in object.metadata.labels"
    name = f"queues-{namespace}"
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    policy = {
        **kind,
        "kind": "ValidatingAdmissionPolicy",
        "spec": {
            "matchConstraints": {**scope, "resourceRules": rules},
            "validations": [{"expression": expression, "message": "this team's jobs need a queue"}],
        },
    }
    binding = {
        **kind,
        "kind": "ValidatingAdmissionPolicyBinding",
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    cluster.apply(yaml.safe_dump_all([policy, binding]))
    cluster.wait_for("the policy to be in force", lambda: not takes_jobs(cluster, namespace))
    yield name
    lift(cluster, name)


def takes_jobs(cluster: Cluster, namespace: str) -> bool:
    probe = ("create", "job", "probe", "--image=none", "--dry-run=server", "-n", namespace)
    try:
        cluster.kubectl(*probe)
    except CommandFailed as refusal:
        if "need a queue" not in str(refusal):
            raise
        return False
    return True


def lift(cluster: Cluster, policy: str) -> None:
    kinds = "validatingadmissionpolicybinding,validatingadmissionpolicy"
    cluster.kubectl("delete", kinds, policy, "--ignore-not-found")


def made(cluster: Cluster, namespace: str, name: str, **fields: Any) -> SearchRecord:
    """Create a search that no operator works on, and return its record; a pod of it would not end."""
    body = search(name, **fields)
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": HELD}
    cluster.apply(yaml.safe_dump(body), namespace)
    return read_search(cluster.get("nas", name, namespace))


async def test_a_policy_that_has_changed_is_noticed_though_nothing_tells_of_it(
    cluster: Cluster, namespace: str, policy: str, api: Api
) -> None:
    clock = Clock()
    acceptance = Acceptance(api, Engines(()), clock)
    record = made(cluster, namespace, "policed")
    refusal = await acceptance.examine(record, None)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.look_again) == ("TemplateRefused", REEXAMINED_INTERVAL)
    assert "this team's jobs need a queue" in refusal.message
    lift(cluster, policy)
    cluster.wait_for("the policy to be lifted", lambda: takes_jobs(cluster, namespace))
    clock.now += REEXAMINED_INTERVAL - 1
    assert await acceptance.examine(record, None) == refusal
    clock.now += 1
    assert isinstance(await acceptance.examine(record, None), SearchSpec)


async def test_a_label_that_the_policy_wants_is_enough(cluster: Cluster, namespace: str, policy: str, api: Api) -> None:
    acceptance = Acceptance(api, Engines(()), Clock())
    record = made(cluster, namespace, "labelled")
    assert isinstance(await acceptance.examine(record, None), Refusal)
    cluster.kubectl("label", "nas", "labelled", f"{QUEUE}=gpus", "-n", namespace)
    labelled = read_search(cluster.get("nas", "labelled", namespace))
    assert labelled.generation == record.generation
    assert isinstance(await acceptance.examine(labelled, None), SearchSpec)


def test_a_refused_search_is_accepted_as_soon_as_it_has_the_label(
    cluster: Cluster, namespace: str, policy: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(search("waiting"))

    def accepted() -> dict[str, Any]:
        return condition(cluster.get("nas", "waiting", namespace), "Accepted")

    refused = cluster.wait_for("the refusal", accepted)
    assert (refused["status"], refused["reason"]) == ("False", "TemplateRefused")
    cluster.kubectl("label", "nas", "waiting", f"{QUEUE}=gpus", "-n", namespace)
    cluster.wait_for("the acceptance", lambda: accepted()["status"] == "True")
    cluster.wait_for("a Job", lambda: cluster.list("jobs", namespace))


async def test_the_right_to_make_the_trials_account_is_used_when_it_is_granted_later(
    cluster: Cluster, namespace: str
) -> None:
    clock, user = Clock(), f"newcomer-{namespace}"
    async with Api(await load_connection(cluster.kubeconfig_for(user))) as api:
        accounts = TrialAccounts(api, create=True, clock=clock)
        assert await accounts.ensure(namespace) is None
        cluster.apply(yaml.safe_dump(bind("evonas-operator", user)))
        wait_for_right(cluster, namespace, user, "create", "serviceaccounts")
        clock.now += RETRY_INTERVAL - 1
        assert await accounts.ensure(namespace) is None
        clock.now += 1
        assert await accounts.ensure(namespace) == "evonas-trial"
    assert cluster.get("serviceaccount", "evonas-trial", namespace)
    assert cluster.get("rolebinding", "evonas-trial", namespace)


async def test_the_trials_account_is_made_again_once_it_is_missed(cluster: Cluster, namespace: str, api: Api) -> None:
    accounts = TrialAccounts(api, create=True)
    await accounts.ensure(namespace)
    cluster.kubectl("delete", "serviceaccount", "evonas-trial", "-n", namespace)
    await accounts.ensure(namespace)
    assert not cluster.list("serviceaccounts", namespace, fields="metadata.name=evonas-trial")
    accounts.forget(namespace)
    await accounts.ensure(namespace)
    assert cluster.get("serviceaccount", "evonas-trial", namespace)


async def test_what_another_process_recorded_or_started_is_adopted(cluster: Cluster, namespace: str, api: Api) -> None:
    record = made(cluster, namespace, "shared")
    spec = SearchSpec.parse(record.manifest)
    first, second = (Executor(api, Store(), WatchLag(), Engines(()).fields) for _ in range(2))
    theirs = await first.record_trial(record, TRIAL)
    ours = await second.record_trial(record, replace(TRIAL, decisions={"a1": 2, "a2": 2, "a3": 2}))
    assert ours == theirs
    job = await first.start(record, spec, theirs, service_account=None)
    adopted = await second.start(record, spec, ours, service_account=None)
    # Its controller may have written its status meanwhile, which makes a newer version of the same Job.
    assert replace(adopted, version=job.version) == job
    assert len(cluster.list("jobs", namespace)) == 1


async def test_what_belongs_to_another_is_never_adopted(cluster: Cluster, namespace: str, api: Api) -> None:
    store = Store()
    executor = Executor(api, store, WatchLag(), Engines(()).fields)
    record = made(cluster, namespace, "robbed")
    trial = await executor.record_trial(record, TRIAL)
    # The same derived name, as of an earlier search that was deleted without its trials.
    body = cluster.get("nastrial", trial.name, namespace)
    body["metadata"] = {"name": record.identity.trial_name(1), "ownerReferences": []}
    body["spec"]["index"] = 1
    cluster.apply(yaml.safe_dump(body), namespace)
    with pytest.raises(ForeignObject, match=r"ArchitectureTrial robbed-.* does not belong to this search"):
        await executor.record_trial(record, replace(TRIAL, index=1))
    assert 1 not in store.children(record.uid).trials


async def test_an_outcome_is_not_written_over_what_somebody_wrote_since(
    cluster: Cluster, namespace: str, api: Api
) -> None:
    store = Store()
    executor = Executor(api, store, WatchLag(), Engines(()).fields)
    record = made(cluster, namespace, "raced")
    known = await executor.record_trial(record, TRIAL)
    ended = replace(TRIAL, state=TrialState.SUCCEEDED, reward=0.5, sequence=1, completion_time=known.created)
    written = await Executor(api, Store(), WatchLag(), Engines(()).fields).record_outcome(known, ended)
    assert not await executor.is_current(known)
    with pytest.raises(Conflict):
        await executor.record_outcome(known, replace(TRIAL, state=TrialState.RUNNING))
    # The next pass knows what it is.
    assert store.children(record.uid).trials[0] == written
    assert await executor.is_current(written)


async def test_what_is_gone_is_dropped_from_the_store(cluster: Cluster, namespace: str, api: Api) -> None:
    store = Store()
    executor = Executor(api, store, WatchLag(), Engines(()).fields)
    record = made(cluster, namespace, "emptied")
    spec = SearchSpec.parse(record.manifest)
    known = await executor.record_trial(record, TRIAL)
    job = await executor.start(record, spec, known, service_account=None)
    await executor.stop(job)
    cluster.wait_for("the Job to go", lambda: not cluster.list("jobs", namespace))
    await executor.release(job, 60)
    assert not store.children(record.uid).workloads
    cluster.kubectl("delete", "nastrial", known.name, "-n", namespace)
    assert not await executor.is_current(known)
    assert not store.children(record.uid).trials
    with pytest.raises(NotFound):
        await executor.record_outcome(known, replace(TRIAL, state=TrialState.RUNNING))
    await executor.delete_search(record)
    await executor.delete_search(record)
    await executor.write_status(record, {"observedGeneration": 1})


async def test_an_event_is_shown_where_the_search_is_described(
    cluster: Cluster, namespace: str, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    record = made(cluster, namespace, "told")
    await Events(api).post(record, "TrialFailed", "trial 3 failed", warning=True)
    assert "trial 3 failed" in cluster.kubectl("describe", "nas", "told", "-n", namespace)
    # Losing one loses nothing else.
    caplog.set_level("INFO")
    await Events(api).post(replace(record, namespace="no-such-namespace"), "TrialFailed", "trial 4 failed")
    assert "not posted" in caplog.text


async def test_a_full_quota_of_pods_is_told_by_the_job_that_waits_for_it(
    cluster: Cluster, namespace: str, api: Api
) -> None:
    set_pod_quota(cluster, namespace, "few", {"pods": "0"})
    store = Store()
    executor = Executor(api, store, WatchLag(), Engines(()).fields)
    record = made(cluster, namespace, "crowded")
    known = await executor.record_trial(record, TRIAL)
    job = await executor.start(record, SearchSpec.parse(record.manifest), known, service_account=None)
    wanted = ("get", "events", "-n", namespace, f"--field-selector=involvedObject.uid={job.uid},reason=FailedCreate")
    await asyncio.to_thread(cluster.wait_for, "the Job's word", lambda: "quota" in cluster.kubectl(*wanted))
    views = {0: AttemptView(1, AttemptPhase.QUEUED, QueuedReason.STARTING, lacks_pods=True)}
    explained = await PendingReasons(api).explain(store.children(record.uid), views, job.created + PATIENCE)
    assert explained[0].reason is QueuedReason.QUOTA_EXCEEDED
    assert "exceeded quota: few" in explained[0].message
