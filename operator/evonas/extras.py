"""The optional parts of this package: what each extra brings, and the line for somebody who lacks one.

Just above ``errors``. Nothing is imported to find out what is installed: a search for PyTorch takes less than a
millisecond, its import more than a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from evonas.errors import EvonasError

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "agents": ("torch",),
    "cluster": ("aiohttp", "kubernetes", "prometheus_client"),
    "mlflow": ("mlflow",),
    "notebooks": ("matplotlib", "pandas"),
    "operator": ("aiohttp", "durationpy", "kopf", "kubernetes", "prometheus_client"),
    "optuna": ("cmaes", "optuna", "scipy"),
    "plots": ("matplotlib",),
    "ui": ("fastapi", "uvicorn"),
}
"""By extra, the modules that this package imports of what the extra installs (``pyproject.toml``)."""


class MissingExtra(EvonasError):
    """Something was asked for that needs an extra which is not installed."""


def lacks(*extras: str) -> bool:
    """Return whether one of these extras is not, or not wholly, installed."""
    return any(find_spec(module) is None for extra in extras for module in EXTRAS[extra])


def cure(*extras: str) -> str:
    """Return the command that installs these extras."""
    return f"pip install 'evonas[{','.join(sorted(extras))}]'"


def require(extra: str, what: str) -> None:
    """MissingExtra with one line unless an extra is installed; ``what`` needs it, a noun in the singular."""
    if lacks(extra):
        raise MissingExtra(f"{what} needs packages that are not installed here: {cure(extra)}")
