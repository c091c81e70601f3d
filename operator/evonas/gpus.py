"""How many GPUs a pod takes, by the names of the resources it requests; only patterns of names are built in.

By default a resource counts if its name ends in ``gpu`` or ``gpu.shared`` (every vendor's plugin) or is a MIG profile.
``spec.budget.gpuResources`` names others instead. A MIG profile is as many sevenths of a GPU as it has compute slices
(three for ``nvidia.com/mig-3g.40gb``), any other device is a whole one, unless ``spec.budget.devicesPerGPU`` says how
many of them make one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from evonas.errors import FieldProblem

_USUAL = re.compile(r"gpu(\.shared)?$|/mig-")
# One compute instance of several in a slice of memory has both numbers: mig-1c.3g.40gb.
_MIG = re.compile(r"/mig-(?:(?P<compute>[1-7])c\.)?(?P<slices>[1-7])g\.")
_SLICES = 7


@dataclass(frozen=True)
class GpuAccounting:
    """What of a GPU a device of each resource is, as ``spec.budget`` says."""

    resources: frozenset[str] | None = None
    """Those that count; None for the usual names."""
    devices_per_gpu: Mapping[str, int] = field(default_factory=dict)
    """How many devices make one GPU; what is named here counts, too."""

    @classmethod
    def parse(cls, budget: Mapping[str, Any]) -> GpuAccounting:
        """Read a validated ``spec.budget``."""
        resources = budget.get("gpuResources")
        return cls(None if resources is None else frozenset(resources), budget.get("devicesPerGPU", {}))

    def counts(self, resource: str) -> bool:
        """Return whether a resource counts as GPUs at all."""
        if resource in self.devices_per_gpu:
            return True
        return bool(_USUAL.search(resource)) if self.resources is None else resource in self.resources

    def share(self, resource: str) -> Fraction:
        """Return what one device of a resource that counts is of a GPU."""
        if resource in self.devices_per_gpu:
            return Fraction(1, self.devices_per_gpu[resource])
        profile = _MIG.search(resource)
        return Fraction(1) if profile is None else Fraction(int(profile["compute"] or profile["slices"]), _SLICES)


def count_gpus(pod: Mapping[str, Any], accounting: GpuAccounting) -> Fraction:
    """Return the GPUs that Kubernetes reserves for a pod spec, shares of one as exact fractions.

    Containers and sidecars run concurrently, init containers before them and one after the other.
    """
    together = sum((_count(container, accounting) for _, container in _containers(pod, "containers")), Fraction())
    first = Fraction()
    for _, container in _containers(pod, "initContainers"):
        if container.get("restartPolicy") == "Always":
            together += _count(container, accounting)
        else:
            first = max(first, _count(container, accounting))
    return max(together, first)


def gpu_problems(template: Mapping[str, Any], accounting: GpuAccounting, field: str) -> Iterator[FieldProblem]:
    """Name every limit on GPUs in a pod template that is not a whole number of devices; ``field`` is its path."""
    pod = template["spec"]
    for name in ("containers", "initContainers"):
        for position, container in _containers(pod, name):
            for resource, amount in _limits(container, accounting):
                if not re.fullmatch(r"[0-9]+", str(amount)):
                    yield FieldProblem(
                        f"{field}.spec.{name}[{position}].resources.limits[{resource}]",
                        f"must be a whole number of devices, got {amount!r}",
                    )


def _count(container: Mapping[str, Any], accounting: GpuAccounting) -> Fraction:
    return sum(
        (int(amount) * accounting.share(resource) for resource, amount in _limits(container, accounting)), Fraction()
    )


def _containers(pod: Mapping[str, Any], name: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    # Init containers are kept as written: only the API server checks their form.
    listed = pod.get(name)
    items = enumerate(listed) if isinstance(listed, list) else ()
    return [(position, item) for position, item in items if isinstance(item, Mapping)]


def _limits(container: Mapping[str, Any], accounting: GpuAccounting) -> Iterator[tuple[str, Any]]:
    asked = container.get("resources")
    limits = asked.get("limits") if isinstance(asked, Mapping) else None
    for resource, amount in limits.items() if isinstance(limits, Mapping) else ():
        if accounting.counts(resource):
            yield resource, amount
