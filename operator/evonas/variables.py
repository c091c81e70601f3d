"""The names of the variables that a trial's container is given, which a template may refer to, but not set.

``search.trial_environment`` defines their values and refuses templates that set them; ``cluster`` and ``local``
pass them on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evonas.errors import FieldProblem

DECISION_PREFIX = "EVONAS_D_"
"""Prefix of each decision's name."""

POD_VARIABLES = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_UID": "metadata.uid"}
"""The pod's field that each holds, as the path of a ``fieldRef``; a local run has no pod and none of them."""

_OF_THE_TRIAL = frozenset(
    f"EVONAS_{name}"
    for name in (
        *("DECISIONS", "SEARCH", "TRIAL", "INDEX", "ATTEMPT", "SEED", "RUNGS"),
        # In the pods of a workload only.
        "WORKLOAD",
        # In a local run only. Elsewhere they would send a trial's report to a place that nothing reads.
        *("REPORT_FILE", "PROGRESS_FILE"),
    )
)


def is_given(name: str) -> bool:
    """Return whether a search gives its trials a variable of that name."""
    return name in _OF_THE_TRIAL or name in POD_VARIABLES or name.startswith(DECISION_PREFIX)


def variable_problems(container: Mapping[str, Any], field: str) -> Iterator[FieldProblem]:
    """Name each variable of the trial's container that the search would replace; ``field`` is the container's path."""
    entries = container.get("env")
    # The template is kept as written: only the API server checks its form.
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if not isinstance(name, str) or not is_given(name) or is_pods_own(entry):
            continue
        problem = f"every trial is given its own {name} by the search; remove this one, or choose another name"
        yield FieldProblem(f"{field}.env[{position}].name", problem)


def is_pods_own(entry: Mapping[str, Any]) -> bool:
    """Return whether a template's variable is one of the pod's, and holds exactly what it would be given."""
    source = entry.get("valueFrom")
    wanted = source.get("fieldRef") if isinstance(source, Mapping) else None
    path = POD_VARIABLES.get(str(entry.get("name")))
    return path is not None and isinstance(wanted, Mapping) and wanted.get("fieldPath") == path
