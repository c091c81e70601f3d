"""``spec.trial.workload``: which kind it is, what is wrong with it, how many GPUs it takes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from typing import Any

from evonas.errors import FieldProblem
from evonas.gpus import GpuAccounting, count_gpus, gpu_problems
from evonas.hints import did_you_mean
from evonas.wording import counted
from evonas.workloads.catalogue import KINDS, find_kind
from evonas.workloads.interface import NAME_LENGTH, SHORTEST_NAME, Workload
from evonas.workloads.pods import MAX_PODS

FIELD = "spec.trial.workload"


def workload_problems(
    workload: Mapping[str, Any], container: str | None, accounting: GpuAccounting
) -> Iterator[FieldProblem]:
    """Name everything that keeps a search from running the workload."""
    kind = find_kind(workload["apiVersion"], workload["kind"])
    if kind is None:
        known = ", ".join(f"{each.api_version} {each.kind}" for each in KINDS)
        yield FieldProblem(
            FIELD, f"there is no kind {workload['apiVersion']} {workload['kind']} of workload; there are {known}"
        )
        return
    problems = [*kind.problems(workload["spec"])]
    yield from problems
    if problems:
        return
    parsed = parse_workload(workload)
    room = kind.longest_name(parsed.spec)
    if room < SHORTEST_NAME:
        longest = max((group.name for group in parsed.groups), key=len)
        said = (
            f"names in it, such as {longest}, are too long by {counted(SHORTEST_NAME - room, 'character')}: "
            f"{kind.engine} derives others from them and from the trial's, and these have at most {NAME_LENGTH}"
        )
        yield FieldProblem(f"{FIELD}.spec", said)
    if parsed.pods > MAX_PODS:
        yield FieldProblem(f"{FIELD}.spec", f"must have at most {MAX_PODS:,} pods in all, got {parsed.pods:,}")
    if parsed.reporting_labels and parsed.labelled_group is None:
        yield FieldProblem(f"{FIELD}.reportingPod", "no pod template of the workload has these labels")
    elif not kind.trains_in_container and parsed.reporter != kind.reporter(parsed.spec):
        said = f"{kind.engine} starts the program in another pod ({kind.reporter(parsed.spec).group}); remove it"
        yield FieldProblem(f"{FIELD}.reportingPod", said)
    if container is not None:
        names = [item["name"] for item in parsed.reporting_group.template["spec"]["containers"]]
        if container not in names:
            yield FieldProblem(
                "spec.trial.container",
                f"must name one of the containers of the pod that reports ({', '.join(names)}), got {container!r}"
                + did_you_mean(container, names),
            )
        elif not kind.trains_in_container and container != names[0]:
            said = f"{kind.engine} starts the program in the first container ({names[0]}), got {container!r}"
            yield FieldProblem("spec.trial.container", said)
    for group in parsed.groups:
        yield from gpu_problems(group.template, accounting, group.field)


def parse_workload(workload: Mapping[str, Any]) -> Workload:
    """Return a workload that has no problems."""
    kind = find_kind(workload["apiVersion"], workload["kind"])
    assert kind is not None, "workload_problems found nothing"
    labels = workload.get("reportingPod", {}).get("matchLabels", {})
    return Workload(kind, workload["spec"], labels)


def read_workload(trial: Mapping[str, Any]) -> Workload | None:
    """Return the workload of a ``spec.trial`` that nobody has checked; None if it has none, or one with problems."""
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        if not any(workload_problems(trial["workload"], None, GpuAccounting())):
            return parse_workload(trial["workload"])
    return None


def gpus_of(workload: Workload, accounting: GpuAccounting) -> dict[str, Fraction]:
    """Return how many GPUs each pod of a group takes, by the group's name."""
    return {group.name: count_gpus(group.template["spec"], accounting) for group in workload.groups}
