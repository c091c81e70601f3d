"""``ray.io`` RayJob: a Ray cluster, a head and its workers, that runs one program and goes.

Ray starts the program, the driver, in the head's pod, as a process beside that of the container: no container ends with
it, so what the driver prints is in the pod that submits it, and how it ended is in the RayJob alone. The driver has the
environment of the head's container, and annotates the head's pod.

The cluster outlives the driver, with its GPUs, until the result is recorded. KubeRay's retries (``backoffLimit``) are
kept as written; each has a cluster of its own.
Reference: KubeRay 1.5, RayJob; its validation, and what it submits with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from evonas.errors import FieldProblem
from evonas.workloads.conditions import to_time
from evonas.workloads.interface import ALIKE, FIELD, Change, Kind, Place, PodGroup, Standing
from evonas.workloads.pods import MAX_PODS, template_problems, with_change

CLUSTER_LABEL = "ray.io/cluster"
GROUP_LABEL = "ray.io/group"
HEAD = "headgroup"
"""KubeRay's name of the group of the head."""
SUBMITTER = "ray-job-submitter"
LONGEST_NAME = 47
"""KubeRay refuses longer ones."""
MAX_MESSAGE = 1024
"""How much is kept of a message, of which Ray makes up to 20,000 characters."""
KEPT_SECONDS = 7 * 24 * 60 * 60
"""How long a cluster waits for an operator that does not release it."""


class RayJob(Kind):
    """A program on a Ray cluster of its own."""

    api_version = "ray.io/v1"
    kind = "RayJob"
    plural = "rayjobs"
    engine = "KubeRay"
    has_time_to_live = False
    trains_in_container = False

    def problems(self, spec: Mapping[str, Any]) -> Iterator[FieldProblem]:
        """Name what is missing or not supported."""
        if not isinstance(spec.get("entrypoint"), str):
            yield FieldProblem(f"{FIELD}.entrypoint", "Required value: the command that starts the program")
        yield from _submission_problems(spec)
        for name in ("ttlSecondsAfterFinished", "deletionStrategy"):
            if name in spec:
                said = "is the search's to decide, see spec.trial.ttlSecondsAfterFinished; remove it"
                yield FieldProblem(f"{FIELD}.{name}", said)
        if spec.get("shutdownAfterJobFinishes", True) is not True:
            said = "must be true, or left out: a cluster that stays keeps the GPUs of the next trial"
            yield FieldProblem(f"{FIELD}.shutdownAfterJobFinishes", said)
        if "clusterSelector" in spec:
            said = "each trial has a cluster of its own: give rayClusterSpec instead"
            yield FieldProblem(f"{FIELD}.clusterSelector", said)
        cluster = spec.get("rayClusterSpec")
        if not isinstance(cluster, Mapping) or not isinstance(cluster.get("headGroupSpec"), Mapping):
            yield FieldProblem(f"{FIELD}.rayClusterSpec.headGroupSpec", "Required value")
            return
        yield from _cluster_problems(cluster)

    def groups(self, spec: Mapping[str, Any]) -> tuple[PodGroup, ...]:
        """Return the head, and each group of workers."""
        cluster, field = spec["rayClusterSpec"], f"{FIELD}.rayClusterSpec"
        head = PodGroup(HEAD, 1, cluster["headGroupSpec"]["template"], f"{field}.headGroupSpec.template")
        workers = (
            PodGroup(
                group["groupName"], _pods(group), group["template"], f"{field}.workerGroupSpecs[{position}].template"
            )
            for position, group in enumerate(cluster.get("workerGroupSpecs") or ())
        )
        return (head, *workers)

    def reporter(self, spec: Mapping[str, Any]) -> Place:
        """Return the head: the driver runs there."""
        return Place(HEAD, 0)

    def longest_name(self, spec: Mapping[str, Any]) -> int:
        """Return what KubeRay allows."""
        return LONGEST_NAME

    def build(self, spec: Mapping[str, Any], change: Change) -> dict[str, Any]:
        """Return the RayJob's spec. The submitter has the variables, too: its shell expands those of the entrypoint."""
        cluster = spec["rayClusterSpec"]
        changed = {
            **cluster,
            "headGroupSpec": _changed(cluster["headGroupSpec"], change),
            "workerGroupSpecs": [_changed(group, change) for group in cluster.get("workerGroupSpecs") or ()],
        }
        # Without the first, KubeRay refuses what a queue suspends; without the second, it would not wait for us.
        kept = {"shutdownAfterJobFinishes": True, "ttlSecondsAfterFinished": KEPT_SECONDS}
        built = {**spec, **kept, "rayClusterSpec": changed}
        if not _submits_in_head(spec):
            # KubeRay gives its own default no labels.
            submitter = spec.get("submitterPodTemplate") or _default_submitter(cluster["headGroupSpec"]["template"])
            built["submitterPodTemplate"] = with_change(submitter, change)
        return built

    def jobs(self, spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield a Job for each group, and for the submitter. Ray's own pods start again, as no Job's may."""
        for group in self.groups(spec):
            ends = {**group.template["spec"], "restartPolicy": "Never"}
            yield group.field, {"template": {**group.template, "spec": ends}}
        if "submitterPodTemplate" in spec:
            yield f"{FIELD}.submitterPodTemplate", {"template": spec["submitterPodTemplate"]}

    def read(self, body: Mapping[str, Any]) -> Standing:
        """Return where the RayJob stands."""
        status = body.get("status") or {}
        job, deployment = status.get("jobStatus", ""), status.get("jobDeploymentStatus", "")
        message = status.get("message", "")
        ended_by_itself = _EXIT.search(message)
        standing = Standing(
            complete=deployment == "Complete" and job == "SUCCEEDED",
            failed=deployment in ("Failed", "ValidationFailed") or (deployment == "Complete" and job in _UNWELL),
            reason=status.get("reason", ""),
            # The latter ends with what the program printed last.
            message=message[:MAX_MESSAGE] if ended_by_itself is None else message[-MAX_MESSAGE:],
            ended=to_time(status.get("endTime")),
            suspended=bool(body["spec"].get("suspend")),
        )
        if job in ("RUNNING", "SUCCEEDED", *_UNWELL):
            begun = (status.get("rayJobInfo") or {}).get("startTime") or status.get("startTime")
            standing = replace(standing, begun=to_time(begun))
        if standing.failed and ended_by_itself is not None:
            standing = replace(standing, exit_code=int(ended_by_itself[1]))
        return standing

    def place(self, labels: Mapping[str, str]) -> Place | None:
        """Return a pod's place by its group; workers have no number, and retries are told apart by their cluster."""
        if CLUSTER_LABEL not in labels:
            return None
        group = labels.get(GROUP_LABEL, "")
        return Place(group, 0 if group == HEAD else ALIKE, run=labels[CLUSTER_LABEL])

    def prints(self, spec: Mapping[str, Any], labels: Mapping[str, str]) -> str | None:
        """Return the submitter's container: it prints what the driver does."""
        if _submits_in_head(spec):
            return SUBMITTER if labels.get(GROUP_LABEL) == HEAD else None
        if CLUSTER_LABEL in labels:
            return None
        template = spec.get("submitterPodTemplate")
        return SUBMITTER if template is None else str(template["spec"]["containers"][0]["name"])

    def release(self, seconds: int) -> dict[str, Any]:
        """Return what has KubeRay delete the cluster now; the RayJob itself stays as long as it is asked to."""
        return {"ttlSecondsAfterFinished": 0}


_UNWELL = ("FAILED", "STOPPED")
_EXIT = re.compile(r"^Job entrypoint command failed with exit code (-?\d+)")
"""How Ray says that the driver ended by itself; KubeRay keeps no more of it than this message."""
_VARIABLE = re.compile(r"\$\{?EVONAS_")


def _submits_in_head(spec: Mapping[str, Any]) -> bool:
    return spec.get("submissionMode") == "SidecarMode"


def _default_submitter(head: Mapping[str, Any]) -> dict[str, Any]:
    """Return what KubeRay submits with where nothing is said."""
    resources = {"requests": {"cpu": "500m", "memory": "200Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    container = {"name": SUBMITTER, "image": head["spec"]["containers"][0].get("image", ""), "resources": resources}
    pod = {"containers": [container], "restartPolicy": "Never"}
    if "imagePullSecrets" in head["spec"]:
        pod["imagePullSecrets"] = head["spec"]["imagePullSecrets"]
    return {"spec": pod}


def _changed(group: Mapping[str, Any], change: Change) -> dict[str, Any]:
    # Whether a node's container is started again is Ray's to decide.
    return {**group, "template": with_change(group["template"], change, restarts=None)}


def _pods(group: Mapping[str, Any]) -> int:
    """Return how many pods a group of workers has, as KubeRay counts them."""
    least, most = group.get("minReplicas", 0), group.get("maxReplicas", MAX_PODS)
    return int(max(min(group.get("replicas", 0), most), min(least, most)) * group.get("numOfHosts", 1))


def _submission_problems(spec: Mapping[str, Any]) -> Iterator[FieldProblem]:
    mode = spec.get("submissionMode", "K8sJobMode")
    if mode not in ("K8sJobMode", "SidecarMode"):
        said = f"must be K8sJobMode or SidecarMode: in {mode}, no pod starts the program and shows what it prints"
        yield FieldProblem(f"{FIELD}.submissionMode", said)
    if mode == "SidecarMode" and _VARIABLE.search(str(spec.get("entrypoint"))):
        said = "its variables are not set where SidecarMode expands them: use K8sJobMode, or read them in the program"
        yield FieldProblem(f"{FIELD}.entrypoint", said)
    for name in ("entrypointNumCpus", "entrypointNumGpus", "entrypointResources"):
        if spec.get(name):
            said = "lets Ray start the program on any node, but the head reports; reserve resources in the program"
            yield FieldProblem(f"{FIELD}.{name}", said)
    if "submitterPodTemplate" in spec:
        yield from template_problems(spec["submitterPodTemplate"], f"{FIELD}.submitterPodTemplate")


def _cluster_problems(cluster: Mapping[str, Any]) -> Iterator[FieldProblem]:
    field = f"{FIELD}.rayClusterSpec"
    if cluster.get("enableInTreeAutoscaling"):
        said = "is not supported: GPUs are reserved for a fixed number of pods; give replicas instead"
        yield FieldProblem(f"{field}.enableInTreeAutoscaling", said)
    yield from template_problems(cluster["headGroupSpec"].get("template"), f"{field}.headGroupSpec.template")
    listed = cluster.get("workerGroupSpecs") or []
    if not isinstance(listed, list):
        yield FieldProblem(f"{field}.workerGroupSpecs", "must be a list")
        return
    names = [HEAD]
    for position, group in enumerate(listed):
        place = f"{field}.workerGroupSpecs[{position}]"
        name = group.get("groupName") if isinstance(group, Mapping) else None
        if not isinstance(name, str) or name in names:
            yield FieldProblem(f"{place}.groupName", f"must be a name of its own, none of {', '.join(names)}")
            continue
        names.append(name)
        for count in ("replicas", "minReplicas", "maxReplicas", "numOfHosts"):
            yield from _count_problems(group.get(count, 1), f"{place}.{count}")
        yield from template_problems(group.get("template"), f"{place}.template")


def _count_problems(value: Any, field: str) -> Iterator[FieldProblem]:
    """Name a number of workers that is none; there may be no workers, and any number at most."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        yield FieldProblem(field, f"must be a whole number, got {value!r}")
    elif value > MAX_PODS and not field.endswith("maxReplicas"):
        yield FieldProblem(field, f"must be at most {MAX_PODS}, got {value}")
