"""Learning curves."""

from __future__ import annotations

from evonas.sources.live.seen import SeenCurve, SeenCurves
from evonas.ui.models import Curve, Curves


def curves(seen: SeenCurves) -> Curves:
    """Return the curves of a search."""
    return Curves(revision=seen.revision, curves=[curve(each) for each in seen.curves])


def curve(seen: SeenCurve) -> Curve:
    """Return a curve."""
    return Curve(
        index=seen.index,
        attempt=seen.attempt,
        running=seen.running,
        steps=list(seen.steps),
        metrics={name: list(values) for name, values in seen.metrics.items()},
    )
