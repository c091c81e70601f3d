"""`evonas explain` on a search with rungs: why a trial was stopped or is paused, and what was known at its proposal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from evonas.agents import Alternative
from evonas.recorded.search import Phase, RecordedSearch
from evonas.report.explanation import explanation
from evonas.search.trial import Trial, TrialState
from evonas.space import Value
from evonas.spec import SearchSpec
from tests.unit.search.climbing import climbed_record
from tests.unit.search.fronts import front_body, front_trials

PAUSE = {"rungs": {"min": 1, "max": 9, "factor": 3}, "mode": "Pause"}


@pytest.fixture(scope="module")
def record() -> RecordedSearch:
    return climbed_record("Evolution")


def said(record: RecordedSearch, trial: Trial, shown: int = 3, considered: Sequence[Alternative] = ()) -> str:
    console = Console(width=200, record=True)
    with console.capture() as capture:
        console.print(explanation(record, trial, considered, shown))
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
    assert f"better at step {rung.step} before it" in " ".join(text.split())
    became = other.reward if other.reward is not None else other.rungs[-1].value
    assert next(row for row in rows if row[:2] == [str(other.index), f"{best:.6g}"])
    assert f"{became:.6g}" in text
    assert [row[0] for row in rows if row and row[-1] in ("on", "stopped")] == ["1", "3"]
    needed = next(line for line in text.splitlines() if line.startswith(f"to go on at step {rung.step}, it needed"))
    assert rung.value < float(needed.split()[-1]) <= (best or 0)
    assert "became of it" not in said(record, trial, 0)


def test_list_of_better_trials_says_what_it_leaves_out_and_has_the_one_that_set_the_bound(
    record: RecordedSearch,
) -> None:
    trial = stopped(record)
    step = trial.rungs[-1].step
    whole = said(record, trial, len(record.trials))
    every = better_rows(whole)
    needed = next(line.split()[-1] for line in whole.splitlines() if line.startswith("to go on at step"))
    place = 1 + [value for _, value in every].index(needed)
    assert 1 < place < len(every)
    assert "the best" not in whole.partition("better at")[2].partition("became of it")[0]
    for shown in range(1, len(every)):
        text = said(record, trial, shown)
        best = f"the best {shown} of {len(every)}" if shown > 1 else f"the best of {len(every)}"
        title = f"better at step {step} before it: {best}"
        if shown < place:
            assert better_rows(text) == [*every[:shown], every[place - 1]]
            title += ", and the one that it had to match"
        else:
            assert better_rows(text) == every[:shown]
        assert f"{title} trial " in " ".join(text.split())


def better_rows(text: str) -> list[tuple[str, str]]:
    """Trials and their values in the list of better ones."""
    lines = iter(text.partition("became of it")[2].partition("when it was proposed")[0].splitlines())
    return [(words[0], words[1]) for words in map(str.split, lines) if words and words[0].isdigit()]


def test_one_is_written_in_the_singular(record: RecordedSearch) -> None:
    first, second, *_ = (replace(trial, rungs=()) for trial in record.trials if trial.reward is not None)
    first = replace(first, index=0, sequence=1)
    proposal = replace(second.proposal, observed_up_to=1, redrawn=1, policy_ratio=1.0001, value=0.5, rank=1)
    second = replace(second, index=1, sequence=2, proposal=proposal)
    third = replace(second, index=2, sequence=3, proposal=replace(proposal, redrawn=2, policy_ratio=1.5))
    small = replace(record, trials=(first, second, third))
    text = said(small, second)
    assert "1 result was known and 0 earlier trials had no result yet" in text
    assert "its drawn decisions together are as likely under the policy as by chance" in text
    assert "ranked it 1 of 1 candidate, taking" in text
    assert "1 candidate before it was discarded: it had been proposed before" in text
    text = said(small, third)
    assert "1 result was known and 1 earlier trial had no result yet" in text
    assert "are 1.5 times as likely under the policy as by chance" in text
    assert "2 candidates before it were discarded: they had been proposed before" in text


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
        results = "1 result" if ended == 1 else f"{ended} results"
        assert f"when it was proposed, {results}{more} w" in text


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


@pytest.fixture(scope="module")
def pausing() -> RecordedSearch:
    return climbed_record("Evolution", fidelity=PAUSE)


def rows_at_rungs(text: str) -> dict[str, str]:
    """Return the lines of the table of a trial's rungs, by step."""
    table = text.partition("at its rungs")[2]
    lines = [line.split() for line in table.splitlines() if line.split()[-1:] and ":" in line]
    return {words[0]: " ".join(words[1:]) for words in lines if words[0].isdigit()}


def test_paused_trial_is_told_where_it_went_on_and_after_how_many_results(pausing: RecordedSearch) -> None:
    trial = next(each for each in pausing.trials if each.state is TrialState.PAUSED and len(each.rungs) == 2)
    first, last = trial.rungs
    text = said(pausing, trial)
    assert f"Paused ({last.in_words})" in text
    assert "trained for" in text
    assert "in 2 attempts" in text
    rows = rows_at_rungs(text)
    assert rows["1"].endswith(f"go on: went on after {first.promoted_after} results") or rows["1"].endswith(
        f"goes on: went on after {first.promoted_after} results"
    )
    assert rows["3"].endswith("go on: paused")
    assert [rows[step].split()[2] for step in ("1", "3")] == ["1", "2"]
    needed = next(line for line in text.splitlines() if line.startswith("to go on from step 3, it would need accuracy"))
    assert rows["3"].split()[1] == needed.split()[-1]
    assert "better at step 3: the best 3 of" in " ".join(text.split())


def test_trial_that_went_on_to_the_end_shows_what_it_needed_at_each_pause(pausing: RecordedSearch) -> None:
    trial = next(each for each in pausing.trials if each.state is TrialState.SUCCEEDED)
    text = said(pausing, trial)
    assert "in 3 attempts" in text
    assert "it would need" not in text
    assert "better at" not in text
    for result, row in zip(trial.rungs, rows_at_rungs(text).values(), strict=True):
        value, needed, *_ = row.split()
        assert value == f"{result.value:.6g}"
        assert float(needed) <= float(value)
        assert f": went on after {result.promoted_after} results" in row


def test_promotion_without_the_rule_and_lost_checkpoints_are_said() -> None:
    few = climbed_record(count=3, fidelity=PAUSE)
    (best,) = (trial for trial in few.trials if trial.state is TrialState.SUCCEEDED)
    text = said(few, best)
    assert "none goes on before 3 are there: went on after 4 results, as no trial had been trained to its end" in text
    assert "checkpoints lost" not in text
    assert "checkpoints lost: 2; each time" in said(few, replace(best, lost_checkpoints=2))


def test_trial_that_waits_for_its_turn_may_go_on(pausing: RecordedSearch) -> None:
    trial = next(each for each in pausing.trials if each.state is TrialState.SUCCEEDED)
    first = replace(trial.rungs[0], value=9.0, promoted_after=None)
    waiting = replace(trial, state=TrialState.PAUSED, rungs=(first,), reward=None, sequence=None)
    trials = tuple(waiting if each == trial else each for each in pausing.trials)
    assert ": paused, may go on" in said(replace(pausing, trials=trials), waiting)


def test_parent_that_is_paused_is_ranked_by_what_it_had_then(pausing: RecordedSearch) -> None:
    child = next(each for each in pausing.trials if each.proposal.parent is not None)
    parent = pausing.trial(child.proposal.parent or 0)
    assert parent is not None
    had = [result for result in parent.rungs if result.sequence <= child.proposal.observed_up_to][-1]
    known = {
        other.index
        for other in pausing.trials
        for result in other.rungs
        if result.sequence <= child.proposal.observed_up_to
    }
    text = said(pausing, child)
    assert f"of trial {parent.index}, which had {had.in_words}: rank " in text
    assert f"of the {len(known)} latest results" in text


def test_a_candidate_that_was_drawn_several_times_is_an_alternative_once_at_its_first_place(
    record: RecordedSearch,
) -> None:
    candidates: list[dict[str, Value]] = [{"a1": value} for value in (1, 2, 3, 4)]
    chosen, *others = candidates
    trial = next(trial for trial in record.trials if trial.proposal.origin == "mutation")
    trial = replace(trial, decisions=chosen)
    drawn = [others[0], others[0], chosen, others[1], others[0], others[1], others[2]]
    considered = [Alternative(candidate, None, {}, None, is_known=False) for candidate in drawn]
    rows = [line.split() for line in said(record, trial, considered=considered).splitlines() if '{"a1"' in line]
    assert [row[0] for row in rows] == ["1", "4", "7"]


def test_a_candidate_of_an_earlier_search_is_explained_without_its_record(record: RecordedSearch) -> None:
    """The ConfigMap may be gone, or not to be read."""
    first = record.trials[0]
    moved = replace(first, proposal=replace(first.proposal, origin="transfer"))
    assert "origin: transfer, from one of the best candidates of an earlier search" in said(record, moved)


def test_critics_of_several_objectives_are_quoted_in_each() -> None:
    body = front_body(count=24)
    body["metadata"]["uid"] = "0f0e"
    trials = front_trials(SearchSpec.parse(body), count=24)
    child = trials[20]
    chosen = replace(child, proposal=replace(child.proposal, value=0.044, rank=2, competitors=54))
    record = RecordedSearch("here", body, (*trials[:20], chosen), Phase.RUNNING)

    def considered(decisions: Mapping[str, Value], value: float, values: tuple[float, float]) -> Alternative:
        return Alternative(dict(decisions), 3, {}, value, is_known=False, values=values)

    other = {**child.decisions, "width": 8 if child.decisions["width"] != 8 else 16}
    text = said(
        record,
        chosen,
        considered=[considered(child.decisions, 0.044, (-0.16, 0.49)), considered(other, -0.5, (1.2, -3.4))],
    )
    assert "the critics expected accuracy -0.16 and latency_ms +0.49 (0 is an average result" in text
    assert "and so the hypervolume to grow by 4.4%; it was ranked 2 of 54 candidates" in text
    (row,) = (line.split() for line in text.splitlines() if "-50.0%" in line)
    assert row[:4] == ["2", "-50.0%", "+1.20", "-3.40"]
    missed = replace(chosen, proposal=replace(chosen.proposal, value=-0.5))
    assert "the critics expected it to miss the front by 0.50, on their scales" in said(record, missed)
