"""What a trial cannot do, and what nobody else can do in a trial's name: on the real API server, with real tokens."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from evonas_trial.report import MAX_MESSAGE_BYTES
from harness.client import Cluster, Object
from harness.errors import CommandFailed
from harness.waiting import PATIENCE
from tests.chart.rendering import CHART, NAMESPACE, RELEASE
from tests.operator_process import USER

pytestmark = [pytest.mark.kwok, pytest.mark.timeout(300)]

REWARD, METRICS, PROGRESS, INFEASIBLE = (
    f"evonas.dev/{name}" for name in ("reward", "metrics", "progress", "infeasible")
)


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Cluster:
    """The chart, whose policies also trust the user under which these tests make trials' Jobs."""
    return installed_with(cluster)


def installed_with(cluster: Cluster, *values: str, admins: Sequence[str] = ()) -> Cluster:
    """Install the chart; whatever is refused to an admin then is refused by a policy, never for want of rights."""
    command = ["upgrade", "--install", "--reset-values", "--take-ownership", RELEASE, str(CHART)]
    settings = (f'admissionPolicies={{"trustedUsers":["{USER}"]}}', *values)
    words = [word for setting in settings for word in ("--set-json", setting)]
    cluster.helm(*command, "--namespace", NAMESPACE, *words)
    rights = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "anyone-is-admin"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "name": name} for name in (USER, "mallory", *admins)],
    }
    cluster.apply(yaml.safe_dump(rights))
    return cluster


class Refused(Exception):
    """The API server did not take a trial's patch."""


@dataclass(frozen=True)
class Trials:
    """Two trials of one namespace, as the Job controller makes their pods."""

    cluster: Cluster
    namespace: str
    mine: Object
    other: Object

    def token(self, pod: Object | None) -> str:
        """A token of the trials' account, bound to that pod as a kubelet's would be, or to none."""
        arguments = ["create", "token", "evonas-trial", "-n", self.namespace]
        if pod is not None:
            metadata = pod["metadata"]
            arguments += ["--bound-object-kind=Pod", f"--bound-object-name={metadata['name']}"]
            arguments += [f"--bound-object-uid={metadata['uid']}"]
        return self.cluster.kubectl(*arguments).strip()

    def patch(self, target: Object, patch: dict[str, Any], token: str | None = None, *, dry_run: bool = False) -> None:
        """Patch a pod as the helper in a trial does, with my own token or another; Refused where it may not be.

        kubectl would read the pod first, and a trial may not even do that.
        """
        url = f"{self.cluster.server}/api/v1/namespaces/{self.namespace}/pods/{target['metadata']['name']}"
        url += "?dryRun=All" if dry_run else ""
        headers = {"Authorization": f"Bearer {token or self.token(self.mine)}"}
        headers["Content-Type"] = "application/merge-patch+json"
        request = urllib.request.Request(url, json.dumps(patch).encode(), headers, method="PATCH")
        authority = ssl.create_default_context(cafile=str(self.cluster.instance.folder / "pki" / "ca.crt"))
        try:
            urllib.request.urlopen(request, context=authority, timeout=PATIENCE).close()
        except urllib.error.HTTPError as error:
            raise Refused(json.loads(error.read())["message"]) from error

    def annotate(self, annotations: Mapping[str, str | None], target: Object | None = None) -> None:
        """Set annotations of my own pod, or of another."""
        self.patch(target or self.mine, {"metadata": {"annotations": annotations}})

    def are_guarded(self) -> bool:
        """Say whether all policies are in force, which they are some time after they were made."""
        try:
            self.patch(self.other, {"metadata": {"annotations": {REWARD: "0"}}}, dry_run=True)
        except Refused as refusal:
            return "its own pod only" in str(refusal) and all(
                self._is_refused(body, words)
                for body, words in ((plain_pod(), "only the Job controller"), (job("forged"), "only the operator"))
            )
        return False

    def _is_refused(self, body: dict[str, Any], words: str) -> bool:
        command, user = ["create", "--dry-run=server", "-f", "-"], self.cluster.kubeconfig_for("mallory")
        try:
            self.cluster.kubectl(*command, "-n", self.namespace, input=yaml.safe_dump(body), user=user)
        except CommandFailed as refusal:
            return words in refusal.stderr
        return False

    def annotations(self) -> dict[str, str]:
        pod = self.cluster.get("pod", self.mine["metadata"]["name"], self.namespace)
        found: dict[str, str] = pod["metadata"]["annotations"]
        return found


def pod_spec(account: str = "evonas-trial") -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "serviceAccountName": account,
        "containers": [{"name": "trial", "image": "trial:test"}],
    }


def plain_pod(name: str = "mine", account: str = "evonas-trial") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod_spec(account)}


def job(name: str, account: str = "evonas-trial", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, **metadata},
        "spec": {"template": {"metadata": {"annotations": {"other": "kept"}}, "spec": pod_spec(account)}},
    }


@contextmanager
def two_trials(installed: Cluster) -> Iterator[Trials]:
    with installed.namespace() as namespace:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "evonas-trial"}}
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "evonas-trial"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "evonas-trial"},
            "subjects": [{"kind": "ServiceAccount", "name": "evonas-trial", "namespace": namespace}],
        }
        installed.apply(yaml.safe_dump_all([account, binding]), namespace)
        jobs = yaml.safe_dump_all([job("mine"), job("other")])
        installed.kubectl("create", "-n", namespace, "-f", "-", input=jobs, user=installed.kubeconfig_for(USER))

        def pods() -> list[Object]:
            found = [installed.list("pods", namespace, f"job-name={name}") for name in ("mine", "other")]
            return [pod for pods in found for pod in pods]

        mine, other = installed.wait_for("both pods", lambda: found if len(found := pods()) == 2 else [])
        found = Trials(installed, namespace, mine, other)
        installed.wait_for("the policies to be in force", found.are_guarded)
        yield found


@pytest.fixture
def trials(installed: Cluster) -> Iterator[Trials]:
    """Trials that have reported nothing yet."""
    with two_trials(installed) as found:
        yield found


@pytest.fixture(scope="module")
def shared(installed: Cluster) -> Iterator[Trials]:
    """Trials for tests that change nothing of them: whatever these try is refused."""
    with two_trials(installed) as found:
        yield found


def test_a_trial_may_report(trials: Trials) -> None:
    trials.annotate({PROGRESS: '{"step": 1, "of": 2}'})
    trials.annotate({PROGRESS: '{"step": 2, "of": 2}'})
    trials.annotate({REWARD: "0.9", METRICS: "x" * MAX_MESSAGE_BYTES})
    # A retry of the same report, after an answer that was lost.
    trials.annotate({REWARD: "0.9", METRICS: "x" * MAX_MESSAGE_BYTES})
    assert trials.annotations()[REWARD] == "0.9"
    assert trials.annotations()["other"] == "kept"


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"annotations": {"other": "changed"}}, "these annotations only"),
        ({"annotations": {"other": None}}, "these annotations only"),
        ({"annotations": {"new": "value"}}, "these annotations only"),
        ({"annotations": {"evonas.dev/anything": "value"}}, "these annotations only"),
        ({"annotations": {REWARD: "0.9", "new": "value"}}, "these annotations only"),
        ({"labels": {"job-name": "other"}}, "annotations of its pod only"),
        ({"labels": {"new": "value"}}, "annotations of its pod only"),
        ({"finalizers": ["example.com/stay"]}, "annotations of its pod only"),
        ({"ownerReferences": None}, "annotations of its pod only"),
        ({"annotations": {REWARD: "1" * 4097}}, "at most 4096"),
        # More than the API server itself lets all annotations of an object hold.
        ({"annotations": {METRICS: "1" * 2**20}}, "(at most 4096|Too long)"),
    ],
    ids=[
        "another key",
        "another key's removal",
        "a new key",
        "an unknown key of ours",
        "one key too many",
        "a label of the Job's",
        "a new label",
        "a finalizer",
        "its owner",
        "4097 characters",
        "a megabyte",
    ],
)
def test_a_trial_may_not(shared: Trials, patch: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        shared.patch(shared.mine, {"metadata": patch})


def test_a_trial_may_not_change_its_pods_specification(shared: Trials) -> None:
    # One of the few things that Kubernetes itself would let it change.
    with pytest.raises(Refused, match="annotations of its pod only"):
        shared.patch(shared.mine, {"spec": {"activeDeadlineSeconds": 86400}})


def test_a_trial_may_not_touch_another_pod(shared: Trials) -> None:
    with pytest.raises(Refused, match="its own pod only"):
        shared.annotate({REWARD: "0"}, shared.other)


def test_a_token_that_is_bound_to_no_pod_is_worth_nothing(shared: Trials) -> None:
    report = {"metadata": {"annotations": {REWARD: "1"}}}
    with pytest.raises(Refused, match="its own pod only"):
        shared.patch(shared.mine, report, shared.token(None))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({REWARD: "0.5"}, {REWARD: "0.9"}),
        ({REWARD: "0.5"}, {REWARD: None}),
        ({REWARD: "0.5"}, {METRICS: '{"accuracy": 0.9}'}),
        ({REWARD: "0.5"}, {INFEASIBLE: "changed my mind"}),
        ({INFEASIBLE: "diverged"}, {REWARD: "0.9"}),
        ({INFEASIBLE: "diverged"}, {INFEASIBLE: None}),
    ],
)
def test_a_result_is_final(trials: Trials, first: dict[str, str | None], second: dict[str, str | None]) -> None:
    trials.annotate(first)
    with pytest.raises(Refused, match="final once it is reported"):
        trials.annotate(second)


@pytest.mark.parametrize(
    "arguments",
    [
        ("get", "pods"),
        ("get", "secrets"),
        ("get", "architecturesearches.evonas.dev"),
        ("get", "architecturetrials.evonas.dev"),
        ("delete", "pods"),
        ("create", "pods"),
        ("create", "jobs.batch"),
        ("create", "pods", "--subresource=exec"),
        ("patch", "pods", "--subresource=status"),
        ("patch", "jobs.batch"),
        ("patch", "architecturetrials.evonas.dev", "--subresource=status"),
        ("create", "serviceaccounts", "--subresource=token"),
    ],
    ids=" ".join,
)
def test_a_trial_has_no_other_right(shared: Trials, arguments: tuple[str, ...]) -> None:
    user = f"--as=system:serviceaccount:{shared.namespace}:evonas-trial"
    with pytest.raises(CommandFailed, match="ended with 1: no"):
        shared.cluster.kubectl("auth", "can-i", *arguments, "-n", shared.namespace, user)


def create(shared: Trials, body: dict[str, Any], user: str = "mallory") -> str:
    text = yaml.safe_dump(body)
    return shared.cluster.kubectl(
        "create", "-n", shared.namespace, "-f", "-", input=text, user=shared.cluster.kubeconfig_for(user)
    )


def owner(body: Object) -> dict[str, Any]:
    return {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "name": body["metadata"]["name"],
        "uid": body["metadata"]["uid"],
        "controller": True,
    }


def test_nobody_else_runs_a_pod_under_the_trials_account(shared: Trials) -> None:
    with pytest.raises(CommandFailed, match="only the Job controller"):
        create(shared, plain_pod())
    with pytest.raises(CommandFailed, match="only the operator"):
        create(shared, job("forged"))


def test_a_forged_owner_does_not_make_a_trial(shared: Trials) -> None:
    found = shared.cluster.get("job", "mine", shared.namespace)
    metadata = {"name": "forged", "labels": {"evonas.dev/search-uid": "1"}, "ownerReferences": [owner(found)]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec("default")}
    with pytest.raises(CommandFailed, match="only the Job controller"):
        create(shared, pod)
    with pytest.raises(CommandFailed, match="only the operator"):
        create(shared, job("forged", "default", labels={"evonas.dev/search-uid": "1"}, ownerReferences=[owner(found)]))


def test_a_pod_cannot_become_a_trials_later(shared: Trials) -> None:
    create(shared, plain_pod("plain", "default"))
    command = ["label", "pod", "plain", "-n", shared.namespace, "evonas.dev/search-uid=1"]
    with pytest.raises(CommandFailed, match="only the Job controller"):
        shared.cluster.kubectl(*command, user=shared.cluster.kubeconfig_for("mallory"))


@pytest.mark.parametrize("place", ["/metadata", "/spec/template/metadata"], ids=["its own label", "that of its pods"])
def test_a_job_cannot_become_a_trials_later(shared: Trials, place: str) -> None:
    """Kubernetes lets the labels of a suspended Job's pods change: the Job controller would then make them."""
    body = job(f"plain-{len(place)}", "default", labels={"mine": "1"})
    body["spec"]["suspend"] = True
    body["spec"]["template"]["metadata"]["labels"] = {"mine": "1"}
    create(shared, body)
    patch = json.dumps([{"op": "add", "path": f"{place}/labels/evonas.dev~1search-uid", "value": "1"}])
    command = ["patch", "job", body["metadata"]["name"], "-n", shared.namespace, "--type=json", "-p", patch]
    with pytest.raises(CommandFailed, match="only the operator"):
        shared.cluster.kubectl(*command, user=shared.cluster.kubeconfig_for("mallory"))


def test_other_controllers_cannot_use_the_account(shared: Trials) -> None:
    """A ReplicaSet of the trials' account stays without pods, and says why."""
    labels = {"app": "miner"}
    template = {"metadata": {"labels": labels}, "spec": {**pod_spec(), "restartPolicy": "Always"}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "miner"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    create(shared, body)

    def refused() -> bool:
        events = shared.cluster.list("events", shared.namespace, fields="reason=FailedCreate")
        return any("only the Job controller" in event["message"] for event in events)

    assert shared.cluster.wait_for("the refusal", refused)
    assert shared.cluster.list("pods", shared.namespace, "app=miner") == []


def test_everybody_else_goes_on_as_before(trials: Trials) -> None:
    """People may work with a trial's pod as their rights allow, and make Jobs and pods of other accounts."""
    user = trials.cluster.kubeconfig_for("mallory")
    name = trials.mine["metadata"]["name"]
    trials.cluster.kubectl("annotate", "pod", name, "-n", trials.namespace, "note=seen", user=user)
    create(trials, job("ordinary", "default"))
    trials.cluster.kubectl("delete", "pod", name, "-n", trials.namespace, "--wait=false", user=user)
