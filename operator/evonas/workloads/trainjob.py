"""``trainer.kubeflow.org`` TrainJob: a trainer, and by reference the runtime that says how its nodes work together.

The Trainer makes a JobSet of the same name. What the runtime alone says cannot be seen from here, so that a node's GPUs
are those of ``trainer.resourcesPerNode``, and the number of nodes is 1 where ``trainer.numNodes`` is not given, which
each TrainJob is told. Its failure policy, too, is that of the runtime.

A TrainJob has no template for its pods. What it can change of its runtime's differs between versions of the Trainer:
``podSpecOverrides`` (2.0) have an account, but no labels, so that its pods are found by its name, which they all carry;
``podTemplateOverrides`` (2.1) and ``runtimePatches`` (2.2) have both.
Reference: Kubeflow Trainer API v1alpha1; JobSet, labels of pods.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evonas.errors import FieldProblem
from evonas.workloads.conditions import standing_of
from evonas.workloads.indexed_job import INDEX_LABEL
from evonas.workloads.interface import FIELD, NAME_LENGTH, Change, Kind, Place, PodGroup, Standing
from evonas.workloads.jobset import GROUP_LABEL, RESTART_LABEL, SUFFIX_OF_A_POD
from evonas.workloads.pods import count_problems, merged_env

NODE = "node"
"""What the Trainer calls the group of pods that train, and their container."""
TEMPLATES, PATCHES = "podTemplateOverrides", "runtimePatches"
MANAGER = "evonas.dev/operator"
"""Whose of a TrainJob's patches is ours."""
_TRAINER = f"{FIELD}.trainer"
_OVERRIDES = f"{FIELD}.podSpecOverrides"
_LONGEST_GROUP = "dataset-initializer"
"""Of the groups that a runtime may have, which have one pod each apart from the nodes."""


class TrainJob(Kind):
    """A training on several nodes."""

    api_version = "trainer.kubeflow.org/v1alpha1"
    kind = "TrainJob"
    plural = "trainjobs"
    engine = "Kubeflow Trainer"
    has_time_to_live = False
    pod_label = "jobset.sigs.k8s.io/jobset-name"
    varies = True

    def problems(self, spec: Mapping[str, Any]) -> Iterator[FieldProblem]:
        """Name what cannot be read."""
        trainer = spec.get("trainer")
        if not isinstance(trainer, Mapping):
            yield FieldProblem(_TRAINER, "Required value: the container that is told each candidate's decisions")
            return
        yield from count_problems(trainer.get("numNodes"), f"{_TRAINER}.numNodes")
        yield from _env_problems(trainer.get("env"))
        overrides = spec.get("podSpecOverrides")
        if overrides is not None and not (isinstance(overrides, list) and all(map(_is_readable, overrides))):
            yield FieldProblem(_OVERRIDES, "must be a list of overrides, each with its targetJobs: [{name: …}]")
        for name in (TEMPLATES, PATCHES):
            if not isinstance(spec.get(name) or [], list):
                yield FieldProblem(f"{FIELD}.{name}", "must be a list")

    def groups(self, spec: Mapping[str, Any]) -> tuple[PodGroup, ...]:
        """Return the nodes; those that a runtime has initialise data or a model are not of the trial's pods."""
        trainer = spec["trainer"]
        container = {"name": NODE, "env": trainer.get("env") or [], "resources": trainer.get("resourcesPerNode") or {}}
        if "image" in trainer:
            container["image"] = trainer["image"]
        template = {"spec": {"containers": [container]}}
        return (PodGroup(NODE, _nodes(spec), template, _TRAINER, is_flat=True),)

    def reporter(self, spec: Mapping[str, Any]) -> Place:
        """Return node 0: rank 0 of ``torchrun``."""
        return Place(NODE, 0)

    def longest_name(self, spec: Mapping[str, Any]) -> int:
        """Return what leaves room for the names of the JobSet's Jobs and pods."""
        longest = max(len(f"-{NODE}-0-{_nodes(spec) - 1}"), len(f"-{_LONGEST_GROUP}-0-0"))
        return NAME_LENGTH - longest - SUFFIX_OF_A_POD

    def build(self, spec: Mapping[str, Any], change: Change) -> dict[str, Any]:
        """Return the TrainJob's spec. It has no ``labels``, since those would go to its JobSet, which is not ours."""
        trainer = spec["trainer"]
        env = merged_env(change.env, trainer.get("env"))
        built = {**spec, "trainer": {**trainer, "numNodes": _nodes(spec), "env": env}}
        for name, changed in ((PATCHES, _patch), (TEMPLATES, _override)):
            if name in change.fields:
                # A later one wins where they disagree: the user's.
                return {**built, name: [changed(change), *(spec.get(name) or [])]}
        if change.service_account is not None:
            built["podSpecOverrides"] = _with_account(spec.get("podSpecOverrides") or [], change.service_account)
        return built

    def read(self, body: Mapping[str, Any]) -> Standing:
        """Return where the TrainJob stands."""
        return standing_of(body, complete="Complete")

    def place(self, labels: Mapping[str, str]) -> Place | None:
        """Return a node's place by its rank; an initializer has none."""
        if labels.get(GROUP_LABEL) != NODE:
            return None
        return Place(NODE, int(labels.get(INDEX_LABEL, 0)), int(labels.get(RESTART_LABEL, 0)))

    def release(self, seconds: int) -> dict[str, Any]:
        """Return nothing: a TrainJob that has ended holds nothing, and the operator deletes it."""
        return {}


def _patch(change: Change) -> dict[str, Any]:
    jobs = [{"name": NODE, "template": {"spec": {"template": _template(change)}}}]
    return {"manager": MANAGER, "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": jobs}}}}


def _override(change: Change) -> dict[str, Any]:
    return {"targetJobs": [{"name": NODE}], **_template(change)}


def _template(change: Change) -> dict[str, Any]:
    account = {} if change.service_account is None else {"serviceAccountName": change.service_account}
    return {"metadata": {"labels": dict(change.labels)}, "spec": account}


def _nodes(spec: Mapping[str, Any]) -> int:
    return int(spec["trainer"].get("numNodes") or 1)


def _with_account(overrides: list[Mapping[str, Any]], account: str) -> list[dict[str, Any]]:
    """Return overrides by which the nodes run under an account, unless one says otherwise. The Trainer refuses two for
    the same group, so one for several groups is divided.
    """
    built: list[dict[str, Any]] = []
    found = False
    for override in overrides:
        nodes = [job for job in override["targetJobs"] if job["name"] == NODE]
        others = [job for job in override["targetJobs"] if job["name"] != NODE]
        if not nodes or "serviceAccountName" in override:
            found = found or bool(nodes)
            built.append(dict(override))
            continue
        found = True
        built.append({**override, "targetJobs": nodes, "serviceAccountName": account})
        if others:
            built.append({**override, "targetJobs": others})
    if not found:
        built.append({"targetJobs": [{"name": NODE}], "serviceAccountName": account})
    return built


def _env_problems(env: Any) -> Iterator[FieldProblem]:
    if not isinstance(env or [], list):
        yield FieldProblem(f"{_TRAINER}.env", "must be a list")
        return
    for position, entry in enumerate(env or ()):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
            yield FieldProblem(f"{_TRAINER}.env[{position}].name", "Required value")


def _is_readable(override: Any) -> bool:
    targets = override.get("targetJobs") if isinstance(override, Mapping) else None
    return isinstance(targets, list) and all(isinstance(job, Mapping) and "name" in job for job in targets)
