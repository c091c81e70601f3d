"""The network's optimizer: torch's own, bit for bit, without torch's compiler."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from evonas.agents.neural.adam import Adam


def test_steps_are_those_of_torchs_class_bit_for_bit() -> None:
    draw = torch.Generator().manual_seed(0)
    shapes = [(4, 3), (5,), (2,)]
    ours = [torch.randn(shape, generator=draw, dtype=torch.float64) for shape in shapes]
    theirs = [weights.clone() for weights in ours]
    mine, torchs = Adam(ours, 0.01), torch.optim.Adam(theirs, lr=0.01)
    for step in range(6):
        mine.zero_grad()
        torchs.zero_grad()
        # The last weight has a gradient in every other step only.
        for own, other in list(zip(ours, theirs, strict=True))[: 3 if step % 2 else 2]:
            own.grad = torch.randn(own.shape, generator=draw, dtype=own.dtype)
            other.grad = own.grad.clone()
        mine.step()
        torchs.step()
        assert all(torch.equal(*pair) for pair in zip(ours, theirs, strict=True))


LEARNING = """
import sys
from evonas.agents import create_agent
from evonas.space import SearchSpace
space = SearchSpace.parse([{"name": name, "values": [1, 2, 3, 4]} for name in "abcdef"])
agent = create_agent(sys.argv[1], space, seed=0, settings={"policy": {"training": sys.argv[2]}})
for _ in range(80):
    proposal = agent.propose()
    agent.observe(proposal.index, sum(proposal.decisions.values()))
assert "torch" in sys.modules
found = {"sympy", "torch._dynamo", "torch._inductor"} & set(sys.modules)
assert not found, found
"""


@pytest.mark.parametrize(("agent", "training"), [("EvoNAS", "PQT"), ("Neural", "REINFORCE")])
def test_an_agent_that_learns_does_not_import_torchs_compiler(agent: str, training: str) -> None:
    """It would take seconds and 170 MB, and versions of torch have come to import it in new places."""
    subprocess.run([sys.executable, "-c", LEARNING, agent, training], check=True, timeout=300)
