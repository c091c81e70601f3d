"""Searches submitted from Python, on a real control plane, with the rights that the documentation names."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import pytest
import yaml

from evonas.errors import EvonasError
from evonas.python.cluster import submit, wait
from evonas.python.mounted import MountedFiles, mounted_script, template_of
from evonas.sources.options import ClusterOptions
from harness.client import Cluster
from harness.waiting import PATIENCE
from tests.integration.relay import Relay
from tests.integration.rights import may, wait_for_right
from tests.integration.searches import HELD, condition, let_go, running, wait_until
from tests.operator_process import OperatorProcess, search
from tests.unit.docs.markdown import ROOT, Page

pytestmark = pytest.mark.kwok
SCRIPT = "print('a trial')\n"
SUBMITTER = "submitter"


@pytest.fixture
def options(cluster: Cluster, namespace: str) -> ClusterOptions:
    """Of somebody who has the rights that the page names, and no others."""
    (role,) = (block for block in Page(ROOT / "docs" / "security.md").fences("yaml") if "name: evonas-submit" in block)
    rights = yaml.safe_load(role)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "submit"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": rights["metadata"]["name"]},
        "subjects": [{"kind": "User", "name": SUBMITTER}],
    }
    cluster.apply(yaml.safe_dump_all([rights, binding]), namespace)
    wait_for_right(cluster, namespace, SUBMITTER, "create", "nas", "configmaps")
    return ClusterOptions(cluster.kubeconfig_for(SUBMITTER), namespace=namespace)


def manifest(name: str, files: MountedFiles | None = None, **spec: Any) -> dict[str, Any]:
    """Return a search for kwok's node with a template of ours."""
    body = search(name, **{"budget": {"maxTrials": 4, "parallelTrials": 2}, **spec})
    pod = body["spec"]["trial"]["template"]["spec"]
    made = template_of("train:1", command=() if files else ("train",), gpus=1, memory="1Gi", files=files)
    body["spec"]["trial"]["template"]["spec"] = {**pod, **made["spec"]}
    return body


@dataclass(frozen=True)
class Kept:
    """An object as it is now."""

    name: str
    uid: str
    version: str
    owner: str


def objects(cluster: Cluster, namespace: str, name: str) -> list[Kept]:
    """Return a search and its files."""
    found = [cluster.get("nas", name, namespace), *cluster.list("configmaps", namespace, f"evonas.dev/search={name}")]
    return [
        Kept(
            body["metadata"]["name"],
            body["metadata"]["uid"],
            body["metadata"]["resourceVersion"],
            "".join(owner["uid"] for owner in body["metadata"].get("ownerReferences", ())),
        )
        for body in found
    ]


def bare(role: dict[str, Any]) -> dict[str, Any]:
    """Return an object as one would apply it."""
    return {**role, "metadata": {"name": role["metadata"]["name"]}}


async def test_a_command_is_submitted_and_waited_for(
    cluster: Cluster, namespace: str, operator: OperatorProcess, options: ClusterOptions
) -> None:
    # In a thread whose event loop runs already, as in a notebook.
    submit(manifest("command"), None, options)
    seen: list[int] = []
    ended = wait("command", options, timeout=300, seen=lambda body: seen.append(body["metadata"]["generation"]))
    assert condition(ended, "Complete")["status"] == "True"
    assert ended["status"]["trials"]["succeeded"] == 4
    assert set(seen) == {1}
    # Over once more: it waits for what has been added.
    submit(manifest("command", budget={"maxTrials": 6, "parallelTrials": 2}), None, options)
    assert wait("command", options, timeout=300)["status"]["trials"]["succeeded"] == 6


def test_a_function_is_mounted_from_what_the_search_owns(
    cluster: Cluster, namespace: str, operator: OperatorProcess, options: ClusterOptions
) -> None:
    files = mounted_script("function", SCRIPT)
    submit(manifest("function", files), files, options)
    wait("function", options, timeout=300)
    kept = cluster.get("configmaps", files.name, namespace)
    assert (kept["immutable"], kept["data"]) == (True, files.data)
    for pod in cluster.list("pods", namespace):
        (volume,) = (each for each in pod["spec"]["volumes"] if each["name"] == "evonas-files")
        assert volume["configMap"]["name"] == files.name
        assert [item["path"] for item in volume["configMap"]["items"]] == [*files.contents]
    (ended, mounted) = objects(cluster, namespace, "function")
    assert mounted.owner == ended.uid


def test_submitted_again_it_is_the_same(cluster: Cluster, namespace: str, options: ClusterOptions) -> None:
    files = mounted_script("same", SCRIPT)
    submit(manifest("same", files), files, options)
    before = [*objects(cluster, namespace, "same")]
    submit(manifest("same", files), files, options)
    assert [*objects(cluster, namespace, "same")] == before
    assert len(before) == 2


def test_of_another_function_later_trials_have_another_config_map(
    cluster: Cluster, namespace: str, options: ClusterOptions
) -> None:
    first, second = (mounted_script("changed", script) for script in (SCRIPT, "print('another')\n"))
    submit(manifest("changed", first), first, options)
    before = cluster.get("nas", "changed", namespace)
    submit(manifest("changed", second), second, options)
    after = cluster.get("nas", "changed", namespace)
    assert (after["metadata"]["uid"], after["metadata"]["generation"]) == (before["metadata"]["uid"], 2)
    volumes = after["spec"]["trial"]["template"]["spec"]["volumes"]
    assert [volume["configMap"]["name"] for volume in volumes] == [second.name]
    # Trials of the one before may still run.
    assert {kept.name for kept in objects(cluster, namespace, "changed")} == {"changed", first.name, second.name}


def test_whoever_fails_between_the_two_writes_submits_again(
    cluster: Cluster, namespace: str, options: ClusterOptions
) -> None:
    files = mounted_script("halfway", SCRIPT)
    role = cluster.get("roles", "evonas-submit", namespace)
    cluster.apply(yaml.safe_dump(half := {**bare(role), "rules": role["rules"][:1]}), namespace)
    cluster.wait_for("less rights", lambda: not may(cluster, namespace, SUBMITTER, "create", "configmaps"))
    with pytest.raises(EvonasError) as refused:
        submit(manifest("halfway", files), files, options)
    assert str(refused.value).startswith(f"submit: {namespace}/halfway: the cluster at https://")
    assert 'refuses it: configmaps is forbidden: User "submitter" cannot create' in str(refused.value)
    assert [kept.name for kept in objects(cluster, namespace, "halfway")] == ["halfway"]
    cluster.apply(yaml.safe_dump({**half, "rules": role["rules"]}), namespace)
    wait_for_right(cluster, namespace, SUBMITTER, "create", "configmaps")
    submit(manifest("halfway", files), files, options)
    assert [kept.name for kept in objects(cluster, namespace, "halfway")] == ["halfway", files.name]


def test_files_of_a_deleted_search_of_the_name_are_taken_over(
    cluster: Cluster, namespace: str, options: ClusterOptions
) -> None:
    files = mounted_script("again", SCRIPT)
    submit(manifest("again", files), files, options)
    # So that they stay, as they do until the garbage collector comes.
    cluster.kubectl("delete", "nas", "again", "-n", namespace, "--cascade=orphan")
    submit(manifest("again", files), files, options)
    (search, kept) = objects(cluster, namespace, "again")
    assert (kept.name, kept.owner) == (files.name, search.uid)


def test_foreign_config_map_of_the_name_is_left_alone(
    cluster: Cluster, namespace: str, options: ClusterOptions
) -> None:
    files = mounted_script("foreign", SCRIPT)
    cluster.kubectl("create", "configmap", files.name, "--from-literal=a=b", "-n", namespace)
    with pytest.raises(EvonasError, match=f"ConfigMap {namespace}/{files.name} holds something else; delete it"):
        submit(manifest("foreign", files), files, options)
    assert cluster.get("configmaps", files.name, namespace)["data"] == {"a": "b"}


def test_what_may_change_changes_and_all_else_is_refused_in_one_line(
    cluster: Cluster, namespace: str, options: ClusterOptions
) -> None:
    submit(manifest("budget"), None, options)
    # What others have set on it stays.
    extra = {"suspend": True, "warmStart": {"candidates": [{"a1": 1, "a2": 2, "a3": 3}]}}
    cluster.rest.merge("nas", "budget", namespace, {"spec": extra})
    submit(manifest("budget", budget={"maxTrials": 9, "parallelTrials": 3}, trial={"retries": 5}), None, options)
    spec = cluster.get("nas", "budget", namespace)["spec"]
    assert (spec["budget"]["maxTrials"], spec["budget"]["parallelTrials"], spec["trial"]["retries"]) == (9, 3, 5)
    assert {field: spec[field] for field in extra} == extra
    for refused, reason in (
        ({"searchSpace": [{"name": "a1", "values": [1, 2]}]}, "is immutable; create another search to change it"),
        ({"agent": {"type": "Random"}}, "is immutable; create another search to change it"),
        ({"budget": {"maxTrials": 3, "parallelTrials": 1}}, "may only grow"),
    ):
        with pytest.raises(EvonasError) as error:
            submit(manifest("budget", **refused), None, options)
        said = str(error.value)
        assert said.startswith(f"submit: {namespace}/budget exists and cannot become this one; name it differently, or")
        assert reason in said
        assert "\n" not in said
    assert cluster.get("nas", "budget", namespace)["spec"] == spec


def test_what_the_cluster_refuses_or_lacks_is_said_in_one_line(
    cluster: Cluster, namespace: str, options: ClusterOptions
) -> None:
    with pytest.raises(EvonasError, match=r"refuses it: .* metadata\.name must be no more than 40 characters"):
        submit(manifest("x" * 41), None, options)
    nobody = ClusterOptions(cluster.kubeconfig_for("nobody"), namespace=namespace)
    with pytest.raises(EvonasError, match=r'refuses it: .* User "nobody" cannot create resource'):
        submit(manifest("refused"), None, nobody)
    nowhere = ClusterOptions(cluster.kubeconfig, namespace="evonas-nowhere")
    with pytest.raises(EvonasError, match='refuses it: namespaces "evonas-nowhere" not found'):
        submit(manifest("refused"), None, nowhere)
    with pytest.raises(EvonasError, match=f"wait: {namespace}/nothing does not exist in the cluster at https://"):
        wait("nothing", options)


def test_waiting_outlives_its_connections(
    cluster: Cluster, namespace: str, operator: OperatorProcess, options: ClusterOptions
) -> None:
    body = manifest("waited")
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": HELD}
    submit(body, None, options)
    with Relay(cluster.server) as relay, ThreadPoolExecutor(1) as pool:
        connected, again = Event(), Event()

        def seen(search: object) -> None:
            (again if broken.is_set() else connected).set()

        broken = Event()
        assert options.kubeconfig is not None
        relayed = replace(options, kubeconfig=relay.kubeconfig(options.kubeconfig))
        waiting = pool.submit(wait, "waited", relayed, timeout=PATIENCE, seen=seen)
        assert connected.wait(PATIENCE)
        broken.set()
        relay.break_off()
        assert again.wait(PATIENCE)
        wait_until(cluster, namespace, "waited", "Complete", meanwhile=lambda: let_go(cluster, namespace))
        assert waiting.result()["status"]["trials"]["succeeded"] == 4


class TestWaitingInVain:
    def test_for_an_operator(self, cluster: Cluster, namespace: str, options: ClusterOptions) -> None:
        submit(manifest("untouched"), None, options)
        with pytest.raises(TimeoutError, match=r"after 0\.5 s, no operator has taken up .*/untouched; `evonas doctor`"):
            wait("untouched", options, timeout=0.5)

    def test_for_trials(
        self, cluster: Cluster, namespace: str, operator: OperatorProcess, options: ClusterOptions
    ) -> None:
        body = manifest("held")
        body["spec"]["trial"]["template"]["metadata"] = {"annotations": HELD}
        submit(body, None, options)
        cluster.wait_for("a pod", lambda: running(cluster, namespace))
        cluster.wait_for(
            "its trials to be counted",
            lambda: cluster.get("nas", "held", namespace).get("status", {}).get("trials", {}).get("running"),
        )

        def told() -> bool:
            with pytest.raises(TimeoutError) as over:
                wait("held", options, timeout=0.5)
            # Within so little, a busy machine may not have read the search.
            return bool(
                re.search(r"after 0\.5 s, .*/held is Running: 0 of 4 trials have ended; wait again", str(over.value))
            )

        cluster.wait_for("what is waited for to be told", told)
        # The next time it goes on.
        wait_until(cluster, namespace, "held", "Complete", meanwhile=lambda: let_go(cluster, namespace))
        assert wait("held", options, timeout=300)["status"]["trials"]["succeeded"] == 4

    def test_for_a_search_that_the_operator_refuses(
        self, cluster: Cluster, namespace: str, operator: OperatorProcess, options: ClusterOptions
    ) -> None:
        submit(manifest("unknown", agent={"type": "Unheard"}), None, options)
        with pytest.raises(EvonasError, match=r"wait: .*/unknown is not accepted: .*Unheard"):
            wait("unknown", options, timeout=300)

    def test_for_a_search_that_is_deleted(self, cluster: Cluster, namespace: str, options: ClusterOptions) -> None:
        submit(manifest("deleted"), None, options)

        def delete(search: object) -> None:
            cluster.kubectl("delete", "nas", "deleted", "-n", namespace)

        with pytest.raises(EvonasError, match=f"wait: {namespace}/deleted was deleted"):
            wait("deleted", options, timeout=300, seen=delete)
