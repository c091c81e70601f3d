"""What a search looks for in the output of its trials. Pure; apart from ``log_reading``, which knows no search."""

from __future__ import annotations

from evonas.search.log_reading import Wanted
from evonas.spec import SearchSpec


def wanted_of(spec: SearchSpec) -> Wanted | None:
    """Return what is looked for; None if the trials report by themselves."""
    report = spec.trial.report
    if report is None:
        return None
    return Wanted(
        metrics=spec.watched_metrics,
        patterns=report.patterns,
        best=report.keeps_best,
        minimize=spec.objective.minimize,
        rungs=() if spec.fidelity is None else spec.fidelity.steps,
    )
