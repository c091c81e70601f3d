"""What is said of wrong calls and records: users read it in a condition or on the command line."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from evonas.agents import InvalidRecord, Record, SpaceExhausted, create_agent

from .support import counting_space

EVERY_MEMORY = pytest.mark.parametrize("type", ["Random", "Optuna"])
"""The two implementations that remember proposals."""


def record(index: int, sequence: int | None, reward: float | None, **changes: Any) -> Record:
    decisions = {f"a{k}": 1 + (index // 4**k) % 4 for k in range(1, 5)}
    return replace(Record(index, decisions, (), 0, sequence, reward), **changes)


@EVERY_MEMORY
@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([record(0, 1, 0.5, decisions={"a1": 1})], "trial 0 cannot be of this search: decision 'a2' is missing"),
        ([record(3, 1, 0.5, decisions={"a1": 9, "a2": 1, "a3": 1, "a4": 1})], "trial 3 .* has no value 9"),
        ([record(0, None, 0.5)], "a reward but no place"),
        ([record(0, 1, 0.5, abandoned=True)], "both observed and abandoned"),
        ([record(0, 1, float("nan"))], "must be a finite number, got nan"),
        ([record(-1, 1, 0.5)], "its index is negative"),
        ([record(4, 1, 0.5), record(4, 2, 0.5)], "index 4 occurs twice"),
    ],
)
def test_refused_records_are_named(type: str, records: list[Record], problem: str) -> None:
    with pytest.raises(InvalidRecord, match=problem):
        create_agent(type, counting_space(4)).restore(records)


@EVERY_MEMORY
def test_refused_calls_name_the_proposal(type: str) -> None:
    agent = create_agent(type, counting_space(5))
    agent.observe(agent.propose().index, 0.5)
    agent.abandon(agent.propose().index)
    agent.propose()
    for index, problem in [(0, "already observed"), (1, "already observed or abandoned"), (3, "unknown")]:
        with pytest.raises(ValueError, match=f"proposal {index} .*{problem}"):
            agent.observe(index, 0.5)
        with pytest.raises(ValueError, match=f"proposal {index} .*{problem}"):
            agent.abandon(index)
    with pytest.raises(ValueError, match="proposal 2 must be a finite number, got inf"):
        agent.observe(2, math.inf)
    with pytest.raises(ValueError, match=r"proposal 2 must be a finite number, got \(0.5, 0.5\)"):
        agent.observe(2, (0.5, 0.5))
    with pytest.raises(ValueError, match="only a new agent"):
        agent.restore([])


@EVERY_MEMORY
def test_an_exhausted_space_says_its_size(type: str) -> None:
    agent = create_agent(type, counting_space(1))
    agent.propose()
    with pytest.raises(SpaceExhausted, match="all 1 candidates"):
        agent.propose()
