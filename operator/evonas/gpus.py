"""How many GPUs a pod takes, by the names of the resources it requests; only patterns of names are built in. By default
a resource counts if its name ends in ``gpu`` (every vendor's plugin) or is a MIG profile (``nvidia.com/mig-1g.5gb``),
each device as one. ``spec.budget.gpuResources`` names others instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from evonas.errors import FieldProblem

_USUAL = re.compile(r"gpu$|/mig-")


def count_gpus(pod: Mapping[str, Any], resources: Sequence[str] | None) -> int:
    """Return the devices that Kubernetes reserves for a pod spec.

    Containers and sidecars run concurrently, init containers before them and one after the other.
    """
    together = sum(_count(container, resources) for _, container in _containers(pod, "containers"))
    first = 0
    for _, container in _containers(pod, "initContainers"):
        if container.get("restartPolicy") == "Always":
            together += _count(container, resources)
        else:
            first = max(first, _count(container, resources))
    return max(together, first)


def gpu_problems(pod: Mapping[str, Any], resources: Sequence[str] | None) -> Iterator[FieldProblem]:
    """Name every limit on GPUs that is not a whole number."""
    for field in ("containers", "initContainers"):
        for position, container in _containers(pod, field):
            for resource, amount in _limits(container, resources):
                if not re.fullmatch(r"[0-9]+", str(amount)):
                    yield FieldProblem(
                        f"spec.trial.template.spec.{field}[{position}].resources.limits[{resource}]",
                        f"must be a whole number of devices, got {amount!r}",
                    )


def _count(container: Mapping[str, Any], resources: Sequence[str] | None) -> int:
    return sum(int(amount) for _, amount in _limits(container, resources))


def _containers(pod: Mapping[str, Any], field: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    # Init containers are kept as written: only the API server checks their form.
    listed = pod.get(field)
    items = enumerate(listed) if isinstance(listed, list) else ()
    return [(position, item) for position, item in items if isinstance(item, Mapping)]


def _limits(container: Mapping[str, Any], resources: Sequence[str] | None) -> Iterator[tuple[str, Any]]:
    asked = container.get("resources")
    limits = asked.get("limits") if isinstance(asked, Mapping) else None
    for resource, amount in limits.items() if isinstance(limits, Mapping) else ():
        if resource in resources if resources is not None else _USUAL.search(resource):
            yield resource, amount
