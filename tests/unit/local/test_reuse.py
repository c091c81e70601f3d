"""Reuse in local runs: results of another run or file, and candidates by hand while it runs and while it rests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.errors import EvonasError
from evonas.local.other_runs import OtherRuns
from evonas.local.requests.enqueued import ENQUEUED_FILE, Enqueued
from evonas.local.requests.vetoed import VETOED_FILE
from evonas.spec import SearchSpec
from harness.waiting import PATIENCE, wait_for
from tests.unit.local.runs import evonas, recorded, write_manifest


def test_a_run_begins_with_the_results_of_another_and_of_a_file(tmp_path: Path) -> None:
    evonas(tmp_path, "run", str(write_manifest(tmp_path, "first")))
    listed = [{"a1": 4, "a2": 4, "a3": 4, "a4": 4}]
    second = write_manifest(tmp_path, "second", warmStart={"search": "first", "candidates": listed})
    output = evonas(tmp_path, "run", str(second))
    assert "6 results of runs/first were imported" in output
    first, trials = recorded(tmp_path, "first"), recorded(tmp_path, "second")
    learned = sorted(first, key=lambda trial: trial.sequence or 0)
    assert [(trial.decisions, trial.reward) for trial in trials[:6]] == [
        (trial.decisions, trial.reward) for trial in learned
    ]
    assert [trial.proposal.origin for trial in trials[6:8]] == ["listed", "mutation"]
    assert (dict(trials[6].decisions), len(trials)) == (listed[0], 12)
    # Once taken over, the source is needed no more: the same command goes on without it.
    (tmp_path / "runs" / "first").rename(tmp_path / "moved")
    assert "6 succeeded" in evonas(tmp_path, "run", str(second))
    evonas(tmp_path, "export", "moved", "--to", "first.jsonl")
    options = ["--warm-start", "first.jsonl", "--warm-start", "runs/second"]
    third = write_manifest(tmp_path, "third", warmStart={"configMap": {"name": "first", "key": "export"}})
    assert "12 results of first.jsonl and runs/second were imported" in evonas(tmp_path, "run", str(third), *options)
    runs = [trial.imported.runs for trial in recorded(tmp_path, "third") if trial.imported is not None]
    # What the second run had imported from the first counts as the same candidate.
    assert runs == [2] * 6 + [1] * 6


@pytest.mark.parametrize(
    ("warm_start", "message"),
    [
        ({"search": "nowhere"}, "error: spec.warmStart.search: runs/nowhere is not a run"),
        ({"configMap": {"name": "a", "key": "b"}}, "error: spec.warmStart.configMap: a local run reads no ConfigMap"),
        ({"candidates": [{"a1": 1}]}, "error: spec.warmStart.candidates[0]: decision 'a2' is missing"),
        ({"search": "here"}, "error: spec.warmStart.search: must name another search than this one"),
    ],
)
def test_what_cannot_be_taken_over_is_one_clear_error(tmp_path: Path, warm_start: Any, message: str) -> None:
    manifest = write_manifest(tmp_path, "here", warmStart=warm_start)
    output = evonas(tmp_path, "run", str(manifest), code=2)
    assert output.startswith(message)
    assert len(output.splitlines()) == 1


def test_candidates_are_taken_up_by_a_run_under_way_and_by_the_next_start(tmp_path: Path) -> None:
    """One trial at a time, each of which waits for its gate."""
    gates = tmp_path / "gates"
    gates.mkdir()
    script = f"until [ -e {gates}/$EVONAS_INDEX ]; do sleep 0.1; done; exec python -m evonas_trial.counting"
    budget = {"maxTrials": 6, "parallelTrials": 1}
    manifest = write_manifest(tmp_path, "here", ["sh", "-c", script], budget=budget)
    journal = tmp_path / "runs" / "here" / "journal.jsonl"
    running = subprocess.Popen([sys.executable, "-m", "evonas", "run", str(manifest)], cwd=tmp_path)
    try:
        wait_for("the first trial", lambda: len(_origins(journal)) == 1)
        by_hand = [f"--decision=a{position}=4" for position in (1, 2, 3, 4)]
        assert "enqueued 1 candidate: it is tried before" in evonas(tmp_path, "enqueue", "runs/here", *by_hand)
        assert "it is listed already" in evonas(tmp_path, "enqueue", "runs/here", *by_hand, code=2)
        (gates / "0").touch()
        wait_for("the second trial", lambda: len(_origins(journal)) == 2)
        assert _origins(journal)[1] == "listed"
        assert "trial 1 has it" in evonas(tmp_path, "enqueue", "runs/here", *by_hand, code=2)
    finally:
        running.terminate()
        running.wait(PATIENCE)
    (tmp_path / "more.json").write_text('[{"a1": 4, "a2": 4, "a3": 4, "a4": 1}, {"a1": 4, "a2": 4, "a3": 1, "a4": 1}]')
    assert "enqueued 2 candidates" in evonas(tmp_path, "enqueue", "runs/here", "more.json")
    for index in range(1, 6):
        (gates / str(index)).touch()
    evonas(tmp_path, "run", str(manifest))
    trials = recorded(tmp_path, "here")
    assert [trial.proposal.origin == "listed" for trial in trials] == [False, True, True, True, False, False]
    over = evonas(tmp_path, "enqueue", "runs/here", *by_hand, code=2)
    assert "runs/here is Complete: nothing would be tried" in over
    assert "listed by the user" in evonas(tmp_path, "explain", "runs/here", "2")


def test_a_veto_ends_a_trial_under_way_and_one_of_a_run_that_rests(tmp_path: Path) -> None:
    """The first two trials would last for ever."""
    script = "[ $EVONAS_INDEX -gt 1 ] || exec sleep 1000; exec python -m evonas_trial.counting"
    budget = {"maxTrials": 6, "parallelTrials": 2}
    manifest = write_manifest(tmp_path, "here", ["sh", "-c", script], budget=budget)
    journal = tmp_path / "runs" / "here" / "journal.jsonl"
    running = subprocess.Popen([sys.executable, "-m", "evonas", "run", str(manifest)], cwd=tmp_path)
    try:
        wait_for("two trials", lambda: len(_origins(journal)) == 2)
        assert "has no trial 9" in evonas(tmp_path, "veto", "runs/here", "9", code=2)
        evonas(tmp_path, "veto", "runs/here", "1", "--because", "too slow for a phone")
        wait_for("the others", lambda: len(_origins(journal)) == 6)
    finally:
        running.terminate()
        running.wait(PATIENCE)
    evonas(tmp_path, "veto", "runs/here", "0")
    evonas(tmp_path, "run", str(manifest))
    trials = recorded(tmp_path, "here")
    assert [trial.state.value for trial in trials] == ["Infeasible"] * 2 + ["Succeeded"] * 4
    assert [trial.message for trial in trials[:2]] == ["", "too slow for a phone"]
    assert sorted(trial.sequence or 0 for trial in trials) == [1, 2, 3, 4, 5, 6]
    assert "trial 1 of runs/here is Infeasible already" in evonas(tmp_path, "veto", "runs/here", "1", code=2)
    assert "too slow for a phone" in evonas(tmp_path, "explain", "runs/here", "1")
    (tmp_path / "runs" / "here" / VETOED_FILE).write_text('{"trial": "one"}\n')
    assert "vetoed.jsonl, line 1: not a veto" in evonas(tmp_path, "run", str(manifest), code=2)


def _origins(journal: Path) -> dict[int, str]:
    """Return the origins of the trials by index, of a journal that may be in the making."""
    lines = journal.read_text().split("\n")[:-1] if journal.exists() else []
    bodies = [body for body in map(json.loads, lines) if body["kind"] == "ArchitectureTrial"]
    return {body["spec"]["index"]: body["spec"]["proposal"]["origin"] for body in bodies}


def test_a_line_that_a_crash_cut_off_is_dropped_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    space = SearchSpec.parse(yaml.safe_load(write_manifest(tmp_path, "here").read_text())).space
    one, other = space.to_candidate(space.unrank(1)), space.to_candidate(space.unrank(2))
    enqueued = Enqueued(tmp_path, space)
    assert enqueued.read() == []
    enqueued.append([one])
    with (tmp_path / ENQUEUED_FILE).open("a") as file:
        file.write('{"a1": 1, "a')
    assert enqueued.read() == [one]
    Enqueued(tmp_path, space).append([other])
    assert enqueued.read() == [one, other]
    (tmp_path / ENQUEUED_FILE).write_text('{"a1": 9}\n')
    with pytest.raises(EvonasError, match=r"enqueued\.jsonl, line 1: decision 'a1' has no value 9"):
        enqueued.read()


LOGGED = ("sh", "-c", "echo $EVONAS_TRIAL >> ran.txt; exec python -m evonas_trial.counting")


def _ran(folder: Path) -> list[str]:
    return (folder / "ran.txt").read_text().split()


def test_a_run_takes_over_what_other_runs_have_trained_and_trains_the_rest(tmp_path: Path) -> None:
    space = [{"name": "a1", "values": [1, 2, 3, 4, 5, 6]}]
    small: dict[str, Any] = {"searchSpace": space, "budget": {"maxTrials": 4, "parallelTrials": 2}}
    evonas(tmp_path, "run", str(write_manifest(tmp_path, "first", LOGGED, **small)))
    assert len(_ran(tmp_path)) == 4
    whole = {**small, "budget": {"maxTrials": 6}, "agent": {"type": "Random", "seed": 9}}
    asked = {"reuseResults": "Namespace", "confirm": {"top": 1, "repeats": 1}}
    second = write_manifest(tmp_path, "second", LOGGED, **whole, **asked)
    output = evonas(tmp_path, "run", str(second))
    assert "6 succeeded, 4 of these with the result of another run" in output
    assert ", the result of trial first-" in output
    first = {str(trial.decisions): trial for trial in recorded(tmp_path, "first")}
    trials = recorded(tmp_path, "second")
    reused = [trial for trial in trials if trial.reused is not None]
    assert len(reused) == 4
    for trial in reused:
        theirs = first[str(trial.decisions)]
        assert trial.reused is not None
        assert (trial.reused.search, trial.reused.index) == ("first", theirs.index)
        assert (trial.reward, trial.metrics) == (theirs.reward, theirs.metrics)
        assert (trial.state, trial.reason, trial.gpu_seconds) == (theirs.state, "Reused", 0)
    # Two that nobody had trained, and the confirmation, which is always trained.
    assert len(_ran(tmp_path)) == 4 + 2 + 1
    assert "nothing was run for it: search first had already run" in " ".join(
        evonas(tmp_path, "explain", "runs/second", str(reused[0].index)).split()
    )
    said = evonas(tmp_path, "logs", "runs/second", str(reused[0].index), code=2)
    assert said.startswith(f"error: nothing was run for trial {reused[0].index} of runs/second: it has the result of")
    # A third run finds all six, four under the name of the first, whose folder is gone; and the export keeps that.
    (tmp_path / "runs" / "first").rename(tmp_path / "moved")
    third = {**whole, "agent": {"type": "Evolution", "seed": 2}, "reuseResults": "Namespace"}
    evonas(tmp_path, "run", str(write_manifest(tmp_path, "third", LOGGED, **third)))
    names = [trial.reused.search for trial in recorded(tmp_path, "third") if trial.reused is not None]
    assert sorted(names) == ["first"] * 4 + ["second"] * 2
    assert len(_ran(tmp_path)) == 7
    evonas(tmp_path, "export", "runs/third", "--to", "third.jsonl")
    exported = [json.loads(line) for line in (tmp_path / "third.jsonl").read_text().splitlines()]
    assert sum("reusedFrom" in line.get("spec", {}) for line in exported) == 6
    # Another command is another trial; so it is without being asked.
    for name, spec in (("fourth", {"reuseResults": "Namespace"}), ("fifth", {})):
        changed = LOGGED if name == "fifth" else (*LOGGED[:2], LOGGED[2] + " # slower")
        evonas(tmp_path, "run", str(write_manifest(tmp_path, name, changed, **small, **spec)))
        assert all(trial.reused is None for trial in recorded(tmp_path, name))


def test_a_result_is_that_of_what_was_run_even_where_the_manifest_changed_meanwhile(tmp_path: Path) -> None:
    """A run is stopped, its command changed, and gone on with; one trial has ended before it went on."""
    small: dict[str, Any] = {
        "searchSpace": [{"name": "a1", "values": [1, 2]}],
        "budget": {"maxTrials": 2, "parallelTrials": 2},
    }
    script = "[ $EVONAS_INDEX = 0 ] || until [ -e gate ]; do sleep 0.1; done; exec python -m evonas_trial.counting"
    manifest = write_manifest(tmp_path, "here", ["sh", "-c", script], **small)
    journal = tmp_path / "runs" / "here" / "journal.jsonl"
    running = subprocess.Popen([sys.executable, "-m", "evonas", "run", str(manifest)], cwd=tmp_path)
    try:
        wait_for("a result", lambda: journal.exists() and '"Succeeded"' in journal.read_text())
    finally:
        running.terminate()
        running.wait(PATIENCE)
    (tmp_path / "gate").touch()
    evonas(tmp_path, "run", str(write_manifest(tmp_path, "here", ["sh", "-c", f"{script} # changed"], **small)))
    assert len({trial.fingerprint for trial in recorded(tmp_path, "here")}) == 2
    evonas(
        tmp_path, "run", str(write_manifest(tmp_path, "there", ["sh", "-c", script], **small, reuseResults="Namespace"))
    )
    assert [trial.reused is not None for trial in recorded(tmp_path, "there")].count(True) == 1


def test_a_journal_is_read_on_where_it_grew_and_anew_where_it_was_replaced(tmp_path: Path) -> None:
    evonas(tmp_path, "run", str(write_manifest(tmp_path, "first")))
    journal = tmp_path / "runs" / "first" / "journal.jsonl"
    content = journal.read_bytes()
    prints = [trial.fingerprint or "" for trial in recorded(tmp_path, "first")]
    others = OtherRuns(tmp_path / "runs" / "second")

    def found() -> int:
        return sum(others.find(fingerprint) is not None for fingerprint in prints)

    counts = []
    for size in range(0, len(content) + 1, len(content) // 20):
        with journal.open("r+b") as file:
            file.truncate(size)
            file.seek(0)
            file.write(content[:size])
        counts.append(found())
    journal.write_bytes(content)
    assert counts == sorted(counts)
    assert (counts[0], found()) == (0, 6)
    # A line that is damaged hides what it says and nothing else.
    lines = content.splitlines(keepends=True)
    last = max(place for place, line in enumerate(lines) if b"fingerprint" in line)
    lines[last] = b'{"fingerprint"\n'
    journal.unlink()
    journal.write_bytes(b"".join(lines))
    assert found() == 5
    journal.unlink()
    assert found() == 0
