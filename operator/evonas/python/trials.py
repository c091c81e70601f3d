"""The trials of a search as values for Python: one record a trial, and a table of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, overload

from evonas.extras import require
from evonas.python.page import render
from evonas.recorded.fronts import ranks_of
from evonas.recorded.search import RecordedSearch
from evonas.recorded.table import OWN
from evonas.search import trial as recorded
from evonas.search.objective import values_of
from evonas.search.trial_environment import seed_of
from evonas.space import Value
from evonas.spec import SearchSpec

if TYPE_CHECKING:
    import pandas

MOST_ROWS = 10
"""How many trials a notebook shows at most."""


@dataclass(frozen=True)
class Trial:
    """One trial, as it is recorded at the moment."""

    index: int
    """Its number in the search, from 0."""
    decisions: Mapping[str, Value]
    """The candidate: its active decisions, in the order of the space."""
    state: str
    """``Pending``, ``Queued``, ``Running``, ``Paused``, ``Succeeded``, ``Infeasible``, ``Failed``, ``Stopped`` or
    ``Cancelled``."""
    reward: float | None
    """Value of the objective, or of the first of several, constraints included; None unless the trial succeeded."""
    metrics: Mapping[str, float]
    """All that was reported with the reward, by name."""
    rungs: Mapping[int, float | None]
    """What it had reached at each rung, by step; None where it had diverged."""
    origin: str
    """How the agent arrived at it: ``random``, ``mutation``, ``repeat``, …"""
    parent: int | None
    """Index of the trial whose candidate was changed, or is trained again."""
    seed: int
    """Seed of the training."""
    message: str
    """State, reason and what is to be said about it, on one line."""
    started: datetime | None
    """When its first attempt started."""
    ended: datetime | None
    """When its outcome was known."""
    seconds: float | None
    """From start to end, pauses left out."""
    objectives: Mapping[str, float] = field(default_factory=dict)
    """In a search with several objectives, the value of each by its metric, constraints included; empty unless the
    trial succeeded."""
    rank: int | None = None
    """In a search with several objectives, 0 on the front, 1 on the front of the others, and so on; None without a
    result, for one that is worse than a reference, and for a confirmation."""

    def _repr_html_(self) -> str:
        return render("trial.html.j2", trial=self)


def trial_of(spec: SearchSpec, trial: recorded.Trial, rank: int | None = None) -> Trial:
    """Return a recorded trial, with its rank where there are several objectives."""
    values = values_of(spec.objectives, trial) if spec.has_several else None
    return Trial(
        index=trial.index,
        decisions=spec.space.in_order(trial.decisions),
        state=trial.state.value,
        reward=trial.reward,
        metrics=dict(trial.metrics),
        rungs={result.step: result.value for result in trial.rungs},
        origin=trial.proposal.origin,
        parent=trial.proposal.parent,
        seed=seed_of(spec, trial),
        message=str(trial.outcome),
        started=trial.start_time,
        ended=trial.completion_time,
        seconds=trial.seconds,
        objectives={} if values is None else dict(zip((each.name for each in spec.objectives), values, strict=True)),
        rank=rank,
    )


class Trials(Sequence[Trial]):
    """Trials in the order of their indexes, or those of a front; a slice of them is ``Trials``, too."""

    def __init__(self, trials: Iterable[Trial], metric: str = "reward", objectives: Sequence[str] = ()) -> None:
        """``metric`` is what the search optimises, for headings; ``objectives`` are the metrics of several."""
        self._trials = tuple(trials)
        self.metric = metric
        self.objectives = tuple(objectives)

    @overload
    def __getitem__(self, place: int) -> Trial: ...

    @overload
    def __getitem__(self, place: slice) -> Trials: ...

    def __getitem__(self, place: int | slice) -> Trial | Trials:
        if isinstance(place, slice):
            return Trials(self._trials[place], self.metric, self.objectives)
        return self._trials[place]

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials)

    def __repr__(self) -> str:
        return f"Trials({list(self._trials)!r})"

    def to_pandas(self) -> pandas.DataFrame:
        """Return one row per trial, by index: ``state``, ``reward``, ``origin``, ``parent``, ``seed``, ``started``,
        ``ended``, ``seconds``, and a column for each decision (``decisions.width``) and metric (``metrics.accuracy``);
        of a search with several objectives, also ``rank`` and a column for each (``objectives.accuracy``). EvonasError
        without pandas.
        """
        require("notebooks", "a table for pandas")
        import pandas as pd  # noqa: PLC0415 - takes long to import

        number, *own = OWN
        decisions = dict.fromkeys(name for trial in self._trials for name in trial.decisions)
        metrics = dict.fromkeys(name for trial in self._trials for name in trial.metrics)
        columns = {
            **{name: [getattr(trial, name) for trial in self._trials] for name in own},
            **({"rank": [trial.rank for trial in self._trials]} if self.objectives else {}),
            **{
                f"objectives.{name}": [trial.objectives.get(name) for trial in self._trials] for name in self.objectives
            },
            **{f"decisions.{name}": [trial.decisions.get(name) for trial in self._trials] for name in decisions},
            **{f"metrics.{name}": [trial.metrics.get(name) for trial in self._trials] for name in metrics},
        }
        index = pd.Index([trial.index for trial in self._trials], name=number, dtype="int64")
        frame = pd.DataFrame(columns, index=index)
        types = {"parent": "Int64", "reward": "float64", "seconds": "float64"}
        if self.objectives:
            types |= {"rank": "Int64", **{f"objectives.{name}": "float64" for name in self.objectives}}
        return frame.astype(types)

    def _repr_html_(self) -> str:
        half = MOST_ROWS // 2
        is_long = len(self) > MOST_ROWS
        shown = [*self[:half], *self[-half:]] if is_long else list(self)
        cut = half if is_long else None
        return render(
            "trials.html.j2", trials=shown, metric=self.metric, objectives=self.objectives, cut=cut, of=len(self)
        )


def trials_of(record: RecordedSearch) -> Trials:
    """Return the trials of a record."""
    spec = record.spec
    ranks = ranks_of(spec.objectives, record.trials) if spec.has_several else {}
    found = (trial_of(spec, trial, ranks.get(trial.index)) for trial in record.trials)
    return Trials(found, spec.objective.name, names_of(spec))


def front_of(record: RecordedSearch) -> Trials:
    """Return the trials on the front, the best in the first objective first; with a single one, the best trial."""
    spec, best = record.spec, record.totals.best
    if spec.has_several:
        members = [trial_of(spec, member, 0) for member in record.totals.front.members]
    else:
        members = [] if best is None else [trial_of(spec, best)]
    return Trials(members, spec.objective.name, names_of(spec))


def names_of(spec: SearchSpec) -> Sequence[str]:
    """Return the metrics of several objectives; nothing for a single one."""
    return [each.name for each in spec.objectives] if spec.has_several else []
