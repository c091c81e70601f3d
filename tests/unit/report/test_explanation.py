"""`evonas explain` on a search with rungs: why a trial was stopped, and what was known when it was proposed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from evonas.recorded.search import RecordedSearch
from evonas.report.explanation import explanation
from evonas.search.trial import Trial, TrialState
from tests.unit.search.climbing import climbed_record


@pytest.fixture(scope="module")
def record() -> RecordedSearch:
    return climbed_record("Evolution")


def said(record: RecordedSearch, trial: Trial, shown: int = 3) -> str:
    console = Console(width=200, record=True)
    with console.capture() as capture:
        console.print(explanation(record, trial, [], shown))
    return capture.get()


def stopped(record: RecordedSearch) -> Trial:
    """The last trial that was stopped at its second rung."""
    return [trial for trial in record.trials if trial.state is TrialState.STOPPED and len(trial.rungs) == 2][-1]


def test_stopped_trial_is_told_what_it_needed_and_who_was_better(record: RecordedSearch) -> None:
    trial = stopped(record)
    rung = trial.rungs[-1]
    assert rung.value is not None
    text = said(record, trial)
    assert f"Stopped (SuccessiveHalving: {trial.message})" in text
    better = [
        (result.value, other)
        for other in record.trials
        for result in other.rungs
        if result.step == rung.step and result.sequence < rung.sequence and (result.value or 0) > rung.value
    ]
    best, other = max(better, key=lambda item: item[0] or 0)
    rows = [line.split() for line in text.splitlines()]
    assert ["better", "at", "step", str(rung.step), "before", "it"] in rows
    became = other.reward if other.reward is not None else other.rungs[-1].value
    assert next(row for row in rows if row[:2] == [str(other.index), f"{best:.6g}"])
    assert f"{became:.6g}" in text
    assert [row[0] for row in rows if row and row[-1] in ("on", "stopped")] == ["1", "3"]
    needed = next(line for line in text.splitlines() if line.startswith(f"to go on at step {rung.step}, it needed"))
    assert rung.value < float(needed.split()[-1]) <= (best or 0)
    assert "became of it" not in said(record, trial, 0)


def test_trial_that_went_on_shows_its_rungs_and_nothing_about_stopping(record: RecordedSearch) -> None:
    trial = next(trial for trial in record.trials if trial.state is TrialState.SUCCEEDED and trial.rungs)
    text = said(record, trial)
    assert "at its rungs" in text
    assert "to go on at" not in text
    assert "stopped" not in text


def test_results_at_rungs_are_told_apart_from_those_of_ended_trials(record: RecordedSearch) -> None:
    for trial in record.trials:
        up_to = trial.proposal.observed_up_to
        ended = sum(other.sequence is not None and other.sequence <= up_to for other in record.trials)
        assert ended <= trial.index
        text = said(record, trial)
        more = f" and {up_to - ended} more at rungs" if up_to > ended else ""
        assert (
            f"when it was proposed, {ended} results{more} were known and {trial.index - ended} earlier trials" in text
        )


def test_stopped_parent_is_ranked_by_what_it_had_at_its_rung(record: RecordedSearch) -> None:
    child = [trial for trial in record.trials if trial.proposal.parent is not None][-1]
    parent = record.trial(child.proposal.parent or 0)
    assert parent is not None
    assert parent.reward is not None
    assert f"of trial {parent.index}, which had {parent.reward:.6g}: rank " in said(record, child)
    last = parent.rungs[-1]
    as_stopped = replace(parent, state=TrialState.STOPPED, reward=None, sequence=last.sequence)
    trials = tuple(as_stopped if trial == parent else trial for trial in record.trials)
    text = said(replace(record, trials=trials), child)
    assert f"of trial {parent.index}, which had {last.value:.6g} at step {last.step}: rank " in text
