"""Every command that reads a search shows its paused trials as what they are: neither running nor over, no failures."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from rich.console import Console

from evonas.local.journal import JOURNAL_FILE
from evonas.report.display import Display
from evonas.search.rungs import find_losses
from evonas.search.totals import Totals
from evonas.search.trial import TrialState
from evonas.sources.journal import JournalSource
from evonas.spec import SearchSpec
from tests.unit.commands.climbs import listed, trials_in, trials_of
from tests.unit.commands.conftest import Evonas
from tests.unit.search.climbing import Climb, climbing_body, write_climb

COUNT = 24
PAUSE = {"rungs": {"min": 1, "max": 9, "factor": 3}, "mode": "Pause"}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a local run in mode Pause that is complete."""
    return write_climb(tmp_path / "runs", "climb", "Evolution", COUNT, fidelity=PAUSE)


def test_list_counts_paused_trials_as_done(evonas: Evonas, run: Path) -> None:
    row, right = listed(evonas)
    assert (row["phase"], row["done"], row["running"], row["failed"]) == ("Complete", f"{COUNT}/{COUNT}", "0", "0")
    paused = len(trials_in(run, TrialState.PAUSED))
    assert (right["paused"], right["stopped"], right["succeeded"]) == (str(paused), "0", str(COUNT - paused))


def test_trials_are_listed_with_what_they_had_when_they_paused(evonas: Evonas, run: Path) -> None:
    out = evonas("get", str(run), "-o", "wide")[1]
    for trial in trials_in(run, TrialState.PAUSED):
        (line,) = (line for line in out.splitlines() if line.split()[:1] == [str(trial.index)])
        assert " Paused " in line
        assert f" {trial.rungs[-1].value:.6g} at step {trial.rungs[-1].step} " in line


def test_run_says_who_pauses_and_who_goes_on_and_why() -> None:
    climb = Climb(SearchSpec.parse(climbing_body("Random", COUNT, fidelity=PAUSE)))
    console = Console(width=80)
    with console.capture() as capture, Display(climb.spec, console, ()) as display:
        for decided in climb.run():
            for trial in decided.records:
                display.on_record(trial)
    lines = capture.get().splitlines()
    said = Counter(line.split()[3] for line in lines)
    rungs = [rung for trial in climb.trials for rung in trial.rungs]
    assert said["Paused:"] == len(rungs)
    assert said["Goes"] == sum(rung.promoted_after is not None for rung in rungs) > 0
    assert len(lines) == said["Paused:"] + said["Goes"] + sum(trial.reward is not None for trial in climb.trials)
    for line in lines:
        if " Goes on: " in line:
            assert ", and the best " in line or ", and only the best goes on" in line


def test_watch_ends_with_the_counts(evonas: Evonas, run: Path) -> None:
    code, out, _ = evonas("watch", str(run))
    assert code == 0
    paused = len(trials_in(run, TrialState.PAUSED))
    assert f"{COUNT}/{COUNT}" in out
    assert f"{COUNT - paused} succeeded, {paused} paused" in out


def test_best_and_replay_know_paused_trials(evonas: Evonas, run: Path) -> None:
    winner = max((trial for trial in trials_of(run) if trial.reward is not None), key=lambda trial: trial.reward or 0)
    assert json.loads(evonas("best", str(run))[1]) == dict(winner.decisions)
    code, out, _ = evonas("replay", str(run))
    assert code == 0
    assert f"all {sum(len(trial.rungs) for trial in trials_of(run))} decisions at rungs are the same" in out


def test_export_keeps_every_pause(evonas: Evonas, run: Path) -> None:
    assert evonas("export", str(run), "--to", "climb.jsonl")[0] == 0
    assert evonas("get", "climb.jsonl", "-o", "json")[1] == evonas("get", str(run), "-o", "json")[1]


def test_candidate_of_a_paused_trial_is_not_enqueued_again(evonas: Evonas, tmp_path: Path) -> None:
    run = write_climb(tmp_path / "runs", "short", count=12, fidelity=PAUSE)
    journal = run / JOURNAL_FILE
    # It was stopped before its budget was used up.
    journal.write_text(journal.read_text().replace('"maxTrials": 12', '"maxTrials": 13', 1))
    trial = next(trial for trial in trials_of(run) if trial.state is TrialState.PAUSED)
    decisions = [
        word for name, value in trial.decisions.items() for word in ("--decision", f"{name}={json.dumps(value)}")
    ]
    code, _, err = evonas("enqueue", str(run), *decisions)
    assert code == 2
    assert f"trial {trial.index} has it, Paused with {trial.rungs[-1].in_words}" in err


def test_paused_trials_are_pruned_ones_in_an_optuna_storage(evonas: Evonas, run: Path) -> None:
    assert evonas("export", str(run), "--to", "climb.db", "--optuna")[0] == 0
    study = optuna.load_study(study_name="climb", storage="sqlite:///climb.db")
    for made, trial in zip(study.trials, trials_of(run), strict=True):
        curve = {rung.step: rung.value for rung in trial.rungs}
        assert made.user_attrs["state"] == trial.state
        if trial.state is TrialState.PAUSED:
            assert (made.state.name, made.value) == ("PRUNED", trial.rungs[-1].value)
            assert made.intermediate_values == curve
            assert trial.completion_time is not None
            assert made.datetime_complete == trial.completion_time.astimezone().replace(tzinfo=None)
        else:
            assert (made.state.name, made.value) == ("COMPLETE", trial.reward)
            assert made.intermediate_values == {**curve, 9: trial.reward}


def test_lost_checkpoints_are_counted_at_the_end_of_a_run(run: Path) -> None:
    record = JournalSource(run).read()
    assert find_losses(record.totals) is None
    lost = [replace(trial, lost_checkpoints=int(trial.reward is not None)) for trial in record.trials]
    said = find_losses(Totals(record.spec.objectives, lost))
    full = sum(trial.reward is not None for trial in lost)
    assert said is not None
    assert said.startswith(f"{full} checkpoint{'' if full == 1 else 's'} lost in {record.totals.promotions} promotions")
