"""`evonas export`, `replay`, `explain`: on a real local run, on what is damaged, on what other versions wrote."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pandas
import pytest

from evonas.bridges.optuna_storage import write_storage
from evonas.local.journal import JOURNAL_FILE, read_journal
from evonas.python.opening import open_result
from evonas.recorded.search import Phase
from evonas.search.trial import TrialState
from evonas.sources.journal import JournalSource
from tests.unit.commands.conftest import TRIALS, Evonas
from tests.unit.search.climbing import accuracy, climbed_record, write_climb
from tests.unit.search.fronts import write_front
from tests.unit.search.simulation import write_run


def rewritten(run: Path, folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Return a copy of a run in whose journal every object was passed through ``change``."""
    folder.mkdir()
    bodies = [json.loads(line) for line in (run / JOURNAL_FILE).read_text().splitlines()]
    for body in bodies:
        change(body)
    (folder / JOURNAL_FILE).write_text("".join(json.dumps(body) + "\n" for body in bodies))
    return folder


@pytest.fixture
def exported(evonas: Evonas, finished_run: Path, tmp_path: Path) -> Path:
    assert evonas("export", str(finished_run), "--to", "a.jsonl") == (0, f"wrote a.jsonl: {TRIALS} trials\n", "")
    return tmp_path / "a.jsonl"


def test_export_says_what_the_run_says(evonas: Evonas, finished_run: Path, exported: Path) -> None:
    assert evonas("get", str(exported), "-o", "json")[1] == evonas("get", str(finished_run), "-o", "json")[1]
    header = json.loads(exported.read_text().splitlines()[0])
    assert (header["kind"], header["phase"], header["trials"]) == ("SearchExport", "Complete", TRIALS)
    again = exported.with_name("b.jsonl")
    assert evonas("export", str(exported), "--to", str(again))[0] == 0
    assert again.read_text().splitlines()[1:-1] == exported.read_text().splitlines()[1:-1]


def test_export_cut_anywhere_is_one_clear_error_that_says_how_much_is_missing(evonas: Evonas, exported: Path) -> None:
    content = exported.read_bytes()
    first = content.index(b"\n") + 1
    for cut in (first, first + 10, len(content) // 2, len(content) - 40, len(content) - 2):
        exported.write_bytes(content[:cut])
        code, out, err = evonas("get", "a.jsonl")
        assert (code, out) == (2, "")
        there = max(0, content[:cut].count(b"\n") - 2)
        missing = "its checksum is" if there == TRIALS else f"{TRIALS - there} of its {TRIALS} trials are"
        assert err == f"error: a.jsonl is cut off: {missing} missing; export the search again\n"
    exported.write_bytes(content.replace(b'"reward": "0.', b'"reward": "1.', 1))
    assert evonas("replay", "a.jsonl")[2].startswith("error: a.jsonl was changed: ")


def test_export_that_cannot_be_written(evonas: Evonas, finished_run: Path) -> None:
    code, _, err = evonas("export", str(finished_run), "--to", "no/folder/a.jsonl")
    assert (code, err) == (2, "error: cannot write no/folder/a.jsonl: No such file or directory\n")


@pytest.mark.parametrize("kind", ["one", "several", "conditional"])
def test_export_to_csv_is_the_table_for_pandas(evonas: Evonas, tmp_path: Path, kind: str) -> None:
    run = {
        "one": lambda: write_run(tmp_path, kind),
        "several": lambda: write_front(tmp_path, kind, confirm={"top": 2, "repeats": 1}),
        "conditional": lambda: write_climb(tmp_path, kind),
    }[kind]()
    count = len(JournalSource(run).read().trials)
    assert evonas("export", kind, "--to", "o.csv") == (0, f"wrote o.csv: {count} trials\n", "")
    expected = open_result(run).trials.to_pandas().reset_index()
    found = pandas.read_csv("o.csv", parse_dates=["started", "ended"]).astype({"parent": "Int64"})
    # Of conditional decisions, pandas has those first that trials have first.
    assert sorted(found.columns) == sorted(expected.columns)
    for name in expected.columns:
        theirs = found[name] if name not in ("started", "ended") else found[name].astype(expected[name].dtype)
        pandas.testing.assert_series_equal(theirs, expected[name], check_dtype=False)
    python = open_result(run).export(tmp_path / "python.csv")
    assert python.read_bytes() == Path("o.csv").read_bytes()
    for command in ("get", "replay"):
        code, _, err = evonas(command, "o.csv")
        assert (code, "o.csv is a table of trials, without the search" in err) == (2, True), err


@pytest.mark.parametrize(
    ("name", "more", "cure"),
    [
        ("o.db", [], "`evonas export --optuna` writes an Optuna storage"),
        ("o.SQLite3", [], "`evonas export --optuna` writes an Optuna storage"),
        ("o.html", [], "`evonas report` writes pages"),
        ("o.xlsx", [], "CSV"),
        ("o.csv", ["--optuna"], "name one that ends in .db"),
        ("o.jsonl", ["--optuna"], "name one that ends in .db"),
    ],
)
def test_export_under_a_name_that_promises_another_format_is_refused(
    evonas: Evonas, finished_run: Path, name: str, more: list[str], cure: str
) -> None:
    code, out, err = evonas("export", str(finished_run), "--to", name, *more)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: cannot write {name}: ")
    assert cure in err
    assert not Path(name).exists()


def test_export_as_an_optuna_storage(evonas: Evonas, tmp_path: Path) -> None:
    run = write_run(tmp_path, "one")
    record = JournalSource(run).read()
    assert evonas("export", str(run), "--optuna") == (0, "wrote one.db: 30 trials\n", "")
    study = optuna.load_study(study_name="one", storage=f"sqlite:///{tmp_path}/one.db")
    best = record.totals.best
    assert best is not None
    assert (study.direction.name, study.best_value, study.best_params) == (
        "MAXIMIZE",
        best.reward,
        dict(best.decisions),
    )
    assert study.metric_names == [record.spec.objective.name]
    assert [trial.params for trial in study.trials] == [dict(trial.decisions) for trial in record.trials]
    counts = record.overview.counts
    states = Counter(trial.state.name for trial in study.trials)
    assert states == {
        "COMPLETE": counts["succeeded"],
        "PRUNED": counts["infeasible"],
        "FAIL": counts["failed"],
    }
    importances = optuna.importance.get_param_importances(study)
    assert set(importances) <= {decision.name for decision in record.spec.space.decisions}
    code, _, err = evonas("export", str(run), "--optuna")
    assert (code, err) == (2, "error: one.db already holds a study one; name another file\n")
    assert evonas("export", str(run), "--to", "no/folder/one.db", "--optuna")[2].startswith(
        "error: cannot write no/folder/one.db"
    )


def test_stopped_trials_are_pruned_ones_in_an_optuna_storage(evonas: Evonas, tmp_path: Path) -> None:
    run = write_climb(tmp_path, "climb")
    record = JournalSource(run).read()
    assert evonas("export", str(run), "--optuna")[0] == 0
    study = optuna.load_study(study_name="climb", storage=f"sqlite:///{tmp_path}/climb.db")
    assert record.totals.best is not None
    assert study.best_value == record.totals.best.reward
    for made, trial in zip(study.trials, record.trials, strict=True):
        curve = {rung.step: rung.value for rung in trial.rungs}
        assert made.user_attrs["state"] == trial.state
        if trial.state is TrialState.STOPPED:
            assert (made.state.name, made.value) == ("PRUNED", trial.rungs[-1].value)
            assert made.user_attrs["reason"] == "SuccessiveHalving"
            assert made.intermediate_values == curve
        else:
            assert (made.state.name, made.value) == ("COMPLETE", trial.reward)
            assert made.intermediate_values == {**curve, 9: trial.reward}


def test_diverged_value_is_no_number_in_an_optuna_storage(tmp_path: Path) -> None:
    record = climbed_record(curve=lambda trial, step: math.nan if trial.decisions["wide"] else accuracy(trial, step))
    write_storage(record, tmp_path / "search.db")
    study = optuna.load_study(study_name="search", storage=f"sqlite:///{tmp_path}/search.db")
    known = {trial.index for trial in record.trials if trial.rungs and trial.rungs[-1].value is None}
    assert known
    for index in known:
        assert math.isnan([*study.trials[index].intermediate_values.values()][-1])
        assert study.trials[index].value is None


def test_export_has_no_logs(evonas: Evonas, exported: Path) -> None:
    code, _, err = evonas("logs", str(exported), "0")
    assert code == 2
    assert "is an export, which holds no logs" in err


def test_replay_of_a_run_and_of_its_export(evonas: Evonas, finished_run: Path, exported: Path) -> None:
    for reference in (finished_run, exported):
        code, out, err = evonas("replay", str(reference))
        assert (code, err) == (0, "")
        assert out.startswith(f"all {TRIALS} proposals of {reference} are the same, bit for bit (python ")


def test_replay_names_the_first_difference_and_a_reason(evonas: Evonas, finished_run: Path, tmp_path: Path) -> None:
    def spoil(body: dict[str, Any]) -> None:
        if body["spec"].get("index") == 7:
            body["spec"]["decisions"]["a1"] = 1 + body["spec"]["decisions"]["a1"] % 4

    code, out, _ = evonas("replay", str(rewritten(finished_run, tmp_path / "spoilt", spoil)))
    lines = out.splitlines()
    assert code == 1
    assert lines[0] == "the first 7 proposals are the same; trial 7 differs:"
    assert lines[1].startswith("  decisions recorded: {'a1': ")
    assert lines[3].startswith("reason: the versions are the same; the record was changed after the fact, or")

    def spoil_and_age(body: dict[str, Any]) -> None:
        spoil(body)
        for entry in body.get("status", {}).get("environments", ()):
            entry["versions"]["numpy"] = "1.0"

    code, out, _ = evonas("replay", str(rewritten(finished_run, tmp_path / "aged", spoil_and_age)))
    assert code == 1
    assert out.splitlines()[3].startswith("reason: the versions differ: numpy 1.0 proposed it, 2.")


def test_replay_of_a_record_with_a_gap(evonas: Evonas, finished_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gap"
    folder.mkdir()
    lines = (finished_run / JOURNAL_FILE).read_text().splitlines()
    kept = [line for line in lines if json.loads(line)["spec"].get("index") != 4]
    (folder / JOURNAL_FILE).write_text("".join(f"{line}\n" for line in kept))
    code, out, _ = evonas("replay", "gap")
    assert code == 1
    assert out.startswith("the first 4 proposals are the same; trial 4 is missing from the record")


def test_explain_tells_parent_and_mutation(evonas: Evonas, finished_run: Path) -> None:
    _, trials, _ = read_journal(finished_run / JOURNAL_FILE)
    child = next(trial for trial in reversed(trials) if trial.proposal.origin == "mutation")
    parent = child.proposal.parent
    assert parent is not None
    code, out, err = evonas("explain", str(finished_run), str(child.index))
    assert (code, err) == (0, "")
    assert out.startswith(f"trial {child.index} of {finished_run}: Succeeded with reward {child.reward:.6g}\n")
    assert f"origin: mutation of trial {parent}, which had {trials[parent].reward:.6g}: rank " in out
    rows = {cells[0]: cells for cells in map(str.split, out.splitlines()) if cells and cells[0] in child.decisions}
    for name, value in child.decisions.items():
        how = "drawn" if name in child.proposal.mutated else "copied"
        assert rows[name][1:3] == [str(trials[parent].decisions[name]), str(value)]
        assert rows[name][3].startswith(how)
    assert "what else was considered" in out


def test_explain_of_a_random_one_and_of_one_that_cannot_be_derived(
    evonas: Evonas, finished_run: Path, tmp_path: Path
) -> None:
    code, out, _ = evonas("explain", str(finished_run), "0")
    assert code == 0
    assert "origin: random, drawn uniformly" in out
    assert "what else was considered" not in out

    def reseed(body: dict[str, Any]) -> None:
        if body["kind"] == "ArchitectureSearch":
            body["spec"]["agent"]["seed"] = 99

    code, out, err = evonas("explain", str(rewritten(finished_run, tmp_path / "reseeded", reseed)), "15")
    assert code == 0
    assert "origin: " in out
    assert err.startswith("the alternatives are not known: proposal 15 cannot be derived again")


def test_explain_of_a_trial_that_is_not_there(evonas: Evonas, finished_run: Path) -> None:
    code, _, err = evonas("explain", str(finished_run), "99")
    assert (code, err) == (2, f"error: {finished_run} has no trial 99; it has 0 to {TRIALS - 1}\n")


def test_run_that_has_confirmations_to_come_is_not_complete(finished_run: Path, tmp_path: Path) -> None:
    def ask_for_confirmations(body: dict[str, Any]) -> None:
        if body["kind"] == "ArchitectureSearch":
            body["spec"]["confirm"] = {"top": 1, "repeats": 1}

    assert JournalSource(finished_run).read().phase is Phase.COMPLETE
    waiting = rewritten(finished_run, tmp_path / "waiting", ask_for_confirmations)
    assert JournalSource(waiting, warn=lambda _: None).read().phase is Phase.STOPPED
