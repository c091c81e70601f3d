"""Neural architecture search, here and on Kubernetes: the Python interface, and below it all that it stands on.

The layers of the package are in docs/architecture.md; import-linter enforces them (``make check``). What users import
is defined in ``evonas.python`` and loaded when it is first used, so that ``import evonas``, of which every module below
is a part, costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evonas.errors import EvonasError
    from evonas.python.declarations import Confirm, Constraint, Objective, Rungs
    from evonas.python.here import SearchFailed
    from evonas.python.opening import open_result as open
    from evonas.python.result import Result
    from evonas.python.search import Search
    from evonas.python.space import Space, choice, floats, integers
    from evonas.python.trials import Trial, Trials
    from evonas_trial.function import RunningTrial

_PLACES = {
    "Confirm": ("evonas.python.declarations", "Confirm"),
    "Constraint": ("evonas.python.declarations", "Constraint"),
    "EvonasError": ("evonas.errors", "EvonasError"),
    "Objective": ("evonas.python.declarations", "Objective"),
    "Result": ("evonas.python.result", "Result"),
    "Rungs": ("evonas.python.declarations", "Rungs"),
    "RunningTrial": ("evonas_trial.function", "RunningTrial"),
    "Search": ("evonas.python.search", "Search"),
    "SearchFailed": ("evonas.python.here", "SearchFailed"),
    "Space": ("evonas.python.space", "Space"),
    "Trial": ("evonas.python.trials", "Trial"),
    "Trials": ("evonas.python.trials", "Trials"),
    "choice": ("evonas.python.space", "choice"),
    "floats": ("evonas.python.space", "floats"),
    "integers": ("evonas.python.space", "integers"),
    "open": ("evonas.python.opening", "open_result"),
}

__all__ = [
    "Confirm",
    "Constraint",
    "EvonasError",
    "Objective",
    "Result",
    "Rungs",
    "RunningTrial",
    "Search",
    "SearchFailed",
    "Space",
    "Trial",
    "Trials",
    "choice",
    "floats",
    "integers",
    "open",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return __all__
