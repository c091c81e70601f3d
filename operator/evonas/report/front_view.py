"""The front of a search with several objectives, as the page shows it: figures of two objectives each, its members, and
how its hypervolume grew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from markupsafe import Markup

from evonas.recorded.additions import Chance, Course, chance
from evonas.recorded.fronts import find_standings, points_of, results_of
from evonas.recorded.repeated import find_repeated
from evonas.recorded.search import RecordedSearch
from evonas.report.figures.growth import Growth, growth_figure
from evonas.report.figures.lines import Line, line_figure
from evonas.report.figures.scatter import Limit, Place, Point, Spread, frame_around, scatter_figure
from evonas.search.objective import in_words, values_of
from evonas.search.trial import Trial, TrialState
from evonas.search.trial_environment import to_text
from evonas.spec import Objective
from evonas.wording import axis_label, counted

MAX_ROWS = 50
"""How many members the table lists at most: those that stand for all."""
MAX_RANKS = 4
"""How many fronts behind the front have a shade of their own; further ones share the last."""


@dataclass(frozen=True)
class Row:
    """A member of the front."""

    trial: Trial
    values: Sequence[float]
    confirmed: Sequence[str]
    """Mean and deviation in each objective; empty without confirmations."""
    runs: int
    decisions: str
    is_knee: bool


@dataclass(frozen=True)
class FrontView:
    """What the page shows of a front."""

    objectives: Sequence[Objective]
    figures: Sequence[Markup]
    """Each of two objectives; empty before the first result."""
    rows: Sequence[Row]
    size: int
    hypervolume: float
    reference: str
    """Where the hypervolume is measured from, in words."""
    best: str
    """The best value of each objective beside its reference, likewise."""
    knee: Trial | None
    shades: Sequence[tuple[int, int]]
    """How near each shade of the candidates behind the front is to it, in per cent, and how many have it."""
    worse: int
    """How many results are worse than a reference."""
    infeasible: int
    unknown: int
    """How many of the infeasible have not reported every objective."""
    has_spreads: bool


@dataclass(frozen=True)
class GrowthView:
    """How the hypervolume grew."""

    by_trials: Markup
    by_hours: Markup | None
    """None if nothing took any time."""
    chance: Chance | None


def view_front(record: RecordedSearch, knee: Trial | None) -> FrontView:
    """Return what the page shows of a search with several objectives; one of its members is ``knee``."""
    front, objectives = record.totals.front, record.spec.objectives
    infeasible = [trial for trial in record.trials if trial.state is TrialState.INFEASIBLE]
    measured = [found for trial in infeasible if (found := _reported(objectives, trial)) is not None]
    behind, worse = _behind(record)
    places = front.cover(MAX_ROWS)
    values = front.values
    rows = [_row(record, front.members[place], values[place], knee) for place in places]
    pairs = combinations(range(len(objectives)), 2)
    return FrontView(
        objectives=objectives,
        figures=[_figure(record, pair, behind, worse, measured, knee) for pair in pairs] if len(front) or worse else [],
        rows=rows,
        size=len(front),
        hypervolume=front.finite_hypervolume,
        reference=front.reference_in_words,
        best=front.best_in_words,
        knee=knee,
        shades=[(_nearness(place, len(behind)), len(each)) for place, each in enumerate(behind)],
        worse=len(worse),
        infeasible=len(infeasible),
        unknown=len(infeasible) - len(measured),
        has_spreads=any(row.confirmed for row in rows),
    )


def view_growth(record: RecordedSearch, found: Course, reference: Sequence[float]) -> GrowthView:
    """Return how the hypervolume above a reference grew, as ``found``."""
    random = chance(record, reference)
    lines = [Line("this search", found.hypervolumes)]
    if random is not None:
        lines.append(Line(f"{random.candidates} random candidates", random.means, random.deviations))
    by_trials = line_figure(
        lines, x_label="trials that ended", y_label="hypervolume", description="hypervolume of the front so far"
    )
    hours = found.hours[-1] if found.hours else 0.0
    return GrowthView(by_trials, _by_hours(record, found) if hours else None, random)


def _by_hours(record: RecordedSearch, found: Course) -> Markup:
    heights = [each.hypervolume for each in found.additions]
    unit = "GPU hours" if record.uses_gpus else "hours of trials"
    grown = Growth("this search", [each.hours for each in found.additions], heights, found.hours[-1])
    return growth_figure(
        [grown], x_label=unit, y_label="hypervolume", description=f"hypervolume of the front over {unit}"
    )


def _behind(record: RecordedSearch) -> tuple[list[list[Sequence[float]]], list[Sequence[float]]]:
    """Return the values of the results by the front behind the front that they are on, the nearest first, and of those
    that are worse than a reference.
    """
    objectives, results = record.spec.objectives, results_of(record.trials)
    members = {trial.index for trial in record.totals.front.members}
    ranks = find_standings(objectives, points_of(objectives, results)).tolist()
    shades: list[list[Sequence[float]]] = []
    worse: list[Sequence[float]] = []
    for trial, rank in zip(results, ranks, strict=True):
        values = values_of(objectives, trial) or ()
        if rank < 0:
            worse.append(values)
        elif trial.index not in members:
            # One that equals a member is as near as can be.
            place = min(max(rank, 1), MAX_RANKS) - 1
            shades += [[] for _ in range(place + 1 - len(shades))]
            shades[place].append(values)
    return shades, worse


def _figure(
    record: RecordedSearch,
    pair: tuple[int, int],
    behind: Sequence[Sequence[Sequence[float]]],
    worse: Sequence[Sequence[float]],
    infeasible: Sequence[Sequence[float]],
    knee: Trial | None,
) -> Markup:
    front, objectives = record.totals.front, record.spec.objectives
    upward, across = (objectives[place] for place in pair)
    limits = [*_limits(record, pair)]
    points = [
        _point(record, trial, values, pair, is_knee=trial is knee)
        for trial, values in zip(front.members, front.values, strict=True)
    ]
    shades = [[_place(values, pair) for values in shade] for shade in behind]
    outside = [_place(values, pair) for values in (*worse, *infeasible)]
    frame = frame_around(
        [*(point.at for point in points), *(place for shade in shades for place in shade)], outside, limits
    )
    return scatter_figure(
        frame,
        front=points,
        dominated=[place for values in worse if frame.holds(place := _place(values, pair))],
        behind=shades,
        infeasible=[place for values in infeasible if frame.holds(place := _place(values, pair))],
        limits=limits,
        # In two of more objectives, a front is no line.
        minimize=(across.minimize, upward.minimize) if len(objectives) == 2 else None,
        x_label=axis_label(across.name, minimize=across.minimize),
        y_label=axis_label(upward.name, minimize=upward.minimize),
        description=f"{upward.name} against {across.name}",
    )


def _row(record: RecordedSearch, trial: Trial, values: Sequence[float], knee: Trial | None) -> Row:
    found = find_repeated(record, trial)
    decisions = " ".join(f"{name}={to_text(value)}" for name, value in trial.decisions.items())
    said = [] if found is None else [found.in_words(place) for place in range(len(values))]
    return Row(trial, values, said, 0 if found is None else found.runs, decisions, trial is knee)


def _point(
    record: RecordedSearch, trial: Trial, values: Sequence[float], pair: tuple[int, int], *, is_knee: bool
) -> Point:
    title = f"trial {trial.index}: {in_words(record.spec.objectives, values)}"
    found = find_repeated(record, trial)
    spread = None
    if found is not None:
        title += f"; confirmed in {counted(found.runs, 'run')}"
        spread = Spread(_place(found.means, pair), _place([each or 0.0 for each in found.deviations], pair))
    return Point(_place(values, pair), title, is_ringed=is_knee, spread=spread)


def _place(values: Sequence[float], pair: tuple[int, int]) -> Place:
    upward, across = pair
    return values[across], values[upward]


def _reported(objectives: Sequence[Objective], trial: Trial) -> Sequence[float] | None:
    found = [trial.metrics.get(each.name) for each in objectives]
    known = [each for each in found if each is not None]
    return known if len(known) == len(found) else None


def _limits(record: RecordedSearch, pair: tuple[int, int]) -> Iterator[Limit]:
    """Yield hard limits, targets and references of the two objectives."""
    for place, is_upright in zip(pair, (False, True), strict=True):
        objective = record.spec.objectives[place]
        for limit in record.spec.hard_limits:
            if limit.metric == objective.name and limit.maximum is not None:
                yield Limit(limit.maximum, is_upright, "hard")
        if objective.target is not None:
            yield Limit(objective.target, is_upright, "soft")
        if objective.reference is not None:
            yield Limit(objective.reference, is_upright, "reference")


def _nearness(place: int, shades: int) -> int:
    return round(100 - 100 * place / shades)
