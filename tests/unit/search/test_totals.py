"""Totals and the table they are folded from: the same whatever the order, and never out of step."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from evonas.recorded.curves import moving_average, rewards_in_order
from evonas.search.standings import Point
from evonas.search.table import Cursor, TrialTable
from evonas.search.totals import RunningTotals, Totals
from evonas.search.trial import RungResult, Trial, TrialState
from tests.unit.search.support import search_spec, succeeded, trial

OBJECTIVE = search_spec(objective={"target": 0.8}).objective
STATES = [state for state in TrialState if state is not TrialState.SUCCEEDED]


def trial_of(index: int, state: TrialState, reward: float, order: int) -> Trial:
    if state is TrialState.SUCCEEDED:
        return succeeded(index, reward, sequence=order, gpu_seconds=index)
    return trial(index, state, sequence=order if state.teaches else None, gpu_seconds=index)


@st.composite
def searches(draw: st.DrawFn) -> list[Trial]:
    count = draw(st.integers(0, 80))
    orders = draw(st.permutations(range(1, count + 1)))
    states = [draw(st.sampled_from(list(TrialState))) for _ in range(count)]
    rewards = [draw(st.sampled_from([0.1, 0.5, 0.5, 0.8, 0.9])) for _ in range(count)]
    return [trial_of(*fields) for fields in zip(range(count), states, rewards, orders, strict=True)]


POINTS: list[Point] = [(0.1,), (0.5,), (-math.inf,)]


def seen(totals: Totals) -> tuple[object, ...]:
    standings = {step: (len(there), [*map(there.count_better, POINTS)]) for step, there in totals.standings.items()}
    rungs = (standings, totals.last_rungs, totals.paused_at, totals.cut_gpu_seconds, totals.promotions)
    fields = (totals.counts, totals.gpu_seconds, totals.observations, totals.last_sequence, totals.best, *rungs)
    return (*fields, totals.last_failed, totals.on_target, totals.mean_reward, totals.total, totals.unfinished)


@given(trials=searches(), data=st.data())
def test_totals_do_not_depend_on_the_order_of_adding(trials: list[Trial], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(trials))
    cut = data.draw(st.integers(0, len(trials)))
    totals = Totals([OBJECTIVE], trials)
    part = Totals([OBJECTIVE], shuffled[:cut])
    before = seen(part)
    assert seen(part.plus(shuffled[cut:])) == seen(totals)
    assert seen(part) == before
    rewards = rewards_in_order(trials)
    assert totals.mean_reward == (moving_average(rewards)[-1] if rewards else None)
    assert totals.total == len(trials)


@given(trials=searches(), data=st.data())
def test_running_totals_are_those_of_the_table_whatever_happens_to_it(trials: list[Trial], data: st.DataObject) -> None:
    table, running = TrialTable(), RunningTotals([OBJECTIVE])
    for each in trials:
        pauses = each.state is TrialState.PAUSED
        rungs = (RungResult(1, data.draw(st.sampled_from([0.1, 0.5, None])), each.index + 1),) if pauses else ()
        table.put(replace(each, rungs=rungs))
        if data.draw(st.integers(0, 3)) == 0:
            running.update(table)
        victim = data.draw(st.integers(0, 40))
        if victim == each.index:
            table.drop(victim)
        elif victim == 0 and each.state.is_final:
            table.put(replace(each, state=TrialState.RUNNING, reward=None, sequence=None))
        elif victim in table.paused and victim % 2:
            (rung,) = table.paused[victim].rungs
            promoted = replace(rung, promoted_after=rung.sequence)
            table.put(replace(table.paused[victim], state=TrialState.QUEUED, rungs=(promoted,)))
    whole = running.update(table).plus(table.unfinished.values())
    assert seen(whole) == seen(Totals([OBJECTIVE], table))
    assert seen(whole.without(table.paused.values()).plus(table.paused.values())) == seen(whole)
    assert len(table) == len(list(table))


def test_only_what_is_new_is_read_and_a_rewritten_record_ends_the_epoch() -> None:
    table = TrialTable([succeeded(0, 0.5)])
    assert table.read(Cursor()) is None
    cursor = table.end
    table.put(succeeded(0, 0.5))
    table.put(trial(1))
    assert table.read(cursor) == ([], cursor)
    table.put(succeeded(1, 0.7))
    news = table.read(cursor)
    assert news is not None
    assert [each.index for each in news[0]] == [1]
    table.put(succeeded(0, 0.6))
    assert table.read(cursor) is None
