"""The CRDs against the corpus, on a real API server: it takes, defaults and refuses what the local parser does.

What is good, and what is changed, is applied with kubectl, as users do; the hundreds of bad manifests are created by
requests like kubectl's, each of which is a hundredth of the work. Both are dry runs where nothing needs to stay.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonpatch
import pytest

from evonas.bridges.katib.experiment import convert
from evonas.manifest import load_search, read_objects
from evonas.schema import check_and_default
from evonas.spec import SearchSpec
from harness.client import Cluster
from harness.errors import CommandFailed
from tests.corpus import BAD, FOLDER, GOOD, Bad, Manifest, good

pytestmark = pytest.mark.control_plane

REFUSED = [entry for entry in BAD if "server" in entry.refused_by]
IMPORTED = sorted(path for path in (FOLDER / "katib").glob("*.yaml") if not path.stem.startswith("refused"))
TAKEN = [entry for entry in BAD if "server" not in entry.refused_by]

Answers = dict[str, str]
"""By name of a manifest: the object that it would become, or why it is refused."""


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    with cluster.namespace("corpus") as name:
        yield name


@pytest.fixture(scope="module")
def try_all(cluster: Cluster, namespace: str) -> Callable[[dict[str, str]], Answers]:
    """Try to apply many texts at once, each for itself, and leave nothing behind."""

    def answer(text: str) -> str:
        try:
            return cluster.kubectl(
                "apply", "--dry-run=server", f"--namespace={namespace}", "-o", "json", "-f", "-", input=text
            )
        except CommandFailed as refusal:
            return refusal.stderr

    def try_all(texts: dict[str, str]) -> Answers:
        with ThreadPoolExecutor(8) as pool:
            return dict(zip(texts, pool.map(answer, texts.values()), strict=True))

    return try_all


@pytest.fixture(scope="module")
def create_all(cluster: Cluster, namespace: str) -> Callable[[dict[str, Manifest]], Answers]:
    """Try to create many objects, each for itself, and leave nothing behind."""
    path = cluster.rest.kind("nas").path(namespace) + "?dryRun=All&fieldValidation=Strict"

    def answer(manifest: Manifest) -> str:
        try:
            return json.dumps(cluster.rest.ask("POST", path, json.dumps(manifest)))
        except CommandFailed as refusal:
            return refusal.stderr

    return lambda manifests: {name: answer(manifest) for name, manifest in manifests.items()}


@pytest.fixture(scope="module")
def on_good(try_all: Callable[[dict[str, str]], Answers]) -> Answers:
    return try_all({path.stem: path.read_text(encoding="utf-8") for path in GOOD})


@pytest.fixture(scope="module")
def on_imported(namespace: str, create_all: Callable[[dict[str, Manifest]], Answers]) -> Answers:
    manifests = {path.stem: convert(read_objects(path)[0]).manifest for path in IMPORTED}
    for manifest in manifests.values():
        manifest["metadata"]["namespace"] = namespace
    return create_all(manifests)


@pytest.fixture(scope="module")
def on_bad(
    create_all: Callable[[dict[str, Manifest]], Answers], try_all: Callable[[dict[str, str]], Answers]
) -> Answers:
    of_spec = {entry.name: entry.manifest() for entry in BAD if entry.field.startswith("spec")}
    # What an object needs to be one at all is kubectl's own business.
    others = {entry.name: json.dumps(entry.manifest()) for entry in BAD if entry.name not in of_spec}
    return create_all(of_spec) | try_all(others)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_manifest_is_taken_with_the_defaults_of_the_local_run(path: Path, on_good: Answers) -> None:
    assert on_good[path.stem].startswith("{"), on_good[path.stem]
    read_back = json.loads(on_good[path.stem])
    local = load_search(path)
    defaulted, problems = check_and_default(local)
    assert problems == []
    if not {"objective", "objectives"} & read_back["spec"].keys():
        # The CRD cannot say that one of the two is there.
        read_back["spec"]["objective"] = {"goal": "Maximize"}
    assert read_back["spec"] == defaulted["spec"]
    assert SearchSpec.parse(read_back) == SearchSpec.parse(local)


@pytest.mark.parametrize("path", IMPORTED, ids=lambda path: path.stem)
def test_search_from_katib_is_taken(path: Path, on_imported: Answers) -> None:
    assert on_imported[path.stem].startswith("{"), on_imported[path.stem]
    imported = convert(read_objects(path)[0]).manifest
    assert SearchSpec.parse(json.loads(on_imported[path.stem])) == SearchSpec.parse(imported)


@pytest.mark.parametrize("entry", REFUSED, ids=str)
def test_bad_manifest_is_refused_with_the_name_of_its_field(entry: Bad, on_bad: Answers) -> None:
    answer = on_bad[entry.name]
    assert not answer.startswith("{")
    assert (entry.server_field or entry.field) in answer


@pytest.mark.parametrize("entry", TAKEN, ids=str)
def test_what_only_the_operator_can_refuse_is_taken_by_the_server(entry: Bad, on_bad: Answers) -> None:
    assert on_bad[entry.name].startswith("{"), on_bad[entry.name]


def add(path: str, value: Any) -> dict[str, Any]:
    """A JSON patch's operation that adds a member, or replaces it where there is one."""
    return {"op": "add", "path": path, "value": value}


UPDATES = {
    "another value": (add("/spec/searchSpace/0/values/3", 5), "spec.searchSpace: Invalid value: is immutable"),
    "values in another order": (add("/spec/searchSpace/0/values", [4, 3, 2]), "spec.searchSpace"),
    "another decision": (add("/spec/searchSpace/3", {"name": "more", "values": [1]}), "spec.searchSpace"),
    "one decision less": ({"op": "remove", "path": "/spec/searchSpace/2"}, "spec.searchSpace"),
    "decisions in another order": (
        {"op": "move", "from": "/spec/searchSpace/1", "path": "/spec/searchSpace/0"},
        "spec.searchSpace",
    ),
    "another range": (add("/spec/searchSpace/1/range/steps", 5), "spec.searchSpace"),
    "no condition any more": ({"op": "remove", "path": "/spec/searchSpace/2/when"}, "spec.searchSpace"),
    "a metric": (add("/spec/objective", {"metric": "loss"}), "objective can be neither added nor removed"),
    "the other goal": (add("/spec/objective", {"goal": "Minimize"}), "objective can be neither added nor removed"),
    "a target": (add("/spec/objective", {"target": 1}), "objective can be neither added nor removed"),
    "a constraint": (
        add("/spec/objective", {"constraints": [{"metric": "m", "max": 1}]}),
        "objective can be neither added nor removed",
    ),
    "several objectives": (
        add("/spec/objectives", [{"metric": "accuracy"}, {"metric": "latency_ms"}]),
        "objectives can be neither added nor removed",
    ),
    "another agent": (add("/spec/agent", {"type": "Random"}), "spec.agent: Invalid value: is immutable"),
    "another seed": (add("/spec/agent", {"seed": 1}), "spec.agent"),
    "another setting of another package's agent": (add("/spec/agent", {"settings": {"fast": True}}), "spec.agent"),
    "another population": (add("/spec/agent", {"evolution": {"population": 10}}), "spec.agent"),
    "rungs": (add("/spec/fidelity", {"rungs": {"min": 1, "max": 9}}), "fidelity can be neither added nor removed"),
    "knowledge": (add("/spec/knowledge", {"searches": ["other"]}), "knowledge can be neither added nor removed"),
    "fewer trials": (add("/spec/budget/maxTrials", 9), "spec.budget.maxTrials: Invalid value: may only grow"),
    "more parallel trials than trials": (add("/spec/budget/parallelTrials", 11), "spec.budget.parallelTrials"),
    "more trials": (add("/spec/budget/maxTrials", 11), ""),
    "more parallel trials": (add("/spec/budget/parallelTrials", 10), ""),
    "suspend": (add("/spec/suspend", True), ""),
    "a limit of GPU hours": (add("/spec/budget/maxGPUHours", 1.5), ""),
    "shares of GPUs": (add("/spec/budget/devicesPerGPU", {"nvidia.com/gpu.shared": 4}), ""),
    "another image": (add("/spec/trial/template/spec/containers/0/image", "example/trial:2"), ""),
    "several pods a trial": (
        add("/spec/trial", good("indexed-job.yaml")["spec"]["trial"]),
        "spec.trial.workload: Invalid value: its kind is immutable",
    ),
    "more retries": (add("/spec/trial/retries", 3), ""),
    "a default written out": (add("/spec/objective", {"goal": "Maximize"}), ""),
    "an agent of defaults only, written out": (add("/spec/agent", {}), ""),
}
"""By what is changed in minimal.yaml: how, and what the refusal says; nothing where the change is allowed."""


@pytest.fixture(scope="module")
def on_update(cluster: Cluster, namespace: str, try_all: Callable[[dict[str, str]], Answers]) -> Answers:
    minimal = good("minimal.yaml")
    cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(minimal))
    return try_all({name: json.dumps(jsonpatch.apply_patch(minimal, [op])) for name, (op, _) in UPDATES.items()})


@pytest.mark.parametrize("name", UPDATES)
def test_update_is_taken_or_refused(name: str, on_update: Answers) -> None:
    says = UPDATES[name][1]
    if says:
        assert not on_update[name].startswith("{")
        assert says in on_update[name]
    else:
        assert on_update[name].startswith("{"), on_update[name]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"objective": {"metric": "loss"}}, r"spec\.objective: Invalid value: is immutable"),
        ({"objective": {"metric": "accuracy", "target": 1}}, r"spec\.objective: Invalid value: is immutable"),
        ({"objective": None}, "objective can be neither added nor removed"),
        (
            {"objective": None, "objectives": [{"metric": "accuracy"}, {"metric": "latency_ms"}]},
            "objectives can be neither added nor removed",
        ),
    ],
)
def test_objective_that_is_given_is_immutable(
    cluster: Cluster, namespace: str, changed: dict[str, Any], says: str
) -> None:
    manifest = renamed("measured")
    manifest["spec"]["objective"] = {"metric": "accuracy"}
    cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))
    manifest["spec"] |= changed
    with pytest.raises(CommandFailed, match=says):
        cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))


@pytest.mark.parametrize("name", ["two-objectives", "objectives"])
def test_several_objectives_are_immutable(cluster: Cluster, namespace: str, name: str) -> None:
    manifest = good(f"{name}.yaml")
    cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))
    cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))
    others = manifest["spec"]["objectives"]
    # The first one is the reward.
    for changed in ([*reversed(others)], [others[0], {**others[1], "reference": 21}, *others[2:]]):
        manifest["spec"]["objectives"] = changed
        with pytest.raises(CommandFailed, match=r"spec\.objectives: Invalid value: is immutable"):
            cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))
    manifest["spec"] = {**manifest["spec"], "objective": {"metric": "accuracy"}}
    del manifest["spec"]["objectives"]
    with pytest.raises(CommandFailed, match="objectives can be neither added nor removed"):
        cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))


def test_settings_without_a_schema_are_immutable_too(cluster: Cluster, namespace: str) -> None:
    manifest = renamed("foreign")
    manifest["spec"]["agent"] = {"type": "Foreign", "settings": {"deep": {"fast": True}}}
    cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))
    manifest["spec"]["agent"]["settings"]["deep"]["fast"] = False
    with pytest.raises(CommandFailed, match=r"spec\.agent: Invalid value: is immutable"):
        cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))


def test_the_kind_of_a_workload_is_immutable_and_its_spec_is_not(cluster: Cluster, namespace: str) -> None:
    manifest = good("jobset.yaml")
    cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))
    manifest["spec"]["trial"]["workload"]["spec"]["failurePolicy"]["maxRestarts"] = 3
    cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))
    manifest["spec"]["trial"]["workload"] = good("indexed-job.yaml")["spec"]["trial"]["workload"]
    with pytest.raises(CommandFailed, match=r"spec\.trial\.workload: Invalid value: its kind is immutable"):
        cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))


def test_what_the_agent_learns_from_is_immutable(cluster: Cluster, namespace: str) -> None:
    manifest = renamed("learned")
    manifest["spec"]["knowledge"] = {"searches": ["other"]}
    cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))
    manifest["spec"]["knowledge"] = {"searches": ["another"]}
    with pytest.raises(CommandFailed, match=r"spec\.knowledge: Invalid value: is immutable"):
        cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(manifest))


def test_scale_changes_parallel_trials_within_the_bounds(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("apply", f"--namespace={namespace}", "-f", "-", input=json.dumps(renamed("scaled")))
    cluster.kubectl("scale", "nas/scaled", "--replicas=4", f"--namespace={namespace}")
    assert cluster.get("nas", "scaled", namespace)["spec"]["budget"]["parallelTrials"] == 4
    with pytest.raises(CommandFailed, match=r"spec\.budget\.parallelTrials.*must be no more than maxTrials"):
        cluster.kubectl("scale", "nas/scaled", "--replicas=11", f"--namespace={namespace}")


def renamed(name: str) -> Manifest:
    return {**good("minimal.yaml"), "metadata": {"name": name}}


# Plain words that YAML readers disagree about: booleans, bases, dates, exponents, sexagesimal numbers.
WORDS = """
    y n Y N yes No ON off oN True FALSE null ~ nULL 012 0777 00 0o14 -0o7 0x1F 0X1F -0x1F 0x1p3 0x_ 0b11 0b2
    1_000 1_000.5 0_1 _1 1:30 12:30:45 1:30.5 .5 -.5 +.5 1. 1.0 1e3 1e-3 -1e-3 1E5 1.5e3 1.e3 .5e3 1.0e+3 e3 1e 1e+
    2001-01-01 2001-01-01T00:00:00Z -0 +1 +1.5 09 08.5 0.1.2 9007199254740993 5e-324 1,5 . + -- Infinity NaN inf
"""
NODES = [
    *WORDS.split(),
    "=",
    "-",
    "!!str 1",
    "!!float 3",
    "{yes: 1, no: 2}",
    "{1: a, 1.5: b, 1e3: c, 0x1F: d}",
    "{<<: {first: 1, other: 2}, first: 3}",
    "{<<: [{first: 1}, {first: 2, other: 3}]}",
    "{one: &one {a: 1}, two: {<<: *one, b: 2}}",
    "{deep: {down: {merged: &merged {<<: {a: 1}, a: 2}}}, two: {<<: *merged}}",
]
AS_VALUES = """
apiVersion: evonas.dev/v1alpha1
kind: ArchitectureSearch
metadata: {name: words}
spec:
  searchSpace:
    - name: words
      values:
"""


def test_files_are_read_as_kubectl_reads_them(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "words.yaml"
    file.write_text(AS_VALUES + "".join(f"        - {node}\n" for node in NODES), encoding="utf-8")
    printed = cluster.kubectl("create", "--dry-run=client", "-o", "json", f"--filename={file}")
    theirs, ours = (body["spec"]["searchSpace"][0]["values"] for body in (json.loads(printed), load_search(file)))
    differences = [
        difference
        for difference in zip(NODES, map(canonical, theirs), map(canonical, ours), strict=True)
        if difference[1] != difference[2]
    ]
    assert differences == []


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
