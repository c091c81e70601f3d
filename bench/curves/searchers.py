"""Our agents as searchers: an agent, and the rule of ``spec.fidelity`` beside it, as the operator joins the two."""

from __future__ import annotations

import math
from bisect import insort

from bench.agents.contestants import Searcher, Suggestion
from bench.curves.problem import Curve
from evonas.agents import LearnsFromRungs
from evonas.fidelity import Fidelity
from evonas.search.promotion import decide, needed_to_promote


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


class Pausing(Full):
    """An agent whose trials pause at each rung; those that the rule lets go on are promoted, as ``search.pausing``
    does."""

    def __init__(self, searcher: Searcher, fidelity: Fidelity) -> None:
        super().__init__(searcher)
        self._learning = searcher if isinstance(searcher, LearnsFromRungs) else None
        self._fidelity = fidelity
        self._standings: dict[int, list[float]] = {}
        self._paused: dict[int, tuple[int, float]] = {}
        """Step and value of each, in the order of their pauses."""

    def reach(self, index: int, step: int, value: float) -> bool:
        """Tell the agent, and pause."""
        if self._learning is not None:
            self._learning.observe_rung(index, step, value)
        insort(self._standings.setdefault(step, []), value)
        self._paused[index] = step, value
        return False

    def stop(self, index: int) -> None:
        """Tell the agent; one that knows nothing of rungs waits for a reward."""
        if self._learning is not None:
            self._learning.pause(index)

    def observe(self, index: int, reward: float | None) -> None:
        """Tell the agent; a training may end at a rung, too."""
        self._paused.pop(index, None)
        super().observe(index, reward)

    def promote(self) -> int | None:
        """Return the best at the highest rung where the rule lets any go on."""
        for step in reversed(self._fidelity.steps[:-1]):
            least = needed_to_promote(self._fidelity, self._standings.get(step, ()))
            there = {index: value for index, (at, value) in self._paused.items() if at == step}
            best = max(there, key=there.__getitem__, default=None)
            if best is not None and least is not None and there[best] >= least:
                del self._paused[best]
                return best
        return None


class Foreseeing(Ruled):
    """An agent beside a rule that no search can have: only a training whose end is above all ends so far goes on."""

    def __init__(self, searcher: Searcher, fidelity: Fidelity) -> None:
        super().__init__(searcher, fidelity)
        self._ends: dict[int, float] = {}
        self._best = -math.inf

    def foresee(self, index: int, curve: Curve) -> None:
        """Look at the end."""
        self._ends[index] = -math.inf if (end := curve.value(curve.steps)) is None else end

    def reach(self, index: int, step: int, value: float) -> bool:
        """Tell the agent, and compare the end."""
        super().reach(index, step, value)
        goes_on = step > self._fidelity.steps[0] or self._ends[index] > self._best
        if goes_on:
            self._best = max(self._best, self._ends[index])
        return goes_on
