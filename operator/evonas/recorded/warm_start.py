"""What a new search imports from the records of others: which results fit, which are chosen. Pure. ``backlog`` turns
them into trials. A candidate that was trained more than once, including confirmations, is one result with the mean of
its rewards: the best of many noisy rewards is partly luck.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from evonas.errors import EvonasError, InvalidManifest
from evonas.recorded.search import RecordedSearch
from evonas.search.backlog import Result
from evonas.search.objective import Evaluation, evaluate, oriented
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
    reward: float


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
                run = _Run(source.source, trial, _reward(spec, source, trial))
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
    chosen = _chosen(spec, results)
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
        minimize = source.spec.objective.minimize
    except InvalidManifest as invalid:
        raise UnusableSource(f"spec.warmStart: {source.source} holds an invalid manifest: {invalid}") from invalid
    if minimize != spec.objective.minimize:
        here, there = ("Minimize", "Maximize") if spec.objective.minimize else ("Maximize", "Minimize")
        raise UnusableSource(
            f"spec.warmStart: {source.source} has the goal {there}, this search has {here}; rewards can be"
            " imported only if both are the same"
        )


def _reward(spec: SearchSpec, source: RecordedSearch, trial: Trial) -> float:
    """Return the reward by this search's objective; ValueError if it cannot be determined."""
    mine, theirs = spec.objective, source.spec.objective
    same = (mine.metric, mine.constraints) == (theirs.metric, theirs.constraints)
    found = (
        Evaluation((trial.reward,))
        if same and trial.reward is not None
        else evaluate([mine], Report(metrics=trial.metrics))
    )
    if found.reward is None:
        raise ValueError(f"its reward by this search's objective is not known: {found.message or found.reason}")
    return found.reward


def _result(spec: SearchSpec, choices: Choices, runs: Sequence[_Run]) -> Result:
    first = runs[0]
    metrics: dict[str, list[float]] = {}
    for name, value in chain.from_iterable(run.trial.metrics.items() for run in runs):
        metrics.setdefault(name, []).append(value)
    return Result(
        source=first.source,
        trial=first.trial.index,
        decisions=spec.space.to_candidate(choices),
        reward=_mean([run.reward for run in runs]),
        metrics={name: _mean(values) for name, values in metrics.items()},
        runs=len(runs),
    )


def _mean(values: Sequence[float]) -> float:
    # Divided first: the sum of two large numbers may not be finite.
    return math.fsum(value / len(values) for value in values)


def _chosen(spec: SearchSpec, results: Sequence[Result]) -> Sequence[Result]:
    if len(results) <= MAX_RESULTS:
        return results
    places: Iterable[int] = range(len(results))
    ranked = sorted(places, key=lambda place: oriented(spec.objective, results[place].reward), reverse=True)
    best = set(ranked[: MAX_RESULTS // 2])
    latest = [place for place in places if place not in best][-(MAX_RESULTS - len(best)) :]
    return [results[place] for place in sorted(best.union(latest))]


def _by_learning(trial: Trial) -> tuple[bool, int, int]:
    """Order as the source's agent learned; confirmations, of which it did not, come last."""
    return trial.sequence is None, trial.sequence or 0, trial.index
