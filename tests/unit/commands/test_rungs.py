"""Every command that reads a search shows its stopped trials as what they are: results, not failures, not winners."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from evonas.local.journal import JOURNAL_FILE
from evonas.report.display import Display
from evonas.search.trial import TrialState
from evonas.spec import SearchSpec
from tests.unit.commands.climbs import listed, trials_in, trials_of
from tests.unit.commands.conftest import Evonas
from tests.unit.search.climbing import TWO, climbing_body, write_climb

COUNT = 30


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a local run with rungs that is complete."""
    return write_climb(tmp_path / "runs", "climb", "Evolution", COUNT)


def test_list_counts_stopped_trials_as_done(evonas: Evonas, run: Path) -> None:
    row, right = listed(evonas)
    assert (row["done"], row["running"], row["failed"]) == (f"{COUNT}/{COUNT}", "0", "0")
    stopped = len(trials_in(run, TrialState.STOPPED))
    assert (right["stopped"], right["succeeded"]) == (str(stopped), str(COUNT - stopped))


def test_trials_are_listed_with_what_they_had_at_their_last_rung(evonas: Evonas, run: Path) -> None:
    out = evonas("get", str(run), "-o", "wide")[1]
    for trial in trials_in(run, TrialState.STOPPED):
        (line,) = (line for line in out.splitlines() if line.split()[:1] == [str(trial.index)])
        assert "Stopped: SuccessiveHalving" in line
        assert f" {trial.rungs[-1].value:.6g} at step {trial.rungs[-1].step} " in line
        assert trial.message in line


def test_run_says_where_a_trial_was_stopped_and_who_was_better(run: Path) -> None:
    spec = SearchSpec.parse(climbing_body("Evolution", COUNT))
    for trial in trials_in(run, TrialState.STOPPED):
        console = Console(width=80)
        with console.capture() as capture, Display(spec, console, ()) as display:
            display.on_record(trial)
        (line,) = capture.get().splitlines()
        assert f" trial {trial.index:>4}  Stopped: {trial.message}  {{" in line


def test_watch_ends_with_the_counts(evonas: Evonas, run: Path) -> None:
    code, out, _ = evonas("watch", str(run))
    assert code == 0
    stopped = len(trials_in(run, TrialState.STOPPED))
    assert f"{COUNT}/{COUNT}" in out
    assert f"{COUNT - stopped} succeeded, {stopped} stopped" in out


def test_best_is_never_a_stopped_trial(evonas: Evonas, run: Path) -> None:
    winner = max((trial for trial in trials_of(run) if trial.reward is not None), key=lambda trial: trial.reward or 0)
    _, out, err = evonas("best", str(run))
    assert json.loads(out) == dict(winner.decisions)
    assert err.startswith(f"trial {winner.index} with accuracy ")
    front = json.loads(evonas("best", str(run), "--pareto", "accuracy", "reward:min")[1])
    states = {trials_of(run)[item["trial"]].state for item in front}
    assert states == {TrialState.SUCCEEDED}
    index = str(trials_in(run, TrialState.STOPPED)[0].index)
    assert evonas("best", str(run), "--trial", index)[2] == f"trial {index} with no reward\n"


def test_export_keeps_every_rung(evonas: Evonas, run: Path, tmp_path: Path) -> None:
    assert evonas("export", str(run), "--to", "climb.jsonl")[0] == 0
    assert evonas("get", "climb.jsonl", "-o", "json")[1] == evonas("get", str(run), "-o", "json")[1]
    assert evonas("replay", "climb.jsonl")[0] == 0


def test_replay_derives_the_decisions_at_rungs_too(evonas: Evonas, run: Path) -> None:
    code, out, _ = evonas("replay", str(run))
    rungs = sum(len(trial.rungs) for trial in trials_of(run))
    assert code == 0
    assert out.startswith(f"all {rungs} decisions at rungs are the same\nall {COUNT} proposals of ")
    stopped = trials_in(run, TrialState.STOPPED)[0]
    journal = run / JOURNAL_FILE
    rung = stopped.rungs[-1]
    assert rung.value is not None
    lines = journal.read_text().splitlines()
    row = next(n for n, line in enumerate(lines) if f'"index": {stopped.index},' in line)
    lines[row] = lines[row].replace(f'"value": "{rung.value!r}"', '"value": "9.5"')
    journal.write_text("\n".join(lines) + "\n")
    code, out, _ = evonas("replay", str(run))
    assert code == 1
    first, recorded, derived, reason = out.splitlines()
    assert first == f"trial {stopped.index} differs at a rung:"
    assert recorded == f"  state recorded: Stopped at step {rung.step}"
    assert derived.startswith("  state derived:  goes on there: it is 1st of ")
    assert reason.startswith("reason: the record was changed after the fact")


@pytest.mark.parametrize("mode", ["Stop", "Pause"])
def test_search_with_two_objectives_is_replayed_and_explained_at_its_rungs(
    evonas: Evonas, tmp_path: Path, mode: str
) -> None:
    fidelity = {"rungs": {"min": 1, "max": 9, "factor": 3}, "mode": mode}
    run = write_climb(tmp_path / "runs", "two", "Evolution", COUNT, fidelity=fidelity, **TWO)
    code, out, err = evonas("replay", str(run))
    assert (code, err) == (0, "")
    assert "decisions at rungs are the same\nall 30 proposals of " in out
    trial = trials_in(run, TrialState.STOPPED if mode == "Stop" else TrialState.PAUSED)[-1]
    code, out, err = evonas("explain", str(run), str(trial.index))
    assert (code, err) == (0, "")
    assert f"({trial.rungs[-1].value:.6g}, {trial.rungs[-1].others[0]:.6g}) at step {trial.rungs[-1].step}" in out
    headings = [line.split() for line in out.splitlines() if "latency_ms" in line and "accuracy" in line]
    needs = ["attempt"] if mode == "Pause" else []
    assert ["step", "accuracy", "latency_ms", *needs, "then"] in headings
    assert ["trial", "accuracy", "latency_ms", "became", "of", "it"] in headings
    assert "it needed" not in out
    code, out, err = evonas("get", str(run), "-o", "wide")
    assert (code, err) == (0, "")


def test_explain_says_what_a_stopped_trial_needed(evonas: Evonas, run: Path) -> None:
    trial = trials_in(run, TrialState.STOPPED)[-1]
    code, out, err = evonas("explain", str(run), str(trial.index))
    assert (code, err) == (0, "")
    assert f"to go on at step {trial.rungs[-1].step}, it needed accuracy at least " in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["veto"], "is Stopped already; only a trial without a result can be vetoed"),
        (["pin"], "is Stopped: without a reward it cannot be pinned"),
    ],
)
def test_stopped_trial_is_neither_vetoed_nor_pinned(evonas: Evonas, run: Path, words: list[str], said: str) -> None:
    index = trials_in(run, TrialState.STOPPED)[0].index
    code, _, err = evonas(*words, str(run), str(index))
    assert code == 2
    assert f"trial {index} of {run} {said}" in err


def test_stopped_candidate_is_not_enqueued_again(evonas: Evonas, tmp_path: Path) -> None:
    run = write_climb(tmp_path / "runs", "short", count=12)
    journal = run / JOURNAL_FILE
    # It was stopped before its budget was used up.
    journal.write_text(journal.read_text().replace('"maxTrials": 12', '"maxTrials": 13', 1))
    trial = next(trial for trial in trials_of(run) if trial.state is TrialState.STOPPED)
    assignments = [word for name, value in trial.decisions.items() for word in ("--decision", f"{name}={text(value)}")]
    code, _, err = evonas("enqueue", str(run), *assignments)
    assert code == 2
    assert f"trial {trial.index} has it, Stopped with {trial.rungs[-1].in_words}" in err


DAMAGED: dict[str, tuple[Callable[[Any], object], str]] = {
    "no rungs": (lambda status: status.pop("rungs"), "status.rungs: must not be empty: the trial was stopped at one"),
    "no order": (
        lambda status: status["rungs"].append({"step": 1, "sequence": 999}),
        ".step: must be more than ",
    ),
    "no number": (
        lambda status: status["rungs"][-1].update(value="much"),
        ".value must be a finite decimal number, or absent, got 'much'",
    ),
    "not finite": (lambda status: status["rungs"][-1].update(value="inf"), "got 'inf'"),
    "another objective": (lambda status: status["rungs"][-1].update(others=["4.0"]), "has 2 values, but the search"),
    "no step": (lambda status: status["rungs"][-1].pop("step"), ".step must be a whole number from 1, got None"),
    "no place": (lambda status: status["rungs"][-1].update(sequence="7"), ".sequence must be a whole number from 1"),
}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("words", [["get"], ["report"], ["replay"], ["explain", "0"]], ids=lambda words: words[0])
def test_damaged_record_of_rungs_is_one_error_that_names_trial_and_field(
    evonas: Evonas, run: Path, words: list[str], damage: str
) -> None:
    do, said = DAMAGED[damage]
    journal, index = run / JOURNAL_FILE, trials_in(run, TrialState.STOPPED)[0].index
    search, *bodies = map(json.loads, journal.read_text().splitlines())
    body = next(body for body in bodies if body["spec"]["index"] == index)
    do(body["status"])
    journal.write_text("".join(json.dumps(line) + "\n" for line in (search, *bodies)))
    code, out, err = evonas(words[0], str(run), *words[1:])
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert f"trial {index}: status.rungs" in err
    assert said in err


def text(value: object) -> str:
    return json.dumps(value)
