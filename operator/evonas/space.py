"""The search space: an ordered list of decisions, each with finitely many values, some of them conditional.

Pure and frozen. ``spec`` parses manifests into it, the agents search it. A candidate is a mapping from the names of
the *active* decisions to values; its ``choices`` are the same as indexes into each decision's values, ``INACTIVE``
where a decision does not exist for this candidate.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from evonas.errors import FieldProblem, InvalidManifest
from evonas.hints import did_you_mean, misread
from evonas.variables import DECISION_PREFIX

Value = str | int | float | bool
Choices = tuple[int, ...]

_ENCODER = json.JSONEncoder(sort_keys=True)
INACTIVE = -1
"""Stands in ``Choices`` for a decision whose condition does not hold."""

DEFAULT_STEPS = 10
"""How many values a range is divided into by default (the CRD's default)."""


@dataclass(frozen=True)
class When:
    """The condition of a conditional decision: it exists while decision ``name`` has one of ``choices``."""

    position: int
    """Position of the earlier decision in the space."""
    choices: frozenset[int]
    """Indexes into the earlier decision's values."""


@dataclass(frozen=True)
class Decision:
    """One dimension of the space."""

    name: str
    values: tuple[Value, ...]
    when: When | None = None
    ordered: bool = False
    """True for ranges: neighbouring values are alike."""

    @cached_property
    def _index(self) -> dict[str, int]:
        return {identity(value): index for index, value in enumerate(self.values)}

    def index_of(self, value: Any) -> int:
        """Return the index of ``value``; KeyError if it is not among the values."""
        return self._index[identity(value)]


@dataclass(frozen=True)
class SearchSpace:
    """An ordered, validated list of decisions; conditions point backwards only."""

    decisions: tuple[Decision, ...]

    @classmethod
    def parse(cls, manifest: Sequence[Mapping[str, Any]], field: str = "spec.searchSpace") -> SearchSpace:
        """Parse the manifest's ``searchSpace`` list.

        The list is assumed to fit the CRD's schema (``spec.SearchSpec.parse`` checks it first); this adds the semantics
        that a schema cannot express. Raises InvalidManifest with every problem, with fields relative to ``field``.
        """
        problems: list[FieldProblem] = []
        decisions: list[Decision] = []
        positions: dict[str, int] = {}
        for position, item in enumerate(manifest):
            path = f"{field}[{position}]"
            name = str(item["name"])
            values = _values(item, path, problems)
            when = _when(item, path, decisions, positions, problems)
            if name in positions:
                problems.append(FieldProblem(f"{path}.name", f"Duplicate value: {name!r}; names must be unique"))
            clash = next(
                (other for other in positions if other != name and variable_name(other) == variable_name(name)),
                None,
            )
            if clash is not None:
                problems.append(
                    FieldProblem(
                        f"{path}.name",
                        f"{name!r} and {clash!r} would share the variable {variable_name(name)}; rename one of them",
                    )
                )
            positions.setdefault(name, position)
            decisions.append(Decision(name, values, when, ordered="range" in item))
        if problems:
            raise InvalidManifest(problems)
        return cls(tuple(decisions))

    def __len__(self) -> int:
        return len(self.decisions)

    @cached_property
    def _names(self) -> Mapping[str, Decision]:
        return {decision.name: decision for decision in self.decisions}

    @cached_property
    def cardinalities(self) -> tuple[int, ...]:
        """How many values each decision has."""
        return tuple(len(decision.values) for decision in self.decisions)

    @cached_property
    def conditional_positions(self) -> tuple[int, ...]:
        """Positions of the decisions that not every candidate has."""
        return tuple(position for position, decision in enumerate(self.decisions) if decision.when is not None)

    @cached_property
    def deciding_positions(self) -> tuple[int, ...]:
        """Positions of the decisions that others depend on, ascending."""
        return tuple(sorted({decision.when.position for decision in self.decisions if decision.when is not None}))

    def is_active(self, position: int, choices: Sequence[int]) -> bool:
        """Return whether the decision at ``position`` exists, given the choices of all decisions before it."""
        when = self.decisions[position].when
        return when is None or choices[when.position] in when.choices

    def to_choices(self, candidate: Mapping[str, Any]) -> Choices:
        """Return the candidate's choices; ValueError if it is not exactly a candidate of this space."""
        if unknown := candidate.keys() - self._names.keys():
            name = min(unknown, key=str)
            names = ", ".join(self._names)
            raise ValueError(f"there is no decision {name!r}; known are {names}{did_you_mean(name, self._names)}")
        choices: list[int] = []
        for position, decision in enumerate(self.decisions):
            if not self.is_active(position, choices):
                if decision.name in candidate:
                    raise ValueError(f"decision {decision.name!r} is set although its condition does not hold")
                choices.append(INACTIVE)
                continue
            if decision.name not in candidate:
                raise ValueError(f"decision {decision.name!r} is missing")
            try:
                choices.append(decision.index_of(candidate[decision.name]))
            except KeyError:
                value, known = candidate[decision.name], list(decision.values)
                hint = misread(value) or did_you_mean(value, known)
                raise ValueError(f"decision {decision.name!r} has no value {value!r}; it has {known}{hint}") from None
        return tuple(choices)

    def to_candidate(self, choices: Sequence[int]) -> dict[str, Value]:
        """Return the active decisions by name, in the order of the space."""
        return {
            decision.name: decision.values[choice]
            for decision, choice in zip(self.decisions, choices, strict=True)
            if choice != INACTIVE
        }

    def in_order(self, candidate: Mapping[str, Value]) -> dict[str, Value]:
        """Return a candidate's decisions in the order of the space; an API server sorts them by name."""
        return {decision.name: candidate[decision.name] for decision in self.decisions if decision.name in candidate}

    @cached_property
    def size(self) -> int:
        """How many distinct candidates there are."""
        return math.prod(self._branches(root) for root in self._roots)

    def unrank(self, rank: int) -> Choices:
        """Return candidate number ``rank`` of a fixed enumeration, 0 ≤ rank < size: a bijection."""
        if not 0 <= rank < self.size:
            raise IndexError(f"rank {rank} is outside 0..{self.size - 1}")
        choices = [INACTIVE] * len(self)
        for root in self._roots:
            rank, own = divmod(rank, self._branches(root))
            self._unrank_into(root, own, choices)
        return tuple(choices)

    @cached_property
    def _roots(self) -> tuple[int, ...]:
        return tuple(position for position, decision in enumerate(self.decisions) if decision.when is None)

    @cached_property
    def _children(self) -> tuple[tuple[int, ...], ...]:
        """Positions of the decisions whose condition names each decision: the conditions form a forest."""
        children: list[list[int]] = [[] for _ in self.decisions]
        for position, decision in enumerate(self.decisions):
            if decision.when is not None:
                children[decision.when.position].append(position)
        return tuple(map(tuple, children))

    @cached_property
    def _branch_sizes(self) -> tuple[tuple[int, ...], ...]:
        """For each decision and value, the number of ways to complete the sub-tree below that value."""
        sizes: list[tuple[int, ...]] = [()] * len(self)
        for position in reversed(range(len(self))):
            sizes[position] = tuple(
                math.prod(sum(sizes[child]) for child in self._below(position, choice))
                for choice in range(self.cardinalities[position])
            )
        return tuple(sizes)

    def _branches(self, position: int) -> int:
        return sum(self._branch_sizes[position])

    def _below(self, position: int, choice: int) -> Iterable[int]:
        for child in self._children[position]:
            when = self.decisions[child].when
            if when is not None and choice in when.choices:
                yield child

    def _unrank_into(self, position: int, rank: int, choices: list[int]) -> None:
        choice = 0
        while rank >= (branch := self._branch_sizes[position][choice]):
            rank -= branch
            choice += 1
        choices[position] = choice
        for child in self._below(position, choice):
            rank, own = divmod(rank, self._branches(child))
            self._unrank_into(child, own, choices)


def identity(value: Any) -> str:
    """Return the text that distinguishes values: 1, "1" and true differ; 1 and 1.0 are the same JSON number."""
    return _ENCODER.encode(normalise(value))


def is_number(value: Any) -> bool:
    """Return whether the value is a number that JSON can hold and every reader accepts: finite, in a double's range."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def normalise(value: Any) -> Any:
    """Return whole floats as integers, as a trip through the API server does: local and cluster runs agree."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def variable_name(decision: str) -> str:
    """Return the environment variable that carries a decision: ``EVONAS_D_`` and the name in capitals."""
    return DECISION_PREFIX + "".join(c if c.isascii() and c.isalnum() else "_" for c in decision).upper()


def _values(item: Mapping[str, Any], path: str, problems: list[FieldProblem]) -> tuple[Value, ...]:
    if "range" in item:
        return _range_values(item["range"], f"{path}.range", problems)
    values: dict[str, Value] = {}
    for position, value in enumerate(map(normalise, item["values"])):
        here = f"{path}.values[{position}]"
        if not (isinstance(value, str | bool) or is_number(value)):
            problems.append(FieldProblem(here, f"{value!r} is not a string, finite number or boolean"))
        elif isinstance(value, str) and not _fits_environment(value):
            problem = f"{value!r} cannot stand in an environment variable: it holds a NUL or half a surrogate pair"
            problems.append(FieldProblem(here, problem))
        elif identity(value) in values:
            said = f"Duplicate value: {json.dumps(value, ensure_ascii=False)}; list each value once"
            problems.append(FieldProblem(here, said + misread(value)))
        else:
            values[identity(value)] = value
    return tuple(values.values())


def _fits_environment(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _range_values(bounds: Mapping[str, Any], path: str, problems: list[FieldProblem]) -> tuple[Value, ...]:
    low, high = bounds["min"], bounds["max"]
    steps, integer, log = (
        bounds.get("steps", DEFAULT_STEPS),
        bounds.get("integer", False),
        bounds.get("scale") == "log",
    )
    before = len(problems)
    if low >= high:
        problems.append(FieldProblem(f"{path}.min", f"must be less than max ({low} ≥ {high})"))
    elif log and low <= 0:
        problems.append(FieldProblem(f"{path}.min", f"must be above 0 on a log scale, got {low}"))
    elif integer and not (float(low).is_integer() and float(high).is_integer()):
        problems.append(
            FieldProblem(path, f"min and max must be whole numbers when integer is true, got {low} and {high}")
        )
    if len(problems) > before:
        return (low,)
    shares = (step / (steps - 1) for step in range(1, steps - 1))
    points = _shortened(low, [_between(low, high, share, log=log) for share in shares], high)
    if integer:
        points = [round(point) for point in points]
    return tuple(dict.fromkeys(normalise(point) for point in sorted((low, *points, high))))


def _between(low: float, high: float, share: float, *, log: bool) -> float:
    # Neither the difference nor the ratio of the two: either may be too large for a double.
    return low ** (1 - share) * high**share if log else low * (1 - share) + high * share


def _shortened(low: float, inner: Sequence[float], high: float) -> list[float]:
    """Round the points to 10 digits, short to read in a pod's environment, or to as many as keep them distinct."""
    points: list[float] = []
    for digits in range(10, 18):
        points = [min(max(float(f"{point:.{digits}g}"), low), high) for point in inner]
        if all(one < other for one, other in pairwise([low, *points, high])):
            break
    return points


def _when(
    item: Mapping[str, Any],
    path: str,
    earlier: Sequence[Decision],
    positions: Mapping[str, int],
    problems: list[FieldProblem],
) -> When | None:
    if "when" not in item:
        return None
    name = item["when"]["name"]
    if name not in positions:
        problems.append(
            FieldProblem(
                f"{path}.when.name",
                f"{name!r} is not an earlier decision; a condition may only refer back{did_you_mean(name, positions)}",
            )
        )
        return None
    parent = earlier[positions[name]]
    choices = set()
    for index, value in enumerate(item["when"]["values"]):
        try:
            choices.add(parent.index_of(value))
        except KeyError:
            problems.append(
                FieldProblem(
                    f"{path}.when.values[{index}]",
                    f"{value!r} is not a value of {name!r}, which has {list(parent.values)}"
                    + (misread(value) or did_you_mean(value, parent.values)),
                )
            )
    return When(positions[name], frozenset(choices))
