"""The contract of ``Agent`` as a test suite, for this package's agents and for those of other packages.

Needs pytest and Hypothesis; nothing else in this package imports it. Derive a class whose name pytest collects::

    class TestMyAgent(AgentContract):
        def create(self, space: SearchSpace, seed: int) -> Agent:
            return MyAgent(space, seed, {})
"""

from evonas.agents.testing.contract import AgentContract
from evonas.agents.testing.history import RUNGS, History
from evonas.agents.testing.spaces import CONDITIONAL, GRID, ONE_CANDIDATE, spaces

__all__ = ["CONDITIONAL", "GRID", "ONE_CANDIDATE", "RUNGS", "AgentContract", "History", "spaces"]
