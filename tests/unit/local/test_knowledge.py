"""What a local run's agent learns from earlier searches: found, said and recorded before the first trial, once."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evonas.agents import EarlierTask, Experience
from evonas.errors import EvonasError, InvalidManifest
from evonas.local.journal import JOURNAL_FILE, open_journal, read_journal
from evonas.manifest import load_search
from evonas.recorded.knowledge_record import Knowledge
from evonas.recorded.replay import Replay
from evonas.recorded.search import RecordedSearch
from evonas.sources.export import ExportSource, write_export
from evonas.sources.journal import JournalSource
from evonas.sources.knowledge import record_knowledge
from evonas.spec import SearchSpec
from tests.unit.local.runs import evonas, recorded, write_manifest
from tests.unit.search.simulation import SPACE, simulate, write_run

KNOWN = Knowledge(Experience((EarlierTask("earlier", ("a1", "a2"), ((0, 1), (3, 2)), (0.5, -0.25)),)))


def begin(tmp_path: Path, *paths: Path, name: str = "here", **spec: Any) -> tuple[str | None, list[str]]:
    """Do what a run does before its first trial; returns what it says and from which searches it has learned."""
    manifest = load_search(write_manifest(tmp_path, name, **{"searchSpace": SPACE, "agent": {}, **spec}))
    journal = open_journal(tmp_path / "runs" / name, manifest)
    try:
        said = record_knowledge(SearchSpec.parse(manifest), journal, tmp_path / "runs", paths)
    finally:
        journal.close()
    knowledge = read_journal(journal.path)[2]
    return said, [Path(task.source).name for task in knowledge.experience.tasks] if knowledge else []


def made_at(run: Path, when: str) -> None:
    """Change when a run was made."""
    lines = [json.loads(line) for line in (run / JOURNAL_FILE).read_text().splitlines()]
    lines[0]["metadata"]["creationTimestamp"] = when
    (run / JOURNAL_FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_runs_are_found_by_name_then_by_label_the_latest_first_and_none_twice(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for number, name in enumerate(["old", "new", "named", "other"]):
        labels = {"task": "other" if name == "other" else "digits"}
        made_at(write_run(runs, name, seed=number, count=12, labels=labels), f"2026-01-0{number + 1}T00:00:00Z")
    (runs / "just-starting").mkdir()
    (runs / "just-starting" / JOURNAL_FILE).touch()
    selector = {"matchLabels": {"task": "digits"}}
    said, found = begin(tmp_path, knowledge={"searches": ["other", "named"], "selector": selector})
    assert found == ["other", "named", "new", "old"]
    assert said is not None
    assert f"results of {runs / 'other'}, {runs / 'named'}, {runs / 'new'} and {runs / 'old'} are known" in said


def test_what_a_run_under_way_has_at_that_moment_counts_and_nothing_that_comes_later(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs", "there", count=12)
    body, trials, _ = read_journal(run / JOURNAL_FILE)
    metadata = {name: body["metadata"][name] for name in ("name", "labels")}
    going_on = open_journal(run, {**body, "metadata": metadata})
    asked = {"searches": ["there"]}
    first = begin(tmp_path, knowledge=asked)
    known = read_journal(tmp_path / "runs" / "here" / JOURNAL_FILE)[2]
    going_on.write(replace(trials[0], index=12, sequence=12))
    going_on.close()
    assert first[1] == ["there"]
    assert begin(tmp_path, knowledge=asked) == (None, ["there"])
    assert read_journal(tmp_path / "runs" / "here" / JOURNAL_FILE)[2] == known


def test_a_selector_that_selects_nothing_begins_with_nothing_and_that_is_recorded(tmp_path: Path) -> None:
    selecting = {"selector": {"matchLabels": {"task": "digits"}}}
    assert begin(tmp_path, knowledge=selecting) == ("nothing is known from earlier searches", [])
    write_run(tmp_path / "runs", "late", count=12, labels={"task": "digits"})
    assert begin(tmp_path, knowledge=selecting) == (None, [])


def change_manifest(run: Path, uid: str, **spec: Any) -> None:
    """Make a run another one, whose manifest differs."""
    body, *trials = (json.loads(line) for line in (run / JOURNAL_FILE).read_text().splitlines())
    changed = {**body, "metadata": {**body["metadata"], "uid": uid}, "spec": {**body["spec"], **spec}}
    (run / JOURNAL_FILE).write_text("".join(json.dumps(line) + "\n" for line in (changed, *trials)))


def test_a_run_whose_manifest_this_version_does_not_accept_is_left_out(tmp_path: Path) -> None:
    for name in ("good", "later"):
        write_run(tmp_path / "runs", name, count=12, labels={"task": "digits"})
    change_manifest(tmp_path / "runs" / "later", "later", novelty=3)
    for name, knowledge in (
        ("named", {"searches": ["later", "good"]}),
        ("selected", {"selector": {"matchLabels": {"task": "digits"}}}),
    ):
        said, found = begin(tmp_path, name=name, knowledge=knowledge)
        assert found == ["good"]
        assert said is not None
        assert "left out:" in said
        assert "later (it holds an invalid manifest: spec.novelty)" in said


def test_a_damaged_run_stops_those_who_name_it_and_is_left_out_by_a_selector(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write_run(tmp_path / "runs", "good", count=12, labels={"task": "digits"})
    damaged = tmp_path / "runs" / "damaged" / JOURNAL_FILE
    damaged.parent.mkdir()
    damaged.write_bytes((good / JOURNAL_FILE).read_bytes().replace(b"Succeeded", b'"', 1))
    assert begin(tmp_path, knowledge={"selector": {"matchLabels": {"task": "digits"}}})[1] == ["good"]
    said = capsys.readouterr().err
    assert said.startswith(f"warning: spec.knowledge.selector leaves a run out: {damaged}, line ")
    assert len(said.splitlines()) == 1
    with pytest.raises(EvonasError, match=r"damaged/journal\.jsonl, line \d+ is damaged"):
        begin(tmp_path, name="named", knowledge={"searches": ["damaged"]})


def test_options_name_folders_and_files_in_place_of_the_manifest(tmp_path: Path) -> None:
    first, second = (write_run(tmp_path / "elsewhere", name, count=12) for name in ("first", "second"))
    export = tmp_path / "second.jsonl"
    write_export(JournalSource(second).read(), export)
    declared = {"searches": ["nowhere"], "configMaps": [{"name": "a", "key": "b"}]}
    assert begin(tmp_path, first, export, second, knowledge=declared)[1] == ["first", "second.jsonl"]
    assert begin(tmp_path, second, name="another")[1] == ["second"]


@pytest.mark.parametrize(
    ("knowledge", "message"),
    [
        ({"searches": ["nowhere"]}, r"^spec\.knowledge\.searches: \S*/runs/nowhere is not a run; name .* --knowledge$"),
        ({"configMaps": [{"name": "a", "key": "b"}]}, r"^spec\.knowledge\.configMaps: .* name .* with --knowledge$"),
    ],
)
def test_what_cannot_be_read_is_refused_and_may_be_put_right(
    tmp_path: Path, knowledge: dict[str, Any], message: str
) -> None:
    with pytest.raises(EvonasError, match=message):
        begin(tmp_path, knowledge=knowledge)
    write_run(tmp_path / "runs", "there", count=12)
    assert begin(tmp_path, knowledge={"searches": ["there"]})[1] == ["there"]
    with pytest.raises(InvalidManifest, match=r"spec\.knowledge: is immutable"):
        begin(tmp_path, knowledge={"searches": ["there", "here-too"]})


def test_agents_that_do_not_learn_from_earlier_searches_say_so_once(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "there", count=12)
    for type in ("Random", "Evolution"):
        asked: dict[str, Any] = {"knowledge": {"searches": ["there"]}, "agent": {"type": type}}
        said, found = begin(tmp_path, name=type.lower(), **asked)
        assert said is not None
        assert "only EvoNAS and Neural learn from earlier searches" in said
        assert found == []
    asked = {"agent": {"type": "Neural", "policy": {"training": "None"}}}
    said, found = begin(tmp_path, tmp_path / "runs" / "there", name="untrained", **asked)
    assert said == "--knowledge is not used: spec.agent leaves this Neural nothing that learns"
    assert found == []


def test_a_run_with_trials_and_no_record_of_what_it_knew_does_not_go_on(tmp_path: Path) -> None:
    """Neither one whose line was deleted nor one that is to learn only now."""
    write_run(tmp_path / "runs", "there", count=12)
    run = write_run(tmp_path / "runs", "here", agent="EvoNAS", count=4)
    body = json.loads((run / JOURNAL_FILE).read_text().splitlines()[0])
    for spec, path, named in (({"searches": ["there"]}, (), r"spec\.knowledge"), (None, ("there",), "--knowledge")):
        declared = {**body, "spec": {**body["spec"], **({"knowledge": spec} if spec else {})}}
        lines = (run / JOURNAL_FILE).read_text().splitlines(keepends=True)
        (run / JOURNAL_FILE).write_text(json.dumps(declared) + "\n" + "".join(lines[1:]))
        manifest = {**declared, "metadata": {"name": "here"}}
        journal = open_journal(run, manifest)
        with pytest.raises(EvonasError, match=rf"has trials, but no record of what its agent learned .*\({named}\)"):
            record_knowledge(SearchSpec.parse(manifest), journal, run.parent, [run.parent / name for name in path])
        journal.close()


def test_every_cut_of_the_line_is_dropped_and_gathered_again(tmp_path: Path) -> None:
    manifest = load_search(write_manifest(tmp_path, "here", agent={}))
    path = tmp_path / "runs" / "here" / JOURNAL_FILE
    journal = open_journal(path.parent, manifest)
    journal.write_knowledge(KNOWN)
    journal.close()
    whole = path.read_bytes()
    for cut in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:cut])
        again = open_journal(path.parent, manifest)
        assert again.knowledge is None
        again.write_knowledge(KNOWN)
        again.close()
        assert path.read_bytes() == whole
        assert read_journal(path)[2] == KNOWN


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda line: line.replace(b"0.5", b"0.6"), "journal.jsonl, line 2 was changed: its digest is not that of its"),
        (lambda line: line[:-20], "journal.jsonl, line 2 is damaged"),
        (lambda line: line.replace(b'"format": 1', b'"format": 9'), "line 2 holds no knowledge that this version can"),
        (lambda line: line.replace(b"scores", b"score"), "line 2 holds knowledge that cannot be read: KeyError"),
    ],
)
def test_a_line_that_was_changed_is_an_error_that_names_it(tmp_path: Path, change: Any, message: str) -> None:
    run = write_run(tmp_path, "here", knowledge=KNOWN, count=4)
    lines = (run / JOURNAL_FILE).read_bytes().split(b"\n")
    (run / JOURNAL_FILE).write_bytes(b"\n".join([lines[0], change(lines[1]), *lines[2:]]))
    with pytest.raises(EvonasError, match=message):
        JournalSource(run).read()


def test_a_record_with_knowledge_is_replayed_and_exported_without_its_sources(tmp_path: Path) -> None:
    sources = [write_run(tmp_path / "runs", name, seed=seed, count=20) for seed, name in enumerate(["one", "two"])]
    begin(tmp_path, *sources)
    knowledge = read_journal(tmp_path / "runs" / "here" / JOURNAL_FILE)[2]
    shutil.rmtree(tmp_path / "runs")
    run = write_run(tmp_path, "known", agent="EvoNAS", count=20, knowledge=knowledge)
    write_export(JournalSource(run).read(), tmp_path / "known.jsonl")
    for record in (JournalSource(run).read(), ExportSource(tmp_path / "known.jsonl").read()):
        assert record.knowledge == knowledge
        assert [difference for _, difference in replay(record)] == [None] * 20
    restarted = simulate(record.spec, 20, restarts=(3, 9), experience=record.experience)
    assert [trial.decisions for trial in restarted] == [trial.decisions for trial in record.trials]


@pytest.mark.parametrize("knowledge", [None, KNOWN])
def test_an_export_that_is_cut_off_says_how_many_trials_are_missing(
    tmp_path: Path, knowledge: Knowledge | None
) -> None:
    record = JournalSource(write_run(tmp_path, "here", knowledge=knowledge, count=5)).read()
    path = tmp_path / "here.jsonl"
    write_export(record, path)
    lines = path.read_bytes().splitlines(keepends=True)
    before = 2 if knowledge is None else 3
    assert len(lines) == before + 5 + 1
    for trials in range(6):
        path.write_bytes(b"".join(lines[: before + trials]))
        missing = f"{5 - trials} of its 5 trials are missing" if trials < 5 else "its checksum is missing"
        with pytest.raises(EvonasError, match=f"is cut off: {missing}"):
            ExportSource(path).read()


def replay(record: RecordedSearch) -> Any:
    return Replay(record.spec, record.trials, record.experience).run()


def test_a_run_learns_once_says_so_once_and_goes_on_wherever_it_was_killed(tmp_path: Path) -> None:
    """Beside a warm start, from results of its own choice; killed before, while and after the line is written."""
    write_run(tmp_path / "runs", "there", count=12)
    evonas(tmp_path, "run", str(write_manifest(tmp_path, "first")))
    agent = {"type": "EvoNAS", "warmup": 2}
    manifest = write_manifest(
        tmp_path, "here", agent=agent, warmStart={"search": "first"}, knowledge={"searches": ["first", "there"]}
    )
    said = evonas(tmp_path, "run", str(manifest))
    assert "6 results of runs/first are known from the start" in " ".join(said.split())
    assert "there (it has no decision of the same name)" in " ".join(said.split())
    assert "6 results of runs/first were imported" in said
    assert len(recorded(tmp_path, "here")) == 12
    assert "known from the start" not in evonas(tmp_path, "run", str(manifest))
    path = tmp_path / "runs" / "here" / JOURNAL_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    knowledge = read_journal(path)[2]
    shutil.rmtree(path.parent / "trials")
    for count, torn in ((1, b""), (1, lines[1][:100]), (2, b""), (3, b""), (9, b"")):
        path.write_bytes(b"".join(lines[:count]) + torn)
        if count == 9:
            shutil.rmtree(tmp_path / "runs" / "first")
        said = evonas(tmp_path, "run", str(manifest))
        assert ("known from the start" in said) == (count == 1)
        assert read_journal(path)[2] == knowledge
        assert len(recorded(tmp_path, "here")) == 12
        shutil.rmtree(path.parent / "trials")
    assert "proposals of runs/here are the same, bit for bit" in evonas(tmp_path, "replay", "runs/here")


def test_options_of_the_command_line_name_what_is_learned_from(tmp_path: Path) -> None:
    write_run(tmp_path / "elsewhere", "one", count=12)
    write_export(
        JournalSource(write_run(tmp_path / "elsewhere", "two", seed=1, count=12)).read(), tmp_path / "two.jsonl"
    )
    spec: dict[str, Any] = {"searchSpace": SPACE, "agent": {"type": "EvoNAS"}, "budget": {"maxTrials": 2}}
    command = ("sh", "-c", """echo '{"reward": 1}' > $EVONAS_REPORT_FILE""")
    manifest = write_manifest(tmp_path, "here", command, **spec, knowledge={"searches": ["nowhere"]})
    refused = evonas(tmp_path, "run", str(manifest), code=2)
    assert refused.startswith(
        "error: spec.knowledge.searches: runs/nowhere is not a run; name folders of runs or export"
    )
    assert len(refused.splitlines()) == 1
    options = ["--knowledge", "elsewhere/one", "--knowledge", "two.jsonl"]
    said = evonas(tmp_path, "run", str(manifest), *options)
    assert "results of elsewhere/one and two.jsonl are known from the start" in " ".join(said.split())
    assert "known from the start" not in evonas(tmp_path, "run", str(manifest), *options)
    assert len(recorded(tmp_path, "here")) == 2


def test_explain_says_from_which_earlier_search_a_candidate_is_and_what_is_owed_to_each(tmp_path: Path) -> None:
    """The first candidate repeats or changes one of the other search's best: nothing else is known yet."""
    write_run(tmp_path / "runs", "one", count=12)
    write_run(tmp_path / "runs", "two", seed=1, count=12)
    spec: dict[str, Any] = {"searchSpace": SPACE, "agent": {"type": "EvoNAS"}, "budget": {"maxTrials": 4}}
    command = ("sh", "-c", """echo '{"reward": 1}' > $EVONAS_REPORT_FILE""")
    evonas(
        tmp_path, "run", str(write_manifest(tmp_path, "here", command, **spec, knowledge={"searches": ["one", "two"]}))
    )
    first = recorded(tmp_path, "here")[0]
    assert (first.proposal.origin, first.proposal.parent) == ("transfer", None)
    said = " ".join(evonas(tmp_path, "explain", "runs/here", "0").split())
    assert "origin: transfer, from one of the best candidates of runs/" in said
    assert "0 is the median reward of an earlier search" in said
    owed = re.search(r"of that, ([+-]\S+) is due to runs/\w+, ([+-]\S+) is due to runs/\w+", said)
    assert owed is not None
    assert sum(map(float, owed.groups())) == pytest.approx(first.proposal.value, abs=0.011)
    copied = [name for name in first.decisions if name not in first.proposal.mutated]
    assert said.count("copied") == len(copied) > 0
