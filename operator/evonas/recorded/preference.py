"""Which candidate to take where none is the best: a rule that a user writes, such as ``accuracy>=0.92,min:latency_ms``
or ``knee``. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evonas.domination import find_knee
from evonas.errors import EvonasError
from evonas.hints import did_you_mean
from evonas.recorded.pareto import REWARD, Axis
from evonas.recorded.search import RecordedSearch
from evonas.search.means import mean
from evonas.search.objective import oriented_values, values_of
from evonas.search.outcome import why_no_result
from evonas.search.trial import Trial

KNEE = "knee"
FORM = "write conditions and then one choice, such as accuracy>=0.92,min:latency_ms or knee"
_CONDITION = re.compile(r"(?P<metric>.+?)\s*(?P<sign>>=|<=)\s*(?P<bound>\S+)")
_OTHER_SIGN = re.compile(r".+?\s*[<>=]\s*[^\s<>=]+")
_CHOICE = re.compile(r"(?P<way>min|max):\s*(?P<metric>.+)")


@dataclass(frozen=True)
class Condition:
    """A bound on a metric."""

    metric: str
    is_least: bool
    """Whether it bounds from below."""
    bound: float
    written: str

    def lacks(self, value: float) -> float:
        """Return by how much a value misses it; 0 if it does not."""
        return max(0.0, self.bound - value if self.is_least else value - self.bound)


@dataclass(frozen=True)
class Preference:
    """What must hold, and of what then is left, which to take."""

    conditions: tuple[Condition, ...]
    choice: Axis | None
    """None for the knee."""


def parse_preference(text: str, asked: str = "") -> Preference:
    """Return the rule; EvonasError, which begins with how the user ``asked``, if it is none."""
    asked = asked or f"rule {text}"
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if _OTHER_SIGN.fullmatch(part) and not (_CONDITION.fullmatch(part) or _is_choice(part)):
            raise EvonasError(f"{asked}: {part!r} is no condition: conditions have >= or <=; {FORM}")
    choices = [part for part in parts if _is_choice(part)]
    if len(choices) > 1:
        raise EvonasError(f"{asked}: {' and '.join(choices)} are {len(choices)} choices; keep one, as the last part")
    *conditions, choice = parts
    if choices and choices != [choice]:
        moved = ",".join([*(part for part in parts if part not in choices), *choices])
        raise EvonasError(f"{asked}: the choice comes last; write {moved}")
    if _CONDITION.fullmatch(choice) and not choices:
        raise EvonasError(f"{asked}: several may meet that; end it with min:METRIC, max:METRIC or {KNEE}")
    return Preference(tuple(_condition(part, asked) for part in conditions), _choice(choice, asked))


def prefer(record: RecordedSearch, rule: Preference) -> Trial:
    """Return the trial that a rule picks from the front or, in a search with one objective, from all with a result;
    among equals the better one in the first objective. A confirmed trial is judged by the means of its confirmations.
    EvonasError if the rule names an unknown metric, or picks none.
    """
    trials, whose = _choosable(record)
    if not trials:
        raise EvonasError(why_none(record))
    _check_known(record, trials, rule)
    left = [trial for trial in trials if all(_meets(record, trial, each) for each in rule.conditions)]
    if not left:
        raise EvonasError(_what_excludes(record, trials, whose, rule.conditions))
    if rule.choice is None:
        return left[_knee(record, left)]
    choice = rule.choice
    known = [(value, trial) for trial in left if (value := measured(record, trial, choice.metric)) is not None]
    if not known:
        raise EvonasError(f"none of what meets the conditions has reported {choice.metric}")
    return max(known, key=lambda each: choice.merit(each[0]))[1]


def why_none(record: RecordedSearch) -> str:
    """Say why a search has no candidate to choose; of one that is over, what there was instead."""
    lacks = f"{record.source} has no {'front' if record.spec.has_several else 'trial with a reward'}"
    if record.phase.is_over:
        return f"{lacks}: {why_no_result(record.totals)}"
    if not record.spec.has_several:
        return f"{lacks} yet"
    known = record.totals.front.best_in_words
    return f"{lacks} yet: {f'no result is as good as every reference: {known}' if known else 'there are no results'}"


def measured(record: RecordedSearch, trial: Trial, metric: str) -> float | None:
    """Return what a trial reported or, if it was confirmed, the mean of what its confirmations did; None if it did
    not. ``reward`` is the recorded reward, soft constraints included.
    """
    runs = [run for run in record.totals.confirmations.get(trial.index, {}).values() if run.reward is not None]
    axis = Axis(metric, minimize=False)
    values = [value for run in runs or [trial] if (value := axis.of(run)) is not None]
    return mean(values) if values else None


def _is_choice(part: str) -> bool:
    return part == KNEE or _CHOICE.fullmatch(part) is not None


def _condition(part: str, asked: str) -> Condition:
    found = _CONDITION.fullmatch(part)
    if found is None:
        raise EvonasError(f"{asked}: {part!r} is no condition; {FORM}")
    try:
        bound = float(found["bound"])
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise EvonasError(f"{asked}: {found['bound']!r} is no number")
    return Condition(found["metric"], found["sign"] == ">=", bound, part)


def _choice(part: str, asked: str) -> Axis | None:
    if part == KNEE:
        return None
    found = _CHOICE.fullmatch(part)
    if found is None:
        raise EvonasError(f"{asked}: {part!r} is no choice{did_you_mean(part, [KNEE])}; {FORM}")
    return Axis(found["metric"], minimize=found["way"] == "min")


def _choosable(record: RecordedSearch) -> tuple[Sequence[Trial], str]:
    """Return the trials to choose from, the best in the first objective first, and what they are called."""
    if record.spec.has_several:
        return record.totals.front.members, "member of the front"
    minimize = record.spec.objective.minimize
    rewarded = [trial for trial in record.trials if trial.reward is not None and not trial.is_confirmation]
    axis = Axis(REWARD, minimize)
    return sorted(
        rewarded, key=lambda trial: (-axis.merit(trial.reward or 0.0), trial.sequence or 0)
    ), "trial with a result"


def _check_known(record: RecordedSearch, trials: Sequence[Trial], rule: Preference) -> None:
    if rule.choice is None and not record.spec.has_several:
        raise EvonasError(
            f"{record.source} has one objective, so its results have no {KNEE}; "
            "name a metric by min:METRIC or max:METRIC"
        )
    known = {REWARD, *(name for trial in trials for name in trial.metrics)}
    for name in [*(each.metric for each in rule.conditions), *([rule.choice.metric] if rule.choice else [])]:
        if name not in known:
            listed = ", ".join(sorted(known))
            raise EvonasError(f"no trial reported a metric {name!r}, only {listed}{did_you_mean(name, known)}")


def _meets(record: RecordedSearch, trial: Trial, condition: Condition) -> bool:
    value = measured(record, trial, condition.metric)
    return value is not None and condition.lacks(value) == 0


def _knee(record: RecordedSearch, trials: Sequence[Trial]) -> int:
    objectives = record.spec.objectives
    return find_knee(np.array([oriented_values(objectives, values_of(objectives, trial) or ()) for trial in trials]))


def _what_excludes(record: RecordedSearch, trials: Sequence[Trial], whose: str, conditions: Sequence[Condition]) -> str:
    """Say which condition nothing meets or, where each is met by some, that they are not met together; and what comes
    nearest.
    """
    for condition in conditions:
        known = [(value, trial) for trial in trials if (value := measured(record, trial, condition.metric)) is not None]
        if all(condition.lacks(value) > 0 for value, _ in known):
            value, nearest = known[
                min(range(len(known)), key=[condition.lacks(value) for value, _ in known].__getitem__)
            ]
            return f"no {whose} has {condition.written}: the nearest is trial {nearest.index} with {value:.6g}"
    met = {trial.index: sum(_meets(record, trial, each) for each in conditions) for trial in trials}
    most = max(met.values())
    nearest = min(
        (trial for trial in trials if met[trial.index] == most),
        key=lambda trial: _missed(record, trial, trials, conditions),
    )
    missed = [
        f"{each.metric} {value:.6g}"
        if (value := measured(record, nearest, each.metric)) is not None
        else f"no {each.metric}"
        for each in conditions
        if not _meets(record, nearest, each)
    ]
    written = " and ".join(each.written for each in conditions)
    return (
        f"no {whose} has {written}, though each is met by some: the nearest is trial {nearest.index}, which meets"
        f" {most} of them, but has {' and '.join(missed)}"
    )


def _missed(record: RecordedSearch, trial: Trial, trials: Sequence[Trial], conditions: Sequence[Condition]) -> float:
    """Return by how much a trial misses conditions, each relative to the extent of its metric."""
    total = 0.0
    for condition in conditions:
        known = [value for each in trials if (value := measured(record, each, condition.metric)) is not None]
        value = measured(record, trial, condition.metric)
        extent = max(known) - min(known) or 1.0
        total += 1.0 if value is None else condition.lacks(value) / extent
    return total
