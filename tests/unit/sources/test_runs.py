"""Local runs and exports, kept current: what is told is what reading them anew says."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evonas.errors import EvonasError
from evonas.local.journal import JOURNAL_FILE, Journal, open_journal
from evonas.local.processes.attempts import LOCK_FILE, attempt_folder
from evonas.local.processes.left_progress import PROGRESS_FILE
from evonas.local.requests.pinned import Pinned
from evonas.recorded.search import Overview, Phase
from evonas.search.trial import TrialState
from evonas.sources.export import write_export
from evonas.sources.journal import JournalSource
from evonas.sources.live.directory import LiveSearches, UnknownSearch
from evonas.sources.live.places import ExportPlace, RunPlace, RunsPlace, place_at
from evonas.sources.live.run import Run, RunNews
from evonas.sources.live.seen import NoticeKind, Origin
from harness.waiting import PATIENCE
from tests.unit.local.runs import write_manifest
from tests.unit.search.support import search_body, succeeded, trial
from tests.unit.sources.live import until

REPORTS = """
import json, os, pathlib, time
folder = pathlib.Path(os.environ["EVONAS_PROGRESS_FILE"])
for step in (1, 2, 3):
    part = folder.with_suffix(".part")
    part.write_text(json.dumps({"step": step, "accuracy": step / 10}))
    part.replace(folder)
    while not pathlib.Path(os.environ["SEEN"], f"{os.environ['EVONAS_INDEX']}-{step}").exists():
        time.sleep(0.02)
pathlib.Path(os.environ["EVONAS_REPORT_FILE"]).write_text(json.dumps({"metrics": {"accuracy": 0.5}}))
"""


@pytest.fixture
def journal(tmp_path: Path) -> Callable[[str], Journal]:
    """Begin a run that stays open, as if a process worked on it."""
    return lambda name: open_journal(tmp_path / "runs" / name, {**search_body(), "metadata": {"name": name}})


async def test_a_run_is_followed_from_its_first_trial_to_its_end(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    manifest = write_manifest(
        tmp_path,
        "here",
        (sys.executable, "-c", REPORTS),
        objective={"metric": "accuracy"},
        budget={"maxTrials": 2, "parallelTrials": 2},
    )
    command = [sys.executable, "-m", "evonas", "run", str(manifest)]
    environment = {**os.environ, "SEEN": str(seen)}
    async with LiveSearches([RunsPlace(tmp_path / "runs")]) as live:
        await live.ready()
        assert live.searches() == []
        process = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL
        )
        await until(live, lambda: len(live.running("run:here")) == 2)
        assert _overview(live).phase is Phase.RUNNING
        seen_before = await live.trials("run:here")
        for step in (1, 2, 3):
            for index in (0, 1):
                await _until_step(live, "run:here", index, step)
                (seen / f"{index}-{step}").touch()
        await until(live, lambda: _overview(live).phase is Phase.COMPLETE)
        assert await process.wait() == 0
        changes = await live.trials("run:here", seen_before.revision)
        assert not changes.complete
        assert [found.state for found in changes.trials] == [TrialState.SUCCEEDED, TrialState.SUCCEEDED]
        assert (await live.record("run:here")) == JournalSource(tmp_path / "runs" / "here").read()
        line = live.get("run:here")
        assert line.overview == JournalSource(tmp_path / "runs" / "here").read().overview
        assert (line.origin, line.trend, line.problem, line.warnings) == (Origin.RUN, (0.5, 0.5), None, ())
        assert line.ended == max(found.completion_time for found in changes.trials if found.completion_time)
        assert live.running("run:here") == {}
        curve = await live.curve("run:here", 1)
        assert (list(curve.steps), curve.metrics, curve.running) == ([1, 2, 3], {"accuracy": [0.1, 0.2, 0.3]}, False)
        assert {one.index for one in (await live.curves("run:here")).curves} == {0, 1}


async def _until_step(live: LiveSearches, id: str, index: int, step: int) -> None:
    async with live.subscribe() as notices:
        while list((await live.curve(id, index)).steps)[-1:] != [step]:
            await asyncio.wait_for(anext(notices), PATIENCE)


def _overview(live: LiveSearches, id: str = "run:here") -> Overview:
    overview = live.get(id).overview
    if overview is None:
        raise UnknownSearch(id)
    return overview


async def test_a_run_is_told_of_as_soon_as_it_grows_and_is_gone_once_deleted(
    tmp_path: Path, journal: Callable[[str], Journal]
) -> None:
    async with LiveSearches([RunsPlace(tmp_path / "runs")]) as live:
        await live.ready()
        run = journal("here")
        await until(live, lambda: live.get("run:here"))
        run.write(trial(0))
        await until(live, lambda: _overview(live).counts["total"] == 1)
        first = await live.trials("run:here")
        assert (first.complete, first.total) == (True, 1)
        run.write(succeeded(0, 0.7))
        run.write(trial(1))
        await until(live, lambda: live.trials_revision("run:here") > first.revision and _best(live) == 0.7)
        changes = await live.trials("run:here", first.revision)
        assert not changes.complete
        assert changes.trials == [succeeded(0, 0.7), trial(1)]
        assert (await live.trials("run:here", changes.revision)).trials == []
        run.close()
        await until(live, lambda: _overview(live).phase is Phase.STOPPED)
        revision = live.revision
        shutil.rmtree(tmp_path / "runs" / "here")
        await until(live, lambda: live.gone_since(revision) == ["run:here"])
        assert live.searches() == []
        with pytest.raises(UnknownSearch):
            await live.record("run:here")


def _best(live: LiveSearches) -> float | None:
    return _overview(live).best


async def test_a_run_begun_afresh_under_the_same_name_is_told_as_a_whole(
    tmp_path: Path, journal: Callable[[str], Journal]
) -> None:
    run = journal("here")
    for index in range(3):
        run.write(succeeded(index, 0.5))
    run.close()
    async with LiveSearches([RunsPlace(tmp_path / "runs")]) as live:
        await live.ready()
        before, known = live.get("run:here").uid, await live.trials("run:here")
        (tmp_path / "runs" / "here" / JOURNAL_FILE).unlink()
        again = journal("here")
        again.write(succeeded(0, 0.1))
        await until(live, lambda: live.get("run:here").uid != before and _best(live) == 0.1)
        changes = await live.trials("run:here", known.revision)
        assert changes.complete
        assert list(changes.trials) == [succeeded(0, 0.1)]
        again.close()


async def test_a_damaged_journal_is_told_and_others_go_on(tmp_path: Path, journal: Callable[[str], Journal]) -> None:
    whole, broken = journal("whole"), journal("broken")
    broken.write(succeeded(0, 0.5))
    async with LiveSearches([RunsPlace(tmp_path / "runs")]) as live:
        await live.ready()
        path = tmp_path / "runs" / "broken" / JOURNAL_FILE
        with path.open("ab") as file:
            file.write(b"no JSON\n")
        line = await until(live, lambda: live.get("run:broken").problem)
        assert "line 3 is damaged" in str(line)
        assert live.get("run:broken").overview is not None
        whole.write(succeeded(0, 0.25))
        await until(live, lambda: _overview(live, "run:whole").best == 0.25)
        path.write_bytes(path.read_bytes().replace(b"no JSON\n", b""))
        await until(live, lambda: live.get("run:broken").problem is None)
    whole.close()
    broken.close()


async def test_a_run_with_nothing_recorded_yet_is_left_out(tmp_path: Path, journal: Callable[[str], Journal]) -> None:
    (tmp_path / "runs" / "here").mkdir(parents=True)
    (tmp_path / "runs" / "here" / JOURNAL_FILE).touch()
    async with LiveSearches([RunsPlace(tmp_path / "runs")]) as live:
        await live.ready()
        assert live.searches() == []
        run = journal("here")
        await until(live, lambda: live.get("run:here").problem is None)
        run.close()


async def test_what_was_never_readable_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "here"
    folder.mkdir(parents=True)
    (folder / JOURNAL_FILE).write_text("{}\n")
    (tmp_path / "no.jsonl").write_text("nothing\n")
    async with LiveSearches([RunsPlace(tmp_path / "runs"), ExportPlace(tmp_path / "no.jsonl")]) as live:
        await live.ready()
        assert "line 1 is damaged" in str(live.get("run:here").problem)
        assert "neither a run's folder nor a file" in str(live.get("export:no.jsonl").problem)
        for id in ("run:here", "export:no.jsonl"):
            with pytest.raises(EvonasError):
                await live.record(id)
            with pytest.raises(EvonasError):
                await live.trials(id)


async def test_what_is_no_readable_run_hides_no_other(tmp_path: Path, journal: Callable[[str], Journal]) -> None:
    runs = tmp_path / "runs"
    journal("here").close()
    (runs / "loop").symlink_to("loop")
    for name in ("pipe", "folder", "deep"):
        (runs / name).mkdir()
    # Whoever opened it would wait for a writer.
    os.mkfifo(runs / "pipe" / JOURNAL_FILE)
    (runs / "folder" / JOURNAL_FILE).mkdir()
    (runs / "deep" / JOURNAL_FILE).write_text("[" * 200_000 + "\n")
    async with LiveSearches([RunsPlace(runs)]) as live:
        await live.ready()
        assert [search.id for search in live.searches()] == ["run:deep", "run:here"]
        assert "line 1 is damaged (RecursionError" in str(live.get("run:deep").problem)
        assert live.get("run:here").problem is None
        assert live.sources()[0].problem is None


async def test_a_run_whose_folder_has_a_name_that_is_no_text_has_an_id_that_is(
    tmp_path: Path, journal: Callable[[str], Journal]
) -> None:
    journal("here").close()
    try:
        (tmp_path / "runs" / "here").rename(tmp_path / "runs" / os.fsdecode(b"bad\xff"))
    except OSError:
        pytest.skip("this file system takes text only")
    async with LiveSearches([RunsPlace(tmp_path / "runs")]) as live:
        await live.ready()
        [found] = live.searches()
        assert found.id == "run:bad\\xff"
        assert (await live.record(found.id)).identity.name == "here"


async def test_a_run_that_cannot_be_looked_at_says_so_once_and_is_well_again_when_it_can(
    tmp_path: Path,
    journal: Callable[[str], Journal],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("odd", "sound"):
        journal(name).close()
    failing = True

    def look(run: Run) -> RunNews | None:
        if failing and run.id == "run:odd":
            raise ZeroDivisionError("a bug")
        return looked(run)

    looked = Run.look
    monkeypatch.setattr(Run, "look", look)
    async with LiveSearches([RunsPlace(tmp_path / "runs")]) as live:
        await until(live, lambda: live.get("run:odd").problem)
        assert "failed unexpectedly: ZeroDivisionError('a bug')" in str(live.get("run:odd").problem)
        await until(live, lambda: live.get("run:sound").overview)
        assert live.sources()[0].problem is None
        failing = False
        await until(live, lambda: live.get("run:odd").problem is None)
    assert len([said for said in caplog.records if "a bug" in said.getMessage()]) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_runs_of_another_user_are_left_out_or_say_why_they_cannot_be_read(
    tmp_path: Path, journal: Callable[[str], Journal]
) -> None:
    runs = tmp_path / "runs"
    for name in ("closed", "here", "secret"):
        journal(name).close()
    # Entered by root: what is above it need not be open to others.
    for folder in (tmp_path, runs):
        folder.chmod(0o755)
    (runs / "closed").chmod(0o700)
    (runs / "secret" / JOURNAL_FILE).chmod(0o600)
    (runs / "here" / JOURNAL_FILE).chmod(0o644)
    script = """
import asyncio, concurrent.futures.thread, os, sys
from pathlib import Path
from evonas.sources.live.directory import LiveSearches
from evonas.sources.live.places import RunsPlace
os.chdir(sys.argv[1])
os.setgid(65534)
os.setuid(65534)
async def main():
    async with LiveSearches([RunsPlace(Path("runs"))]) as live:
        await live.ready()
        print(sorted((search.id, search.problem) for search in live.searches()), live.sources()[0].problem)
asyncio.run(main())
"""
    said = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    problem = f"cannot read runs/secret/{JOURNAL_FILE}: Permission denied"
    assert said.stdout.strip() == f"{[('run:here', None), ('run:secret', problem)]} None"
    assert said.stderr == ""


async def test_an_export_is_read_again_once_it_was_replaced(tmp_path: Path, journal: Callable[[str], Journal]) -> None:
    run, path = journal("here"), tmp_path / "here.jsonl"
    run.write(succeeded(0, 0.5))
    write_export(JournalSource(tmp_path / "runs" / "here").read(), path)
    async with LiveSearches([place_at(path)]) as live:
        await live.ready()
        first = await live.record("export:here.jsonl")
        assert (first.trials, first.source) == ((succeeded(0, 0.5),), str(path))
        run.write(succeeded(1, 0.6))
        write_export(JournalSource(tmp_path / "runs" / "here").read(), path)
        await until(live, lambda: _overview(live, "export:here.jsonl").best == 0.6)
        assert len((await live.record("export:here.jsonl")).trials) == 2
        path.unlink()
        assert "cannot read" in str(await until(live, lambda: live.get("export:here.jsonl").problem))
    run.close()


async def test_progress_files_are_curves_while_the_run_goes_on(
    tmp_path: Path, journal: Callable[[str], Journal]
) -> None:
    run = journal("here")
    run.write(trial(0, TrialState.RUNNING, start_time=datetime(2026, 1, 1, tzinfo=UTC)))
    attempt = attempt_folder(tmp_path / "runs" / "here", 0, 1)
    attempt.mkdir(parents=True)
    (attempt / LOCK_FILE).touch()
    async with LiveSearches([RunsPlace(tmp_path / "runs")]) as live:
        await until(live, lambda: 0 in live.running("run:here"))
        revision = live.curves_revision("run:here")
        for step in (1, 2):
            (attempt / PROGRESS_FILE).write_text(json.dumps({"step": step, "loss": 1 / step}))
            await _until_step(live, "run:here", 0, step)
        assert live.curves_revision("run:here") > revision
        told = (await live.curves("run:here")).curves
        assert [(curve.index, list(curve.steps), curve.metrics) for curve in told] == [
            (0, [1, 2], {"loss": [1.0, 0.5]})
        ]
        assert live.running("run:here")[0].attempt == 1
    run.close()


async def test_pins_logs_and_places_of_the_same_name(tmp_path: Path, journal: Callable[[str], Journal]) -> None:
    run = journal("here")
    run.write(succeeded(0, 0.5))
    run.close()
    Pinned(tmp_path / "runs" / "here").pin(0, stays=True)
    copy = shutil.copytree(tmp_path / "runs" / "here", tmp_path / "other" / "here")
    async with LiveSearches([RunsPlace(tmp_path / "runs"), RunPlace(copy), RunsPlace(tmp_path / "none")]) as live:
        await live.ready()
        assert [line.id for line in live.searches()] == ["run2:here", "run:here"]
        assert live.pinned("run:here") == [0]
        assert live.source("run2:here").read().source == str(copy)
        assert [(state.searches, state.problem) for state in live.sources()] == [(1, None), (1, None), (0, None)]
        assert all(state.seen is not None for state in live.sources())


async def test_decoded_records_are_kept_as_long_as_nothing_changes(
    tmp_path: Path, journal: Callable[[str], Journal]
) -> None:
    runs = [journal(name) for name in ("a", "b")]
    for run in runs:
        for index in range(4):
            run.write(succeeded(index, 0.5))
    async with LiveSearches([RunsPlace(tmp_path / "runs")], max_decoded=5) as live:
        await live.ready()
        first = await live.record("run:a")
        assert (await live.record("run:a")) is first
        together = await asyncio.gather(*(live.record("run:b") for _ in range(5)))
        assert all(record is together[0] for record in together)
        assert (await live.record("run:a")) == first
        assert (await live.record("run:a")) is not first
    for run in runs:
        run.close()


async def test_a_source_that_comes_and_goes_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    async with LiveSearches([RunsPlace(tmp_path / "runs")]) as live:
        await live.ready()
        assert "cannot read" in str(live.sources()[0].problem)
        (tmp_path / "runs").unlink()
        async with live.subscribe() as notices:
            while live.sources()[0].problem is not None:
                notice = await asyncio.wait_for(anext(notices), PATIENCE)
                assert notice.kind is NoticeKind.SOURCE


def test_folders_are_looked_at_without_the_packages_for_clusters() -> None:
    program = (
        "import sys, evonas.sources.live.directory as d, evonas.sources.live.places\n"
        "assert not {'aiohttp', 'kubernetes', 'kopf', 'torch'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_nothing_is_at_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(EvonasError, match="does not exist"):
        place_at(tmp_path / "none")
    assert place_at(tmp_path) == RunsPlace(tmp_path)
    (tmp_path / JOURNAL_FILE).touch()
    assert place_at(tmp_path) == place_at(tmp_path / JOURNAL_FILE) == RunPlace(tmp_path)
