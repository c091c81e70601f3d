"""Views of attempts from Jobs and pods as the kubelet and the Job controller write them; the Job that is built."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from evonas.cluster.control.jobs import build_job
from evonas.cluster.state.as_made import as_made
from evonas.cluster.state.attempt_views import find_overdue, view_of
from evonas.cluster.state.job_view import view_attempt
from evonas.cluster.state.objects import read_pod, read_workload
from evonas.cluster.state.records import TrialRecord
from evonas.cluster.state.store import Store
from evonas.local.processes.command import LocalCommand, expand
from evonas.search.attempt import AttemptPhase, AttemptView, QueuedReason, Verdict
from evonas.search.codec import SearchIdentity
from evonas.search.settle import gpu_seconds, settle
from evonas.search.trial import MAX_ATTEMPTS, EndedAttempt, ProposalRecord, Trial, TrialState
from evonas.search.trial_environment import trial_environment
from evonas.spec import SearchSpec
from evonas.variables import is_given
from tests.corpus.environment import DECISIONS, VARIABLES, asking_search
from tests.operator_process import search

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SPEC = SearchSpec.parse(search("s"))
LABELS = {"evonas.dev/search-uid": "u", "evonas.dev/index": "0", "evonas.dev/attempt": "1"}


def time(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def job(*conditions: tuple[str, str], version: int = 1, uid: str = "j", suspended: bool = False) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "n",
            "name": "s-a1",
            "uid": uid,
            "resourceVersion": str(version),
            "creationTimestamp": time(-200),
            "labels": LABELS,
        },
        "spec": {"suspend": suspended},
        "status": {
            "conditions": [
                {"type": kind, "status": "True", "reason": reason, "message": "", "lastTransitionTime": time(-1)}
                for kind, reason in conditions
            ]
        },
    }


def pod(
    state: dict[str, Any] | None,
    *conditions: dict[str, Any],
    name: str = "p",
    owner: str = "j",
    created: float = -100,
    deleted: bool = False,
    phase: str = "Running",
    reason: str = "",
    **annotations: str,
) -> dict[str, Any]:
    statuses = [] if state is None else [{"name": "trial", "state": state}]
    return {
        "metadata": {
            "namespace": "n",
            "name": name,
            "uid": name,
            "resourceVersion": "1",
            "creationTimestamp": time(created),
            "ownerReferences": [{"uid": owner, "controller": True}],
            **({"deletionTimestamp": time(25)} if deleted else {}),
            "labels": LABELS,
            "annotations": {f"evonas.dev/{key}": value for key, value in annotations.items()},
        },
        "spec": {"nodeName": "node-1"},
        "status": {"phase": phase, "reason": reason, "conditions": list(conditions), "containerStatuses": statuses},
    }


def ended(code: int, message: str = "", reason: str = "Error") -> dict[str, Any]:
    times = {"startedAt": time(-50), "finishedAt": time(-2)}
    return {"terminated": {"exitCode": code, "message": message, "reason": reason, **times}}


def scheduled(seconds: float) -> dict[str, Any]:
    return {"type": "PodScheduled", "status": "True", "lastTransitionTime": time(seconds)}


DISRUPTED = {
    "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "preempted"
}  # fmt: skip
RUNS = {"running": {"startedAt": time(-80)}}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: 1 Insufficient nvidia.com/gpu"}
GATED = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "a gate"}
FAILED = job(("Failed", "BackoffLimitExceeded"))
NO_CONFIG = {"waiting": {"reason": "CreateContainerConfigError", "message": "no such ConfigMap"}}
CREATING = {"waiting": {"reason": "ContainerCreating"}}
PULLING = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}


def view(job_body: dict[str, Any], *pods: dict[str, Any]) -> AttemptView:
    return view_attempt(SPEC.trial, read_workload(job_body), [read_pod(body) for body in pods], NOW)


def test_an_edit_of_the_search_leaves_an_attempt_the_gpus_and_the_container_that_it_was_made_with() -> None:
    resources = {"limits": {"nvidia.com/gpu": "4"}}
    body = job()
    body["spec"]["template"] = {"spec": {"containers": [{"name": "train", "resources": resources}]}}
    record = read_workload(body)
    status = {"containerStatuses": [{"name": "train", "state": ended(0)}]}
    shown = pod(ended(0), reward="0.5")
    shown["status"] |= status
    seen = view_of(as_made(SPEC.trial, record), record, [read_pod(shown)], NOW, {})
    assert seen.phase is AttemptPhase.ENDED
    assert seen.gpus == Fraction(4)
    trial = Trial(0, {"a": 1}, ProposalRecord("random", None, (), 0))
    assert seen.held_since is not None
    assert seen.end_time is not None
    held = (seen.end_time - seen.held_since).total_seconds()
    assert gpu_seconds(SPEC, trial, seen, seen) == 4 * held > 0


@pytest.mark.parametrize(
    ("job_body", "pod_body", "verdict", "reason"),
    [
        (job(), pod(ended(0), reward="0.5"), Verdict.REPORTED, ""),
        (job(), pod(ended(65)), Verdict.INFEASIBLE, "Infeasible"),
        (FAILED, pod(ended(1)), Verdict.BROKEN, "NonZeroExitCode"),
        (FAILED, pod(ended(137, reason="OOMKilled")), Verdict.BROKEN, "OOMKilled"),
        (job(("Failed", "DeadlineExceeded")), pod(ended(143)), Verdict.USELESS, "DeadlineExceeded"),
        (FAILED, pod(ended(137), reason="DeadlineExceeded", phase="Failed"), Verdict.USELESS, "DeadlineExceeded"),
        (FAILED, pod(ended(137), deleted=True), Verdict.BROKEN, "PodDeleted"),
        (FAILED, pod(ended(0), deleted=True), Verdict.BROKEN, "PodDeleted"),
        (job(), pod(ended(0), deleted=True, reward="0.5"), Verdict.REPORTED, ""),
        (job(), pod(ended(0), DISRUPTED, deleted=True, reward="0.5"), Verdict.REPORTED, ""),
        (job(suspended=True), pod(ended(65), deleted=True, infeasible="nan"), Verdict.INFEASIBLE, "Infeasible"),
        (job(("Failed", "DeadlineExceeded")), None, Verdict.USELESS, "DeadlineExceeded"),
        (job(("Failed", "PodFailurePolicy")), None, Verdict.INFEASIBLE, "Infeasible"),
        (job(("Complete", "CompletionsReached")), None, Verdict.BROKEN, "ResultMissing"),
        (job(), pod(PULLING, scheduled(-700)), Verdict.BROKEN, "ImagePullFailed"),
        (job(), pod({"waiting": {"reason": "ErrImageNeverPull"}}, scheduled(-1)), Verdict.BROKEN, "ImagePullFailed"),
        (
            job(),
            pod({"waiting": {"reason": "CreateContainerConfigError"}}, scheduled(-700)),
            Verdict.BROKEN,
            "StartFailed",
        ),
    ],
)
def test_end(job_body: dict[str, Any], pod_body: dict[str, Any] | None, verdict: Verdict, reason: str) -> None:
    seen = view(job_body, *([] if pod_body is None else [pod_body]))
    assert seen.phase is AttemptPhase.ENDED
    assert seen.end_time is not None
    assert seen.ending is not None
    assert (seen.ending.verdict, seen.ending.reason) == (verdict, reason)
    assert seen.holds_resources == (not read_workload(job_body).is_finished)


@pytest.mark.parametrize(
    ("job_body", "pod_body", "phase", "reason"),
    [
        (job(), None, AttemptPhase.QUEUED, QueuedReason.STARTING),
        (job(), pod(None, UNSCHEDULABLE), AttemptPhase.QUEUED, QueuedReason.UNSCHEDULABLE),
        (job(), pod(None, GATED), AttemptPhase.QUEUED, QueuedReason.QUEUED),
        (job(suspended=True), None, AttemptPhase.QUEUED, QueuedReason.QUEUED),
        (job(), pod(PULLING, scheduled(-10)), AttemptPhase.QUEUED, QueuedReason.IMAGE_PULL),
        (job(), pod(NO_CONFIG, scheduled(-10)), AttemptPhase.QUEUED, QueuedReason.CONTAINER_CONFIG),
        (job(), pod(CREATING, scheduled(-10)), AttemptPhase.QUEUED, QueuedReason.STARTING),
        (job(), pod({"running": {"startedAt": time(-5)}}, scheduled(-10)), AttemptPhase.RUNNING, None),
        # The Job has not said yet whether it was the candidate or the cluster.
        (job(), pod(ended(1), scheduled(-60)), AttemptPhase.RUNNING, None),
        (job(), pod(ended(137), scheduled(-60), deleted=True), AttemptPhase.RUNNING, None),
        (job(), pod(ended(143), scheduled(-60), DISRUPTED), AttemptPhase.QUEUED, QueuedReason.DISRUPTED),
        # What a program says to SIGTERM is no result.
        (job(), pod(ended(0), scheduled(-60), DISRUPTED), AttemptPhase.QUEUED, QueuedReason.DISRUPTED),
        (job(suspended=True), pod(ended(0), deleted=True), AttemptPhase.QUEUED, QueuedReason.QUEUED),
        (job(suspended=True), pod(ended(65), deleted=True), AttemptPhase.QUEUED, QueuedReason.QUEUED),
        (job(suspended=True), pod(ended(143), deleted=True), AttemptPhase.QUEUED, QueuedReason.QUEUED),
        # The end of its log stands where a report would.
        (job(), pod(ended(65, "interrupted"), scheduled(-60), DISRUPTED), AttemptPhase.QUEUED, QueuedReason.DISRUPTED),
    ],
)
def test_not_ended(
    job_body: dict[str, Any], pod_body: dict[str, Any] | None, phase: AttemptPhase, reason: QueuedReason | None
) -> None:
    seen = view(job_body, *([] if pod_body is None else [pod_body]))
    assert (seen.phase, seen.reason) == (phase, reason)


@pytest.mark.parametrize(
    ("own", "pods", "said"),
    [
        (None, 60, "timeoutSeconds (60)"),
        (3, 3, "the template's activeDeadlineSeconds (3)"),
        (600, 60, "timeoutSeconds (60)"),
        # timeoutSeconds was raised from 20 to 60 while the attempt ran.
        (None, 20, "timeoutSeconds (20)"),
    ],
)
def test_limit_that_ended_an_attempt_is_named_with_what_it_was_then(own: int | None, pods: int, said: str) -> None:
    body = search("s", trial={"timeoutSeconds": 60})
    if own is not None:
        body["spec"]["trial"]["template"]["spec"]["activeDeadlineSeconds"] = own
    spec = SearchSpec.parse(body)
    late = {**FAILED, "spec": {"template": {"spec": {"activeDeadlineSeconds": pods}}}}
    killed = pod(ended(137), reason="DeadlineExceeded", phase="Failed")
    seen = view_attempt(spec.trial, read_workload(late), [read_pod(killed)], NOW)
    assert seen.ending is not None
    assert seen.ending.message == f"the attempt took longer than {said}"
    given = build_job(SearchIdentity("s", "u", "n"), spec, trial_record(TrialState.PENDING, 1).trial, "t",
                      service_account=None)["spec"]["template"]["spec"]["activeDeadlineSeconds"]  # fmt: skip
    assert given == min(own or 60, 60)


def test_last_words_of_a_crash_are_told() -> None:
    seen = view(FAILED, pod(ended(3, "Traceback\nValueError: no such data set\n")))
    assert seen.ending is not None
    assert "exited with code 3" in seen.ending.message
    assert "no such data set" in seen.ending.message


def test_disrupted_pods_are_shown_with_what_they_cost_and_the_attempt_goes_on() -> None:
    first = pod(ended(143), scheduled(-90), DISRUPTED, name="first", phase="Failed")
    second = pod(RUNS, scheduled(-1), name="second", created=-1)
    seen = view(job(), second, first)
    assert (seen.phase, seen.pod, seen.number) == (AttemptPhase.RUNNING, "second", 1)
    (disruption,) = seen.disruptions
    assert (disruption.pod, disruption.reason, disruption.message) == ("first", "PreemptionByScheduler", "preempted")
    assert (disruption.held_since, disruption.end_time) == (NOW + timedelta(seconds=-90), NOW + timedelta(seconds=-2))


def test_pods_that_a_queue_or_a_person_took_away_are_disruptions() -> None:
    suspended = view(job(suspended=True), pod(ended(143), scheduled(-90), deleted=True))
    assert [item.reason for item in suspended.disruptions] == ["JobSuspended"]
    remade = view(job(), pod(ended(143), scheduled(-90), owner="deleted", phase="Failed"))
    assert [item.reason for item in remade.disruptions] == ["JobDeleted"]
    assert remade.reason is QueuedReason.STARTING


def test_pods_that_do_not_tell_their_ends_are_counted_and_charged_once_however_many_there_are() -> None:
    """A node that evicts a pod for what it has written may not tell when its container had ended; each pod stays."""
    evicted: dict[str, Any] = {"terminated": {"exitCode": 137, "startedAt": None, "finishedAt": None}}
    pods = [
        pod(
            evicted,
            scheduled(10 * each - 1000),
            DISRUPTED | {"lastTransitionTime": time(10 * each - 995)},
            name=f"p-{each}",
            created=10 * each - 1001,
            phase="Failed",
        )
        for each in range(MAX_ATTEMPTS + 3)
    ]
    trial = Trial(0, {"a": 1}, ProposalRecord("random", None, (), 0))
    for seconds in range(5):
        seen = view_attempt(SPEC.trial, read_workload(job()), map(read_pod, pods), NOW + timedelta(seconds=seconds))
        trial = settle(SPEC, trial, seen)
        assert (trial.disruptions, trial.gpu_seconds) == (len(pods), 5 * len(pods))


def test_a_deleted_pods_end_stays_when_its_grace_period_is_over() -> None:
    lost = replace(read_pod(pod(RUNS, DISRUPTED, deleted=True)), gone=True, gone_at=NOW)
    ends = [
        view_attempt(SPEC.trial, read_workload(job()), [lost], NOW + timedelta(seconds=later)).disruptions[0].end_time
        for later in (0, 20, 40)
    ]
    assert ends == [NOW, NOW, NOW]


def test_a_program_that_could_not_be_executed_did_not_begin_in_1970() -> None:
    state = ended(128, "exec: no-such-program", reason="StartError")
    state["terminated"]["startedAt"] = "1970-01-01T00:00:00Z"
    seen = view(FAILED, pod(state, scheduled(-60), phase="Failed"))
    assert seen.ending is not None
    assert (seen.ending.reason, seen.start_time) == ("StartError", None)


def test_sidecar_that_outlives_a_crashed_trial_held_it_until_its_timeout() -> None:
    def crashed(seconds: float) -> dict[str, Any]:
        return {"terminated": {"exitCode": 1, "startedAt": time(-90), "finishedAt": time(-seconds)}}

    waiting = view(job(), pod(crashed(10), scheduled(-95)))
    assert (waiting.phase, waiting.deadline) == (AttemptPhase.RUNNING, NOW + timedelta(seconds=20))
    given_up = view(job(), pod(crashed(31), scheduled(-95)))
    assert (given_up.phase, given_up.must_stop) == (AttemptPhase.ENDED, True)
    assert given_up.ending is not None
    assert given_up.ending.reason == "NonZeroExitCode"


def test_what_a_deleted_pod_was_like_is_kept_until_its_trial_is_recorded() -> None:
    store = Store()
    store.put_trial(trial_record(TrialState.RUNNING, 1))
    running = read_pod(pod(RUNS, scheduled(-90), DISRUPTED))
    store.put_pod(running)
    store.drop_pod(replace(running, version=2, containers={}))
    kept = store.children("u").pods[0, 1]["p"]
    assert (kept.gone, kept.version) == (True, 2)
    store.drop_pod(running)
    assert store.children("u").pods[0, 1]["p"].gone
    store.put_trial(trial_record(TrialState.SUCCEEDED, 2))
    assert not store.children("u").pods


def trial_record(state: TrialState, version: int) -> TrialRecord:
    trial = Trial(0, {"a1": 1, "a2": 1, "a3": 1}, ProposalRecord("random", None, (), 0), state)
    return TrialRecord("n", "t", "t", version, "u", NOW, trial)


def test_job_keeps_the_template_and_adds_the_contract() -> None:
    pod_name = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}
    body = search("s", container={"env": [{"name": "LR", "value": "$(EVONAS_D_A1)"}, pod_name]})
    spec = SearchSpec.parse(body)
    trial = Trial(7, {"a1": 2, "a2": 3, "a3": 5}, ProposalRecord("random", None, (), 0))
    built = build_job(SearchIdentity("s", "u", "n"), spec, trial, "t", service_account="evonas-trial")
    template = built["spec"]["template"]["spec"]
    names = [variable["name"] for variable in template["containers"][0]["env"]]
    assert len(names) == len(set(names))
    assert names.index("EVONAS_D_A1") < names.index("LR")
    values = {variable["name"]: variable.get("value") for variable in template["containers"][0]["env"]}
    assert values["EVONAS_SEED"] == "10"
    assert template["restartPolicy"] == "Never"
    assert template["activeDeadlineSeconds"] == spec.trial.timeout_seconds
    assert "activeDeadlineSeconds" not in built["spec"]
    assert template["serviceAccountName"] == "evonas-trial"
    assert template["nodeSelector"] == {"type": "kwok"}
    assert "ttlSecondsAfterFinished" not in built["spec"]
    assert "restartPolicy" not in body["spec"]["trial"]["template"]["spec"]


def test_kubelet_gives_a_trial_the_variables_of_a_local_run_whatever_is_in_them() -> None:
    identity, spec = SearchIdentity("asking", "u", "n"), SearchSpec.parse(asking_search())
    # An API server sorts the names of a trial's decisions.
    trial = Trial(0, dict(sorted(DECISIONS.items())), ProposalRecord("random", None, (), 0))
    template = build_job(identity, spec, trial, "t", service_account=None)["spec"]["template"]
    seen: dict[str, str] = {}
    for variable in template["spec"]["containers"][0]["env"]:
        if "value" in variable:
            seen[variable["name"]] = expand(variable["value"], seen)
    assert {name: seen[name] for name in VARIABLES} == VARIABLES
    given = trial_environment(identity, spec, trial)
    local = LocalCommand(spec).environment(given)
    assert seen == {name: local[name] for name in seen}
    assert [name for name in given if not is_given(name)] == []


def test_older_version_never_replaces_a_newer_one_and_a_predecessors_deletion_is_ignored() -> None:
    store = Store()
    changes: list[str] = []
    store.subscribe(changes.append)
    store.put_workload(read_workload(job(("Failed", "x"), version=5)))
    store.put_workload(read_workload(job(version=4)))
    assert store.children("u").workloads[0, 1].failed
    store.drop_workload(read_workload(job(version=9, uid="predecessor")))
    assert (0, 1) in store.children("u").workloads
    assert changes == ["u"]
    store.drop_workload(read_workload(job(version=9)))
    assert not store.children("u").workloads


def test_job_that_outlives_its_recorded_result_is_due_after_the_pods_own_grace_period() -> None:
    body = search("s")
    body["spec"]["trial"]["template"]["spec"]["terminationGracePeriodSeconds"] = 60
    spec, store = SearchSpec.parse(body), Store()
    record = trial_record(TrialState.SUCCEEDED, 1)
    ended = replace(record.trial, completion_time=NOW, attempts=(EndedAttempt(1, "Completed"),))
    store.put_trial(replace(record, trial=ended))
    store.put_workload(read_workload(job()))
    due = NOW + timedelta(seconds=60)
    assert find_overdue(spec, store.children("u"), NOW) == ([], due)
    assert find_overdue(spec, store.children("u"), due)[0] == [read_workload(job())]
    store.put_workload(read_workload(job(("Complete", "x"), version=2)))
    assert find_overdue(spec, store.children("u"), due) == ([], None)
