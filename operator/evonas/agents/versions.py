"""Which software proposes: the versions that the bits of a proposal may depend on, for the record of a search. Beside
``factory``; does not need the packages it names.
"""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, version

from evonas.agents.catalogue import AGENT_TYPES, ENTRY_POINTS

_PACKAGES = {
    "Neural": ("numpy", "torch"),
    "EvoNAS": ("numpy", "torch"),
    "Optuna": ("numpy", "optuna", "scipy", "cmaes", "torch"),
}


@cache
def agent_versions(type: str) -> dict[str, str]:
    """Return the versions of Python, of this package and of the libraries that an agent of that type computes with. The
    machine's architecture is included: floating-point kernels differ. --
    """
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in ("evonas", *_PACKAGES.get(type, ("numpy",)), *_foreign_package(type)):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _foreign_package(type: str) -> list[str]:
    if type in AGENT_TYPES:
        return []
    declared = entry_points(group=ENTRY_POINTS, name=type)
    return [point.dist.name for point in declared if point.dist is not None]
