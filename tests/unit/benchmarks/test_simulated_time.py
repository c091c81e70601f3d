"""The event loop of ``bench.curves``: who works when, what a searcher is told, and what a trial costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.agents.peers import Suggested
from bench.curves.problem import Curve, Decisions
from bench.curves.simulation import Ended, simulate
from evonas.agents import SpaceExhausted

RUNGS = (1, 3, 9)


class Ledger:
    """A searcher that writes down what it is told; ``goes_on`` decides at rungs."""

    def __init__(self, limit: int = 1000, goes_on: Callable[[int, int], bool] = lambda index, step: True) -> None:
        self.calls: list[str] = []
        self._limit, self._goes_on, self._proposed = limit, goes_on, 0

    def propose(self) -> Suggested:
        if self._proposed == self._limit:
            raise SpaceExhausted
        self._proposed += 1
        self.calls.append(f"propose {self._proposed - 1}")
        return Suggested(self._proposed - 1, {"number": self._proposed - 1})

    def reach(self, index: int, step: int, value: float) -> bool:
        self.calls.append(f"reach {index} {step} {value:g}")
        return self._goes_on(index, step)

    def stop(self, index: int) -> None:
        self.calls.append(f"stop {index}")

    def observe(self, index: int, reward: float | None) -> None:
        self.calls.append(f"observe {index} {reward}")


def run(searcher: Ledger, curves: Sequence[Curve], workers: int = 1, until: float = 100.0) -> list[Ended]:
    """Simulate trials that take their curves in turn, and half a second to start."""

    def train(decisions: Decisions, index: int) -> Curve:
        return curves[index % len(curves)]

    return list(simulate(searcher, train, rungs=RUNGS, workers=workers, start_up=0.5, until=until))


def curve(*values: float, seconds: float = 1.0) -> Curve:
    return Curve(np.array(values), seconds)


FULL = curve(*(step / 10 for step in range(1, 10)))


def test_a_trial_is_compared_at_its_rungs_and_observed_at_its_end() -> None:
    ledger = Ledger(limit=1)
    assert run(ledger, [FULL]) == [Ended(9.5, {"number": 0}, 9, False, 0.9)]
    assert ledger.calls == ["propose 0", "reach 0 1 0.1", "reach 0 3 0.3", "observe 0 0.9"]


def test_a_stopped_trial_frees_its_worker_at_its_rung_and_has_no_reward() -> None:
    ledger = Ledger(limit=2, goes_on=lambda index, step: index == 1 or step < 3)
    first, second = run(ledger, [FULL])
    assert first == Ended(3.5, {"number": 0}, 3, True, None)
    assert second.time == 3.5 + 9.5
    assert ledger.calls[:5] == ["propose 0", "reach 0 1 0.1", "reach 0 3 0.3", "stop 0", "propose 1"]


def test_a_training_that_diverges_ends_there_and_is_infeasible() -> None:
    ledger = Ledger(limit=1)
    assert run(ledger, [curve(0.1, 0.2, np.nan, 0.4)]) == [Ended(3.5, {"number": 0}, 3, False, None)]
    assert ledger.calls == ["propose 0", "reach 0 1 0.1", "observe 0 None"]


def test_a_shorter_training_counts_at_the_rung_where_it_ends_but_is_not_stopped() -> None:
    ledger = Ledger(limit=1, goes_on=lambda index, step: step < 3)
    assert run(ledger, [curve(0.1, 0.2, 0.3)]) == [Ended(3.5, {"number": 0}, 3, False, 0.3)]
    assert ledger.calls[-2:] == ["reach 0 3 0.3", "observe 0 0.3"]


def test_workers_learn_in_the_order_of_time_and_of_planning_between_equals() -> None:
    ledger = Ledger(limit=3)
    slow, fast = curve(0.1, 0.2, seconds=3.0), curve(0.5, 0.6)
    assert [trial.time for trial in run(ledger, [slow, fast, fast], workers=2)] == [2.5, 5.0, 6.5]
    assert ledger.calls == [
        *("propose 0", "propose 1", "reach 1 1 0.5", "observe 1 0.6", "propose 2", "reach 0 1 0.1"),
        *("reach 2 1 0.5", "observe 2 0.6", "observe 0 0.2"),
    ]
    together = Ledger(limit=2)
    run(together, [FULL], workers=2)
    assert together.calls[2:4] == ["reach 0 1 0.1", "reach 1 1 0.1"]


def test_what_would_end_after_the_time_is_up_is_not_seen() -> None:
    ledger = Ledger()
    assert [trial.time for trial in run(ledger, [FULL], until=20.0)] == [9.5, 19.0]


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    stops=st.sets(st.tuples(st.integers(0, 20), st.sampled_from(RUNGS))),
    workers=st.integers(1, 4),
)
def test_the_workers_are_always_busy(lengths: list[int], stops: set[tuple[int, int]], workers: int) -> None:
    """GPU time is workers times time: the ends account for all of it but what runs when the time is up."""
    ledger = Ledger(goes_on=lambda index, step: (index, step) not in stops)
    ended = run(ledger, [curve(*np.linspace(0, 1, length)) for length in lengths], workers, until=60.0)
    spent = sum(trial.steps + 0.5 for trial in ended)
    assert workers * (60.0 - 9.5) <= spent <= workers * 60.0
    assert [trial.time for trial in ended] == sorted(trial.time for trial in ended)
    proposed = sum(call.startswith("propose") for call in ledger.calls)
    assert proposed == len(ended) + workers
    assert all(
        trial.steps == pytest.approx(lengths[int(trial.decisions["number"]) % len(lengths)])
        for trial in ended
        if not trial.stopped
    )
