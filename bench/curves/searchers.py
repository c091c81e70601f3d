"""Our agents as searchers: an agent, and the rule of ``spec.fidelity`` beside it, as the operator joins the two."""

from __future__ import annotations

from bisect import insort

from bench.agents.contestants import Searcher, Suggestion
from evonas.agents import LearnsFromRungs
from evonas.fidelity import Fidelity
from evonas.search.promotion import decide


class Full:
    """A searcher whose trials are all trained to their end, and which sees nothing before."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher

    def propose(self) -> Suggestion:
        """Return the agent's proposal."""
        return self._searcher.propose()

    def reach(self, index: int, step: int, value: float) -> bool:
        """Go on."""
        return True

    def stop(self, index: int) -> None:
        """Nothing is ever stopped."""
        raise AssertionError(f"trial {index} was to go on")

    def observe(self, index: int, reward: float | None) -> None:
        """Tell the agent."""
        self._searcher.observe(index, reward)


class Ruled(Full):
    """An agent whose trials are stopped by a rule; it is taught as the operator teaches it (``search.lessons``)."""

    def __init__(self, searcher: Searcher, fidelity: Fidelity) -> None:
        super().__init__(searcher)
        self._learning = searcher if isinstance(searcher, LearnsFromRungs) else None
        self._fidelity = fidelity
        self._standings: dict[int, list[float]] = {}
        self._last: dict[int, float] = {}

    def reach(self, index: int, step: int, value: float) -> bool:
        """Tell the agent, and ask the rule."""
        if self._learning is not None:
            self._learning.observe_rung(index, step, value)
        self._last[index] = value
        earlier = self._standings.setdefault(step, [])
        decision = decide(self._fidelity, earlier, value)
        insort(earlier, value)
        return not decision.stops

    def stop(self, index: int) -> None:
        """Tell the agent; one that knows nothing of rungs takes the last value for a reward."""
        if self._learning is not None:
            self._learning.stop(index)
        else:
            self._searcher.observe(index, self._last[index])
