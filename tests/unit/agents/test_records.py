"""Recorded trials with rungs, as agents are told of them."""

from __future__ import annotations

from dataclasses import replace

from evonas.agents import Record, Rung, without_rungs

TRIAL = Record(0, {}, (), 0, None, None, pauses=True)
RECORDS = [
    replace(TRIAL, rungs=(Rung(1, 0.1, 1), Rung(3, 0.3, 4)), sequence=6, reward=0.9),
    replace(TRIAL, index=1, rungs=(Rung(1, 0.2, 2),)),
    replace(TRIAL, index=2, observed_up_to=2, rungs=(Rung(1, None, 3),), abandoned=True),
    replace(TRIAL, index=3, observed_up_to=4, sequence=5, reward=0.5),
    replace(TRIAL, index=4, observed_up_to=6),
]


def test_agents_that_know_nothing_of_rungs_hear_only_of_rewards_of_trials_that_pause() -> None:
    told = [*without_rungs(RECORDS)]
    assert [(record.sequence, record.reward, record.observed_up_to) for record in told] == [
        (6, 0.9, 0),
        (None, None, 0),
        (None, None, 0),
        (5, 0.5, 0),
        (None, None, 2),
    ]
    assert [record.abandoned for record in told] == [False, False, True, False, False]
    assert not any(record.rungs or record.pauses for record in told)
