"""What a search looks for in the output of its trials. Pure; apart from ``log_reading``, which knows no search."""

from __future__ import annotations

from evonas.search.log_reading import Wanted
from evonas.spec import SearchSpec


def wanted_of(spec: SearchSpec) -> Wanted | None:
    """Return what is looked for; None if the trials report by themselves."""
    report = spec.trial.report
    if report is None:
        return None
    constraints = (constraint.metric for objective in spec.objectives for constraint in objective.constraints)
    return Wanted(
        metrics=tuple(dict.fromkeys((*(objective.name for objective in spec.objectives), *constraints))),
        patterns=report.patterns,
        best=report.keeps_best,
        minimize=spec.objective.minimize,
        rungs=() if spec.fidelity is None else spec.fidelity.steps,
    )
