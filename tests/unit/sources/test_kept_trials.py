"""Packed trials are those that were put, and whoever asks for what is new ends with what there is."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.search.trial import Trial
from evonas.sources.live import kept_trials
from evonas.sources.live.kept_trials import CHUNK, MOST_LOOSE, KeptTrials, Snapshot
from tests.unit.search.support import succeeded
from tests.unit.search.test_codec import trials


def _kept() -> KeptTrials:
    return KeptTrials(itertools.count(1).__next__)


def _follow(known: dict[int, Trial], snapshot: Snapshot) -> dict[int, Trial]:
    return {**({} if snapshot.complete else known), **{trial.index: trial for trial in snapshot.trials()}}


@settings(deadline=None)
@given(st.lists(trials(), max_size=20), st.booleans())
def test_packed_trials_are_those_that_were_put(put: list[Trial], settled: bool) -> None:
    kept = _kept()
    for trial in put:
        kept.put(trial)
        kept.pack()
    if settled:
        kept.settle()
    latest = {trial.index: trial for trial in put}
    assert list(kept.snapshot().trials()) == [latest[index] for index in sorted(latest)]


@settings(deadline=None)
@given(st.data())
def test_whoever_asks_for_what_is_new_ends_with_what_there_is(data: st.DataObject) -> None:
    kept, truth = _kept(), dict[int, Trial]()
    known, seen = dict[int, Trial](), 0
    for _ in range(data.draw(st.integers(1, 25))):
        step = data.draw(st.sampled_from(["put", "put", "put", "drop", "pack", "settle", "clear", "touch", "ask"]))
        if step == "put":
            trial = data.draw(trials())
            kept.put(trial)
            truth[trial.index] = trial
        elif step == "drop" and truth:
            index = data.draw(st.sampled_from(sorted(truth)))
            assert kept.drop(index)
            del truth[index]
        elif step == "clear":
            kept.clear()
            truth.clear()
        elif step == "ask":
            snapshot = kept.snapshot(seen)
            known, seen = _follow(known, snapshot), snapshot.revision
            assert known == truth
            assert snapshot.total == len(truth)
        elif step in ("pack", "settle", "touch"):
            getattr(kept, step)()
    assert _follow(known, kept.snapshot(seen)) == truth


def test_only_what_is_new_is_told() -> None:
    kept = _kept()
    for index in range(3 * CHUNK):
        kept.put(succeeded(index, index / 1000))
    seen = kept.snapshot().revision
    kept.put(succeeded(5, 0.9))
    changes = kept.snapshot(seen)
    assert not changes.complete
    assert list(changes.trials()) == [succeeded(5, 0.9)]
    assert changes.total == 3 * CHUNK
    kept.put(succeeded(5, 0.9))
    assert len(kept.snapshot(changes.revision)) == 0


def test_a_snapshot_stays_what_it_was() -> None:
    kept = _kept()
    kept.put(succeeded(0, 0.5))
    before = kept.snapshot()
    for index in range(2 * MOST_LOOSE):
        kept.put(succeeded(index, 0.7))
    assert list(before.trials()) == [succeeded(0, 0.5)]


def test_revisions_of_single_trials_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_trials, "MOST_CHANGES", 100)
    kept = _kept()
    for index in range(150):
        kept.put(succeeded(index, 0.5))
    assert kept.snapshot(1).complete
    assert not kept.snapshot(kept.revision - 10).complete
    assert len(kept.snapshot(kept.revision - 10)) == 10
