"""The front of a search with several objectives as text: for `evonas best`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from evonas.recorded.fronts import points_of, results_of
from evonas.recorded.repeated import Repeated, find_repeated
from evonas.recorded.search import RecordedSearch
from evonas.search.front import MAX_SHOWN
from evonas.search.objective import in_words, values_of
from evonas.search.trial import Trial
from evonas.search.trial_environment import to_text
from evonas.spec import Objective
from evonas.wording import counted

_ANY_WIDTH = 100_000
"""Of a console on which every table fits."""
_ROOM = 10
"""For decisions in one column: in a narrower one, few names and values stay whole."""
_FEW = 3
"""Below as many results, equal values are nothing to wonder at."""


def front_object(record: RecordedSearch) -> dict[str, Any]:
    """Return the whole front, for programs."""
    front, objectives = record.totals.front, record.spec.objectives
    return {
        "size": len(front),
        "hypervolume": front.finite_hypervolume,
        "reference": _by_metric(objectives, front.reference or ()),
        "members": [
            {
                "trial": trial.index,
                "values": _by_metric(objectives, values),
                **_confirmed(objectives, find_repeated(record, trial)),
                "decisions": record.spec.space.in_order(trial.decisions),
            }
            for trial, values in zip(front.members, front.values, strict=True)
        ],
    }


def front_view(record: RecordedSearch) -> RenderableType:
    """Return the front, for people: at most those of its members that stand for all."""
    front, objectives = record.totals.front, record.spec.objectives
    places = front.cover(MAX_SHOWN)
    members, values = [front.members[place] for place in places], [front.values[place] for place in places]
    names = [name for name in _names(members) if len(members) == 1 or _varies(name, members)]
    numbers = [
        [str(trial.index), *_said(own, find_repeated(record, trial))]
        for trial, own in zip(members, values, strict=True)
    ]
    headings = ["trial", *(each.title for each in objectives)]
    in_one = [_in_one(trial, names) for trial in members]
    table = _Fitting(
        _table(headings, names, numbers, [[_cell(trial, name) for name in names] for trial in members]),
        _table(headings, ["decisions"], numbers, [[chosen] for chosen in in_one]),
        _table(headings, [], numbers, [[] for _ in members]),
        Text("\n".join(_in_line(headings, *each) for each in zip(numbers, in_one, strict=True))),
    )
    return Group(*_summary(record, len(members)), table, *_same(members, names))


@dataclass(frozen=True)
class _Fitting:
    """A table with a column for each decision or, where that is wider than the console, with one for all of them;
    where numbers alone fill the console, no table: a number that is cut off is none, and a decision that is left out
    is missed.
    """

    wide: Table
    narrow: Table
    numbers: Table
    """The table without decisions, to be measured."""
    lines: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        unbounded = options.update(width=_ANY_WIDTH)
        if console.measure(self.wide, options=unbounded).maximum <= options.max_width:
            yield self.wide
        elif console.measure(self.numbers, options=unbounded).maximum + _ROOM <= options.max_width:
            yield self.narrow
        else:
            yield self.lines


def _table(
    headings: Sequence[str], names: Sequence[str], numbers: Sequence[Sequence[str]], decisions: Sequence[Sequence[str]]
) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for name in names:
        table.add_column(name, overflow="fold")
    for own, chosen in zip(numbers, decisions, strict=True):
        table.add_row(*own, *chosen)
    return table


def _cell(trial: Trial, name: str) -> str:
    return "-" if name not in trial.decisions else to_text(trial.decisions[name])


def _in_one(trial: Trial, names: Sequence[str]) -> str:
    return " ".join(f"{name}={to_text(trial.decisions[name])}" for name in names if name in trial.decisions)


def _in_line(headings: Sequence[str], numbers: Sequence[str], decisions: str) -> str:
    trial, *values = (f"{heading} {number}" for heading, number in zip(headings, numbers, strict=True))
    return "; ".join(filter(None, (f"{trial}: {', '.join(values)}", decisions)))


def describe_front(record: RecordedSearch) -> str:
    """Return how large the front is, and what it is worth, measured from where."""
    front = record.totals.front
    worth = f"hypervolume {front.finite_hypervolume:.6g} measured from {front.reference_in_words}"
    return f"{counted(len(front), 'trial')} on the front, {worth}"


def results_in_words(record: RecordedSearch, trial: Trial) -> str:
    """Return what a trial reached in each objective; for a search with one objective, its reward."""
    objectives = record.spec.objectives
    values = values_of(objectives, trial)
    if values is None:
        return "no reward"
    return in_words(objectives, values)


def confirmed_in_words(record: RecordedSearch, trial: Trial) -> str:
    """Return what a trial's confirmations have shown in each objective; empty without any."""
    found = find_repeated(record, trial)
    if found is None:
        return ""
    said = ", ".join(f"{each.title} {found.in_words(place)}" for place, each in enumerate(record.spec.objectives))
    return f"confirmed in {counted(found.runs, 'run')}: {said}"


def _summary(record: RecordedSearch, shown: int) -> Iterator[str]:
    size = len(record.totals.front)
    yield describe_front(record)
    yield from _constant(record)
    if size > shown:
        yield f"the {shown} that stand for all best are shown; -o json has all"


def _constant(record: RecordedSearch) -> Iterator[str]:
    """Name the objectives that have told no results apart: more often than not, the trial measures something else."""
    objectives, results = record.spec.objectives, results_of(record.trials)
    if len(results) < _FEW:
        return
    values = values_of(objectives, results[0]) or ()
    columns = points_of(objectives, results).T.tolist()
    for objective, value, column in zip(objectives, values, columns, strict=True):
        if len(set(column)) == 1:
            known = f"{objective.title} is {value:.6g} in all {len(results):,} results"
            yield f"{known}: check that the trials report what they measure"


def _said(values: Sequence[float], found: Repeated | None) -> Iterator[str]:
    """Yield each value, with what its confirmations have shown."""
    for place, value in enumerate(values):
        confirmed = "" if found is None else f" ({found.in_words(place)}, {counted(found.runs, 'run')})"
        yield f"{value:.6g}{confirmed}"


def _same(members: Sequence[Trial], names: Sequence[str]) -> Iterator[str]:
    shared = {name: value for name, value in members[0].decisions.items() if name not in names} if members else {}
    if shared:
        yield f"the same in all: {' '.join(f'{name}={to_text(value)}' for name, value in shared.items())}"


def _names(members: Sequence[Trial]) -> list[str]:
    return [*dict.fromkeys(name for trial in members for name in trial.decisions)]


def _varies(name: str, members: Sequence[Trial]) -> bool:
    said = {to_text(trial.decisions[name]) if name in trial.decisions else None for trial in members}
    return len(said) > 1


def _confirmed(objectives: Sequence[Objective], found: Repeated | None) -> Mapping[str, Any]:
    if found is None:
        return {}
    means, deviations = _by_metric(objectives, found.means), _by_metric(objectives, found.deviations)
    return {"confirmed": {"runs": found.runs, "means": means, "deviations": deviations}}


def _by_metric(objectives: Sequence[Objective], values: Sequence[float | None]) -> dict[str, float | None]:
    return dict(zip((each.name for each in objectives), values, strict=False))
