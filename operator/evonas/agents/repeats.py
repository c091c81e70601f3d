"""When a known candidate is trained again, and which one: where rewards are noisy, the luckiest candidate is not the
best, and a repeat of a leader may teach more about which is best than a new candidate does.

Three repeats of leaders show whether rewards are noisy at all; where all three are the same to the last bit, nothing is
ever repeated again. Otherwise at most every fourth proposal is a repeat, and none is as long as the search climbs. The
candidate is the one whose repeat is expected to gain most: the knowledge gradient (Frazier, Powell & Dayanik 2008) of
the beliefs in ``replication``.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from evonas.agents.history import Pending
from evonas.agents.policy import Observation
from evonas.agents.replication import EXACT_AFTER, Belief, Replications
from evonas.space import Choices

FIRST = 24
"""Proposals before the first repeat."""
INTERVAL = 4
"""At most every fourth proposal is a repeat."""
PROBE_INTERVAL = 8
"""The same as long as the noise is not known."""
WINDOW = 24
"""A search climbs if its latest results rank above as many before them, by more than one standard deviation."""
DOUBT = 6.0
"""A repeat is of use if it may change which candidate is best: if its effect, of this many standard deviations, can."""

_NORMAL = NormalDist()


class Repeats:
    """Remembers the rewards of one search, and chooses what to repeat."""

    def __init__(self) -> None:
        self._rewards = Replications[Choices]()
        self._firsts: dict[Choices, int] = {}
        """Index of each candidate's first result."""
        self._latest = deque[float](maxlen=2 * WINDOW)
        """Rewards of candidates that were new, in the order of learning."""
        self._last: int | None = None

    @property
    def leader(self) -> Belief[Choices] | None:
        """The candidate that is expected to be best; None as long as nothing is known of the noise."""
        return next(iter(self._rewards.leaders()), None)

    def begin(self, index: int) -> None:
        """Note that a proposal repeats a candidate."""
        self._last = index if self._last is None else max(self._last, index)

    def observe(self, observation: Observation) -> float | None:
        """Remember a result; returns the mean of the candidate's rewards if this is another one."""
        if observation.stopped:
            return None
        choices, reward = observation.choices, observation.reward
        if reward is None:
            self._rewards.refuse(choices)
            return None
        is_new = choices not in self._rewards
        self._rewards.add(choices, reward)
        if is_new:
            self._firsts[choices] = observation.index
            self._latest.append(reward)
            return None
        return self._rewards.mean(choices)

    def choose(self, index: int, under_way: Sequence[Pending]) -> tuple[int, Choices] | None:
        """Return the candidate that proposal ``index`` repeats, and the index of its first result; None for none."""
        measured = self._rewards.repeats >= EXACT_AFTER
        since = index if self._last is None else index - self._last
        if index < FIRST or since < (INTERVAL if measured else PROBE_INTERVAL) or self._rewards.is_exact:
            return None
        busy = Counter(pending.choices for pending in under_way if pending.repeats is not None)
        if not measured:
            choices = self._rewards.best_once(busy)
        elif self._climbs():
            choices = None
        else:
            choices = _most_telling(self._rewards.leaders(busy), self._rewards.noise)
        return None if choices is None else (self._firsts[choices], choices)

    def _climbs(self) -> bool:
        if len(self._latest) < 2 * WINDOW:
            return True
        before, after = np.split(np.array(self._latest), 2)
        # Pairs in which the later result is better, less those in which it is worse (Mann & Whitney 1947), and the
        # standard deviation of that if the two halves are alike.
        ahead = int(np.sign(after[:, None] - before).sum())
        return ahead > WINDOW * math.sqrt((2 * WINDOW + 1) / 3)


def _most_telling(leaders: Sequence[Belief[Choices]], noise: float) -> Choices | None:
    """Return the leader whose repeat is expected to gain most; None if it is beyond doubt which one is best."""
    if len(leaders) < 2:
        return None
    best, most = None, 0.0
    for place, belief in enumerate(leaders):
        lead = abs(belief.expected - leaders[place == 0].expected)
        change = belief.deviation**2 / math.sqrt(belief.deviation**2 + noise)
        if lead <= DOUBT * change and (gain := _gain(lead, change)) > most:
            best, most = belief.candidate, gain
    return best


def _gain(lead: float, change: float) -> float:
    """Return how much better the best expectation becomes, on average, if that of a candidate changes by a normal
    deviate of standard deviation ``change``; before, it is by ``lead`` above or below that of the best other one.
    """
    distance = lead / change
    return change * (_NORMAL.pdf(distance) - distance * _NORMAL.cdf(-distance))
