"""Recorded trials as agents fold them: those that cannot belong to a search are refused, and those with rungs told to
agents that know of none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from evonas.agents.curves import Curve
from evonas.agents.interface import InvalidRecord, Record, Rung
from evonas.agents.rewards import values_of
from evonas.space import Choices, SearchSpace


def check_record(space: SearchSpace, record: Record, objectives: int = 1) -> Choices:
    """Return the choices of the record's candidate; InvalidRecord if the record contradicts the space or itself, or is
    not of that many objectives.
    """
    try:
        choices = space.to_choices(record.decisions)
        _check_outcome(record, objectives)
    except ValueError as error:
        raise InvalidRecord(f"trial {record.index} cannot be of this search: {error}") from None
    return choices


def check_repeats(records: Sequence[Record]) -> None:
    """InvalidRecord if one is said to repeat a trial that has another candidate."""
    decisions = {record.index: record.decisions for record in records}
    for record in records:
        if record.repeats in decisions and decisions[record.repeats] != record.decisions:
            raise InvalidRecord(f"trial {record.index} repeats trial {record.repeats}, but has other decisions")


def without_rungs(records: Sequence[Record]) -> Iterator[Record]:
    """Yield records for an agent that knows nothing of rungs, with the number of outcomes that it had seen."""
    outcomes = [record.sequence for record in records if record.sequence is not None]
    rungs = [rung.sequence for record in records for rung in record.rungs if rung.sequence != record.sequence]
    places = sorted([(sequence, True) for sequence in outcomes] + [(sequence, False) for sequence in rungs])
    seen = [0, *accumulate(is_outcome for _, is_outcome in places)]
    for record in records:
        reward = record.rungs[-1].value if record.stopped else record.reward
        up_to = seen[min(record.observed_up_to, len(places))]
        yield replace(record, rungs=(), stopped=False, pauses=False, reward=reward, observed_up_to=up_to)


def curve_of(record: Record, objective: int = 0) -> Curve:
    """Return what a trial had reached at rungs in one objective."""
    return tuple((rung.step, _value_at(rung, objective)) for rung in record.rungs)


def _value_at(rung: Rung, objective: int) -> float:
    if rung.value is None:
        return -math.inf
    return rung.value[objective] if isinstance(rung.value, tuple) else rung.value


def _check_outcome(record: Record, objectives: int) -> None:
    if record.index < 0:
        raise ValueError("its index is negative")
    if record.repeats is not None and not 0 <= record.repeats < record.index:
        raise ValueError(f"it repeats trial {record.repeats}, which is not an earlier one")
    if record.sequence is None and record.reward is not None:
        raise ValueError("it has a reward but no place among the observations")
    if record.sequence is not None and record.abandoned:
        raise ValueError("it is both observed and abandoned")
    if record.stopped and (record.reward is not None or not record.rungs):
        raise ValueError("it was stopped, so it must have a rung and no reward")
    if record.stopped and record.pauses:
        raise ValueError("it was stopped at its last rung, so it cannot have been put aside there")
    if any(later.step <= rung.step for rung, later in pairwise(record.rungs)):
        raise ValueError("its rungs do not ascend")
    for rung in record.rungs:
        if rung.value is not None:
            values_of(rung.value, objectives, f"its value at step {rung.step}")
    if record.reward is not None:
        values_of(record.reward, objectives, "its reward")
