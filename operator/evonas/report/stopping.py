"""A search's trials at their rungs, as the page shows them: learning curves, counts, and what stopping or pausing has
saved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from markupsafe import Markup

from evonas.fidelity import Fidelity
from evonas.recorded.search import RecordedSearch
from evonas.report.figures.curves import Curve, Point, curve_figure
from evonas.search.budget import SECONDS_PER_HOUR, saved_by_stopping, saved_gpu_seconds
from evonas.search.objective import oriented
from evonas.search.trial import Trial, TrialState

MAX_CURVES = 400
"""How many trials are drawn at most: those that got furthest, and of these the best."""


@dataclass(frozen=True)
class Stopping:
    """What became of the trials of a search with rungs."""

    rule: str
    last: int
    """The length of a full training."""
    trials: int
    """Those that were run, without confirmations."""
    full: int
    """How many of them were trained to their end."""
    pauses: bool
    """Whether trials pause at rungs, and are not stopped there."""
    cut: int
    """How many were stopped, or are paused."""
    at: list[tuple[int, int]]
    """Rungs, and how many of those ended there."""
    promotions: int
    """How often a paused trial went on."""
    lost_checkpoints: int
    saved_gpu_hours: float
    """As the metric has it (``search.budget``)."""
    saved_hours: float
    """The same in hours of trials, which they have without GPUs, too."""


@dataclass(frozen=True)
class StoppingView:
    """The same with its drawing."""

    counts: Stopping
    figure: Markup | None
    """None if there is no value to draw: all candidates have diverged."""
    others: int
    """How many of those that were drawn ended otherwise, or have not ended."""
    omitted: int
    """How many more could be drawn."""


def count_stopping(record: RecordedSearch) -> Stopping | None:
    """Return what became of the trials; None for a search without rungs, or before one was reached."""
    fidelity, trials = record.spec.fidelity, own_trials(record)
    if fidelity is None or not any(trial.rungs for trial in trials):
        return None
    cut = Counter(trial.rungs[-1].step for trial in trials if trial.state.is_at_rung and trial.rungs)
    return Stopping(
        rule=fidelity.rule,
        last=fidelity.steps[-1],
        trials=len(trials),
        full=sum(trial.state is TrialState.SUCCEEDED for trial in trials),
        pauses=fidelity.pauses,
        cut=cut.total(),
        at=sorted(cut.items()),
        promotions=record.totals.promotions,
        lost_checkpoints=record.totals.lost_checkpoints,
        saved_gpu_hours=saved_gpu_seconds(record.totals) / SECONDS_PER_HOUR,
        saved_hours=_saved_seconds(trials) / SECONDS_PER_HOUR,
    )


def view_stopping(record: RecordedSearch, winner: Trial | None) -> StoppingView | None:
    """Return what the page shows; None as above."""
    fidelity, counts = record.spec.fidelity, count_stopping(record)
    if fidelity is None or counts is None:
        return None
    trials = own_trials(record)
    lines = [(trial, points) for trial in trials if trial.rungs and (points := points_of(fidelity, trial))]
    minimize = record.spec.objective.minimize
    # Those that got furthest lie on top, the best above all.
    lines.sort(key=lambda line: (line[1][-1][0], oriented(record.spec.objective, line[1][-1][1])))
    curves = [*_curves(lines[-MAX_CURVES:], winner)]
    metric = record.spec.objective.name
    return StoppingView(
        counts=counts,
        figure=curve_figure(
            curves,
            fidelity.steps,
            minimize=minimize,
            y_label=metric,
            description=f"learning curves: {metric} at the rungs",
        )
        if curves
        else None,
        others=sum(curve.kind == "other" for curve in curves),
        omitted=len(lines) - len(curves),
    )


def own_trials(record: RecordedSearch) -> list[Trial]:
    """Return the trials that were run for the search itself."""
    return [trial for trial in record.trials if trial.is_run and not trial.is_confirmation]


def points_of(fidelity: Fidelity, trial: Trial) -> list[Point]:
    """Return what a trial had at its rungs and at its end, until it diverged."""
    known = takewhile(lambda result: result.value is not None, trial.rungs)
    points = [(result.step, result.value) for result in known if result.value is not None]
    return points if trial.reward is None else [*points, (fidelity.steps[-1], trial.reward)]


def _curves(lines: Sequence[tuple[Trial, Sequence[Point]]], winner: Trial | None) -> Iterator[Curve]:
    full = sum(trial.reward is not None for trial, _ in lines)
    rank = 0
    for trial, points in lines:
        if trial.state.is_at_rung:
            yield Curve(points, "cut", f"trial {trial.index}: {trial.state.lower()} with {trial.rungs[-1].in_words}")
        elif trial.reward is None:
            yield Curve(points, "other", f"trial {trial.index}: {trial.state}, {trial.rungs[-1].in_words}")
        else:
            merit = rank / max(full - 1, 1)
            rank += 1
            is_winner = winner is not None and trial.index == winner.index
            yield Curve(points, "full", f"trial {trial.index}: {trial.reward:.6g}", merit, is_winner)


def _saved_seconds(trials: Sequence[Trial]) -> float:
    """Estimate as ``saved_gpu_seconds``, for trials without GPUs."""
    full = [trial.seconds or 0.0 for trial in trials if trial.state is TrialState.SUCCEEDED]
    cut = [trial.seconds or 0.0 for trial in trials if trial.state.is_at_rung]
    return saved_by_stopping(sum(full), len(full), sum(cut), len(cut))
