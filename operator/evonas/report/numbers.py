"""What the live page's charts draw, as objects of JSON with the names that the API of `evonas ui` has for them. Its
answers and the report's own data are made of these. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from evonas.recorded.comparing import common_reference
from evonas.recorded.fronts import Values, find_standings, grow, points_of, results_of
from evonas.recorded.search import RecordedSearch
from evonas.report.groups import Group
from evonas.report.importance import Importance
from evonas.report.policy import LearnedPolicy
from evonas.report.progress import Improvement
from evonas.report.values import shares_of
from evonas.search.objective import values_of
from evonas.search.totals import WINDOW
from evonas.search.trial import Trial
from evonas.space import Decision, SearchSpace
from evonas.spec import Objective, SearchSpec

T = TypeVar("T")


def declaration_of(spec: SearchSpec) -> dict[str, Any]:
    """Return what a search's declaration says about the axes of charts, and what they mark."""
    steps = () if spec.fidelity is None else spec.fidelity.steps
    return {
        "space": [_decision(spec.space, decision) for decision in spec.space.decisions],
        "constraints": [
            {"metric": constraint.metric, "target": constraint.target, "maximum": constraint.maximum}
            for objective in spec.objectives
            for constraint in objective.constraints
        ],
        "window": WINDOW,
        "rungs": list(steps[:-1]),
        "lastStep": steps[-1] if steps else None,
        "pauses": spec.pauses,
        "target": spec.objective.target,
    }


def objectives_of(objectives: Sequence[Objective]) -> list[dict[str, Any]]:
    """Return what a search optimises."""
    return [
        {"metric": each.name, "minimize": each.minimize, "target": each.target, "reference": each.reference}
        for each in objectives
    ]


def front_of(record: RecordedSearch) -> dict[str, Any] | None:
    """Return the front of a search with several objectives; None with a single one."""
    if not record.spec.has_several:
        return None
    front = record.totals.front
    members, values = front.members, front.values
    return {
        "size": len(front),
        "hypervolume": front.finite_hypervolume if front.reference else None,
        "reference": None if front.reference is None else list(front.reference),
        "members": [{"index": members[place].index, "values": list(values[place])} for place in front.cover()],
    }


def ranks_of(record: RecordedSearch) -> dict[str, Any]:
    """Return how all results stand to the front, and how its hypervolume grew; of a search with a single objective,
    nothing."""
    objectives = record.spec.objectives
    results = results_of(record.trials) if record.spec.has_several else []
    ranks = find_standings(objectives, points_of(objectives, results)).tolist()
    steps = grow(objectives, results)
    return {
        "index": [trial.index for trial in results],
        "rank": [None if rank < 0 else rank for rank in ranks],
        "results": list(steps.results),
        "hypervolumes": list(steps.volumes),
    }


def objective_columns(objectives: Sequence[Objective], trials: Sequence[Trial]) -> dict[str, list[float | None]]:
    """Return a column for each of several objectives: its value, at the last rung where a trial ended there, or as it
    was reported where a trial is infeasible. None with a single objective.
    """
    if len(objectives) < 2:
        return {}
    rows = [_values(objectives, trial) for trial in trials]
    return {each.name: [row[place] for row in rows] for place, each in enumerate(objectives)}


def columns_of(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return trials by column: what every chart of them needs, besides decisions and metrics (``by_name``)."""
    return {
        "index": [trial.index for trial in trials],
        "state": [trial.state for trial in trials],
        "origin": [trial.proposal.origin for trial in trials],
        "parent": [trial.proposal.parent for trial in trials],
        "reward": [trial.reward for trial in trials],
        "value": [trial.last_value for trial in trials],
        "step": [trial.rungs[-1].step if trial.rungs else None for trial in trials],
        "sequence": [trial.sequence for trial in trials],
        "seconds": [trial.seconds for trial in trials],
        "confirmation": [trial.is_confirmation for trial in trials],
    }


def by_name(rows: Sequence[Mapping[str, T]]) -> dict[str, list[T | None]]:
    """Return a column for each name in any row, in the order of their first appearance."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def importance_of(found: Importance) -> dict[str, Any]:
    """Return how much each decision matters."""
    shares = [{"decision": name, "share": share} for name, share in found.shares.items()]
    return {"explained": found.explained, "shares": shares}


def policy_of(space: SearchSpace, found: LearnedPolicy) -> dict[str, Any]:
    """Return how the policy's probabilities changed."""
    moments = [
        {
            "results": moment.rewards,
            "probabilities": {
                decision.name: shares_of(moment, decision, has_absent=decision.when is not None)
                for decision in space.decisions
            },
        }
        for moment in found.history
    ]
    return {"moments": moments, "problem": found.problem or None, "foreign": found.is_foreign}


def improvements_of(found: Iterable[Improvement]) -> list[dict[str, Any]]:
    """Return the trials that were better than all before them or, with several objectives, were added to the front:
    their value is what its hypervolume came to.
    """
    return [
        {
            "index": step.trial.index,
            "value": step.trial.reward if step.hypervolume is None else step.hypervolume,
            "gain": step.gain,
            "hours": step.hours,
            "spent": step.spent,
        }
        for step in found
    ]


def comparison_of(groups: Sequence[Group], names: Mapping[int, str]) -> dict[str, Any]:
    """Return the curves of groups of searches with the same objectives; ``names`` are what these are called, by the id
    of their record."""
    records = [record for found in groups for record in found.records]
    spec = records[0].spec
    reference = common_reference(records) if spec.has_several else None
    return {
        "metric": spec.objective.name,
        "minimize": spec.objective.minimize,
        "objectives": objectives_of(spec.objectives),
        "reference": None if reference is None else list(reference),
        "window": WINDOW,
        "groups": [
            {
                "label": found.label,
                "searches": [names[id(record)] for record in found.records],
                **(_hypervolumes(found, reference) if spec.has_several else _curves(found)),
            }
            for found in groups
        ],
    }


def _curves(found: Group) -> dict[str, Any]:
    return {
        "averages": list(found.averages.values),
        "averageDeviations": list(found.averages.deviations),
        "bests": list(found.bests.values),
        "bestDeviations": list(found.bests.deviations),
        "hypervolumes": [],
        "hypervolumeDeviations": [],
        "reached": [],
    }


def _hypervolumes(found: Group, reference: Values | None) -> dict[str, Any]:
    line = found.hypervolumes(reference)
    return {
        "averages": [],
        "averageDeviations": [],
        "bests": [],
        "bestDeviations": [],
        "hypervolumes": list(line.values),
        "hypervolumeDeviations": list(line.deviations),
        "reached": found.reached(reference),
    }


def _values(objectives: Sequence[Objective], trial: Trial) -> Sequence[float | None]:
    if trial.state.is_at_rung and trial.rungs and trial.rungs[-1].others:
        return (trial.rungs[-1].value, *trial.rungs[-1].others)
    values = values_of(objectives, trial)
    return [trial.metrics.get(each.name) for each in objectives] if values is None else values


def _decision(space: SearchSpace, decision: Decision) -> dict[str, Any]:
    when = None
    if decision.when is not None:
        earlier = space.decisions[decision.when.position]
        choices = [earlier.values[choice] for choice in sorted(decision.when.choices)]
        when = {"decision": earlier.name, "values": choices}
    return {"name": decision.name, "values": list(decision.values), "ordered": decision.ordered, "when": when}
