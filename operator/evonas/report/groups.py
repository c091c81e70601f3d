"""Groups searches that differ only in their seed: the mean of their curves and its standard deviation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evonas.recorded.curves import best_so_far, moving_average, rewards_in_order
from evonas.recorded.fronts import grow
from evonas.recorded.search import RecordedSearch, manifest_of
from evonas.report.figures.lines import Line
from evonas.report.scaling import scaled, unscaled
from evonas.schema import check_and_default


@dataclass(frozen=True)
class Group:
    """One search, or several that differ only in their seed."""

    label: str
    records: tuple[RecordedSearch, ...]

    @cached_property
    def averages(self) -> Line:
        """The moving averages of the rewards."""
        return _mean(self.label, [moving_average(rewards_in_order(record.trials)) for record in self.records])

    @cached_property
    def bests(self) -> Line:
        """The best rewards so far."""
        minimize = self.records[0].spec.objective.minimize
        curves = [best_so_far(rewards_in_order(record.trials), minimize=minimize) for record in self.records]
        return _mean(self.label, curves)

    def hypervolumes(self, reference: Sequence[float] | None) -> Line:
        """The hypervolumes of the fronts after each result, measured from a reference."""
        return _mean(self.label, [_hypervolumes(record, reference) for record in self.records])

    def reached(self, reference: Sequence[float] | None) -> list[float]:
        """The hypervolume that the front of each search came to, measured from a reference."""
        steps = [grow(record.spec.objectives, record.trials, reference) for record in self.records]
        return [found.volumes[-1] if found.volumes else 0.0 for found in steps]


def group(records: Sequence[RecordedSearch]) -> list[Group]:
    """Return the groups, in the order of their first searches."""
    members: dict[str, list[RecordedSearch]] = {}
    for record in records:
        members.setdefault(_without_seed(record), []).append(record)
    names = Counter(record.identity.name for record in records)
    types = Counter(found[0].spec.agent.type for found in members.values())
    groups = []
    for found in members.values():
        first = found[0]
        label = first.identity.name if names[first.identity.name] == 1 else first.source
        if len(found) > 1:
            label = first.spec.agent.type if types[first.spec.agent.type] == 1 else label
            label = f"{label} ({len(found)} runs)"
        groups.append(Group(label, tuple(found)))
    return groups


def _without_seed(record: RecordedSearch) -> str:
    spec: dict[str, Any] = check_and_default(manifest_of(record.body))[0]["spec"]
    agent = {key: value for key, value in spec["agent"].items() if key != "seed"}
    objectives = spec.get("objective"), spec.get("objectives")
    return json.dumps([spec["searchSpace"], *objectives, agent, spec.get("fidelity")], sort_keys=True)


def _hypervolumes(record: RecordedSearch, reference: Sequence[float] | None) -> list[float]:
    steps = grow(record.spec.objectives, record.trials, reference)
    return [steps.at(place) for place in range(1, len(rewards_in_order(record.trials)) + 1)]


def _mean(label: str, curves: Sequence[Sequence[float]]) -> Line:
    """Return the mean up to the end of the shortest curve, and one standard deviation of the runs."""
    length = min(map(len, curves))
    values, exponent = scaled(np.array([curve[:length] for curve in curves], np.float64))
    deviations = unscaled(values.std(axis=0, ddof=1), exponent) if len(curves) > 1 else ()
    return Line(label, unscaled(values.mean(axis=0), exponent), deviations)
