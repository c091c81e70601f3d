"""Validates recorded trials before any agent folds them: those that cannot belong to this search are refused."""

from __future__ import annotations

import math
from itertools import pairwise

from evonas.agents.interface import InvalidRecord, Record
from evonas.space import Choices, SearchSpace


def check_record(space: SearchSpace, record: Record) -> Choices:
    """Return the choices of the record's candidate; InvalidRecord if the record contradicts the space or itself."""
    try:
        choices = space.to_choices(record.decisions)
        _check_outcome(record)
    except ValueError as error:
        raise InvalidRecord(f"trial {record.index} cannot be of this search: {error}") from None
    return choices


def _check_outcome(record: Record) -> None:
    if record.index < 0:
        raise ValueError("its index is negative")
    if record.sequence is None and record.reward is not None:
        raise ValueError("it has a reward but no place among the observations")
    if record.sequence is not None and record.abandoned:
        raise ValueError("it is both observed and abandoned")
    if record.stopped and (record.reward is not None or not record.rungs):
        raise ValueError("it was stopped, so it must have a rung and no reward")
    if any(later.step <= rung.step for rung, later in pairwise(record.rungs)):
        raise ValueError("its rungs do not ascend")
    if any(rung.value is not None and not math.isfinite(rung.value) for rung in record.rungs):
        raise ValueError("its values at rungs must be finite numbers")
    if record.reward is not None and not math.isfinite(record.reward):
        raise ValueError(f"its reward must be a finite number, got {record.reward}")
