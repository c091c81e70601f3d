"""What a new search imports from the records of others: which results fit, which are chosen. Pure. ``backlog`` turns
them into trials. A candidate that was trained more than once, including confirmations, is one result with the mean of
its rewards: the best of many noisy rewards is partly luck.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, product

import numpy as np

from evonas.domination import order
from evonas.errors import EvonasError, InvalidManifest
from evonas.recorded.search import RecordedSearch
from evonas.search.backlog import Result
from evonas.search.objective import Evaluation, evaluate, oriented_values, values_of
from evonas.search.trial import Trial
from evonas.search.trial_report import Report
from evonas.space import Choices
from evonas.spec import SearchSpec
from evonas.wording import counted

MAX_RESULTS = 200
"""How many results are imported at most, half of them the best, half the latest of the others: each becomes an
object."""


class UnusableSource(EvonasError):
    """What ``spec.warmStart`` names cannot be imported, at least not yet."""


@dataclass(frozen=True)
class ResultsToImport:
    """What is to be imported."""

    results: Sequence[Result]
    """In the order in which they were obtained: what an agent forgets first comes first."""
    note: str
    """What was found and what was left out, in a sentence."""


@dataclass(frozen=True)
class _Run:
    source: str
    trial: Trial
    values: tuple[float, ...]
    """Of this search's objectives."""


def choose_results(spec: SearchSpec, sources: Sequence[RecordedSearch]) -> ResultsToImport:
    """Choose the results to import; UnusableSource if there is none, or if a source has the opposite goal."""
    runs: dict[Choices, list[_Run]] = {}
    misfits: list[str] = []
    seen: set[tuple[str, int]] = set()
    for source in sources:
        _check_direction(spec, source)
        for trial in sorted(source.trials, key=_by_learning):
            if trial.reward is None or _run_of(source, trial) in seen:
                continue
            seen.add(_run_of(source, trial))
            try:
                run = _Run(source.source, trial, _values(spec, source, trial))
                runs.setdefault(spec.space.to_choices(trial.decisions), []).append(run)
            except ValueError as misfit:
                misfits.append(f"trial {trial.index} of {source.source}: {misfit}")
    names = " and ".join(source.source for source in sources)
    if not runs and misfits:
        raise UnusableSource(
            f"spec.warmStart: none of the {len(misfits)} results of {names} fits this search, {misfits[0]}"
        )
    if not runs:
        raise UnusableSource(f"spec.warmStart: {names} has no trial that succeeded")
    results = [_result(spec, choices, group) for choices, group in runs.items()]
    chosen = [results[place] for place in _chosen(spec, [_means(group) for group in runs.values()])]
    note = f"{counted(len(chosen), 'result')} of {names} {'was' if len(chosen) == 1 else 'were'} imported"
    if len(chosen) < len(results):
        note += f", the best and the latest of {len(results)}"
    if misfits:
        note += f"; {len(misfits)} do not fit this search and were left out, first {misfits[0]}"
    return ResultsToImport(chosen, note)


def _run_of(source: RecordedSearch, trial: Trial) -> tuple[str, int]:
    """Return which search's trial was run: two searches that share a result got it from one run."""
    if trial.reused is not None:
        return trial.reused.uid, trial.reused.index
    return source.identity.uid, trial.index


def _check_direction(spec: SearchSpec, source: RecordedSearch) -> None:
    try:
        theirs = source.spec.objectives
    except InvalidManifest as invalid:
        raise UnusableSource(f"spec.warmStart: {source.source} holds an invalid manifest: {invalid}") from invalid
    single = len(theirs) == len(spec.objectives) == 1
    for mine, other in product(spec.objectives, theirs):
        if mine.minimize == other.minimize or not (single or mine.metric == other.metric):
            continue
        here, there = ("Minimize", "Maximize") if mine.minimize else ("Maximize", "Minimize")
        of = "" if single else f" for {mine.name}"
        raise UnusableSource(
            f"spec.warmStart: {source.source} has the goal {there}{of}, this search has {here}; rewards can be"
            " imported only if both are the same"
        )


def _values(spec: SearchSpec, source: RecordedSearch, trial: Trial) -> tuple[float, ...]:
    """Return the values by this search's objectives; ValueError if one cannot be determined."""
    known = {
        (theirs.metric, theirs.constraints): value
        for theirs, value in zip(source.spec.objectives, values_of(source.spec.objectives, trial) or (), strict=True)
    }
    values = []
    for mine in spec.objectives:
        value = known.get((mine.metric, mine.constraints))
        found = Evaluation((value,)) if value is not None else evaluate([mine], Report(metrics=trial.metrics))
        if found.reward is None:
            which = "objective" if len(spec.objectives) == 1 else f"objective {mine.name}"
            raise ValueError(f"its reward by this search's {which} is not known: {found.message or found.reason}")
        values.append(found.reward)
    return tuple(values)


def _result(spec: SearchSpec, choices: Choices, runs: Sequence[_Run]) -> Result:
    first = runs[0]
    metrics: dict[str, list[float]] = {}
    for name, value in chain.from_iterable(run.trial.metrics.items() for run in runs):
        metrics.setdefault(name, []).append(value)
    return Result(
        source=first.source,
        trial=first.trial.index,
        decisions=spec.space.to_candidate(choices),
        reward=_means(runs)[0],
        metrics={name: _mean(values) for name, values in metrics.items()},
        runs=len(runs),
    )


def _means(runs: Sequence[_Run]) -> tuple[float, ...]:
    return tuple(map(_mean, zip(*(run.values for run in runs), strict=True)))


def _mean(values: Sequence[float]) -> float:
    # Divided first: the sum of two large numbers may not be finite.
    return math.fsum(value / len(values) for value in values)


def _chosen(spec: SearchSpec, values: Sequence[tuple[float, ...]]) -> Sequence[int]:
    """Return the places of those results to import."""
    places = range(len(values))
    if len(values) <= MAX_RESULTS:
        return places
    points = [oriented_values(spec.objectives, each) for each in values]
    if spec.has_several:
        ranked: Sequence[int] = order(np.array(points)).tolist()
    else:
        ranked = sorted(places, key=lambda place: points[place], reverse=True)
    best = set(ranked[: MAX_RESULTS // 2])
    latest = [place for place in places if place not in best][-(MAX_RESULTS - len(best)) :]
    return sorted(best.union(latest))


def _by_learning(trial: Trial) -> tuple[bool, int, int]:
    """Order as the source's agent learned; confirmations, of which it did not, come last."""
    return trial.sequence is None, trial.sequence or 0, trial.index
