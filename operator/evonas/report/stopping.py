"""A search's trials at their rungs, as the page shows them: learning curves, counts, and what stopping or pausing has
saved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from markupsafe import Markup

from evonas.recorded.search import RecordedSearch
from evonas.report.figures.curves import Curve, Point, curve_figure
from evonas.search.budget import SECONDS_PER_HOUR, saved_by_stopping, saved_gpu_seconds
from evonas.search.objective import oriented, values_of
from evonas.search.trial import Trial, TrialState, in_numbers
from evonas.spec import SearchSpec

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
    figures: list[Markup]
    """One for each objective; empty if there is no value to draw: all candidates have diverged."""
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
    ringed = {each.index for each in (*record.totals.front.members, winner) if each is not None}
    drawn = [_draw(record, place, ringed) for place in range(len(record.spec.objectives))]
    curves, figures, omitted = zip(*drawn, strict=True)
    return StoppingView(
        counts=counts,
        figures=[figure for figure in figures if figure is not None],
        others=sum(curve.kind == "other" for curve in curves[0]),
        omitted=omitted[0],
    )


def _draw(record: RecordedSearch, place: int, ringed: Collection[int]) -> tuple[Sequence[Curve], Markup | None, int]:
    """Return the curves of one objective, their drawing, and how many more could be drawn."""
    fidelity, objective = record.spec.fidelity, record.spec.objectives[place]
    assert fidelity is not None
    trials = [trial for trial in own_trials(record) if trial.rungs]
    lines = [(trial, points) for trial in trials if (points := points_of(record.spec, trial, place))]
    # Those that got furthest lie on top, the best above all.
    lines.sort(key=lambda line: (line[1][-1][0], oriented(objective, line[1][-1][1])))
    curves = [*_curves(record.spec, lines[-MAX_CURVES:], ringed)]
    if not curves:
        return [], None, 0
    said = f"learning curves: {objective.name} at the rungs"
    figure = curve_figure(curves, fidelity.steps, minimize=objective.minimize, y_label=objective.name, description=said)
    return curves, figure, len(lines) - len(curves)


def own_trials(record: RecordedSearch) -> list[Trial]:
    """Return the trials that were run for the search itself."""
    return [trial for trial in record.trials if trial.is_run and not trial.is_confirmation]


def points_of(spec: SearchSpec, trial: Trial, place: int = 0) -> list[Point]:
    """Return what a trial had of one objective at its rungs and at its end, until it diverged."""
    assert spec.fidelity is not None
    known = takewhile(lambda result: result.value is not None, trial.rungs)
    points = [(result.step, result.values[place]) for result in known if result.values is not None]
    values = values_of(spec.objectives, trial)
    return points if values is None else [*points, (spec.fidelity.steps[-1], values[place])]


def _curves(
    spec: SearchSpec, lines: Sequence[tuple[Trial, Sequence[Point]]], ringed: Collection[int]
) -> Iterator[Curve]:
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
            title = f"trial {trial.index}: {in_numbers(values_of(spec.objectives, trial) or ())}"
            yield Curve(points, "full", title, merit, trial.index in ringed)


def _saved_seconds(trials: Sequence[Trial]) -> float:
    """Estimate as ``saved_gpu_seconds``, for trials without GPUs."""
    full = [trial.seconds or 0.0 for trial in trials if trial.state is TrialState.SUCCEEDED]
    cut = [trial.seconds or 0.0 for trial in trials if trial.state.is_at_rung]
    return saved_by_stopping(sum(full), len(full), sum(cut), len(cut))
