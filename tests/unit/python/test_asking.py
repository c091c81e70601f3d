"""Ask and tell: the caller runs the trials, the record is that of a run."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import evonas
from tests.unit.python.functions import count
from tests.unit.python.searches import a_search, replayed


def test_loop_of_ones_own_ends_with_the_budget(tmp_path: Path) -> None:
    with a_search(tmp_path) as search:
        while (trial := search.ask()) is not None:
            told = search.tell(trial, count(trial.decisions))
            assert (told.state, told.reward) == ("Succeeded", count(trial.decisions))
    result = search.result()
    assert (result.phase, len(result.trials)) == ("Complete", 6)
    assert [trial.index for trial in replayed(tmp_path / "here")] == list(range(6))


def test_many_may_be_asked_before_one_is_told(tmp_path: Path) -> None:
    with a_search(tmp_path) as search:
        asked = [search.ask() for _ in range(7)]
        assert asked[6] is None
        trials = [trial for trial in asked if trial is not None]
        assert [trial.index for trial in trials] == list(range(6))
        for trial in reversed(trials):
            search.tell(trial, count(trial.decisions))
        assert search.ask() is None
    replayed(tmp_path / "here")


def test_threads_may_ask_and_tell_at_the_same_time(tmp_path: Path) -> None:
    with a_search(tmp_path, trials=40) as search:

        def work(_: int) -> int:
            done = 0
            while (trial := search.ask()) is not None:
                search.tell(trial, count(trial.decisions))
                done += 1
            return done

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(work, range(8))) == 40
    assert [trial.state for trial in search.result().trials] == ["Succeeded"] * 40
    replayed(tmp_path / "here")


def test_several_objectives_are_told_as_metrics_and_make_a_front(tmp_path: Path) -> None:
    both = [evonas.Objective("sum"), evonas.Objective("product", "Minimize")]
    space = {"x": [1, 2, 3], "y": [1, 2, 3]}
    with evonas.Search("here", space, objectives=both, trials=9, agent="Random", runs=tmp_path) as search:
        trial = search.ask()
        assert trial is not None
        with pytest.raises(evonas.EvonasError, match="must be a dict with 'sum' and 'product'"):
            search.tell(trial, 3)
        assert search.tell(trial, {"sum": 1, "product": math.nan}).state == "Infeasible"
        while (trial := search.ask()) is not None:
            x, y = (int(trial.decisions[name]) for name in ("x", "y"))
            told = search.tell(trial, {"sum": x + y, "product": x * y})
            assert (told.state, told.metrics) == ("Succeeded", {"sum": x + y, "product": x * y})
    result = search.result()
    assert (result.phase, len(result.trials)) == ("Complete", 9)
    assert {trial.index for trial in result.front} < {trial.index for trial in result.trials}
    replayed(tmp_path / "here")


def test_numbers_of_numpy_may_be_reported_and_told(tmp_path: Path) -> None:
    with a_search(tmp_path, maximize="accuracy", rungs=[1, 3], trials=1, parallel=1) as search:
        trial = search.ask()
        assert trial is not None
        assert search.report(trial, 1, accuracy=np.float32(0.5))
        with pytest.raises(evonas.EvonasError, match="report was given 'high' for 'accuracy', which is no number"):
            search.report(trial, 3, accuracy="high")  # type: ignore[arg-type]
        told = search.tell(trial, np.float32(0.75))
    assert (told.rungs[1], told.reward) == (0.5, 0.75)
    replayed(tmp_path / "here")


def test_relative_folder_of_runs_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    search = a_search(Path("runs"), trials=2)
    asked = search.ask()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert asked is not None
    search.tell(asked, 1.0)
    search.close()
    assert search.folder == tmp_path / "runs" / "here"
    assert search.result().trials[0].reward == 1.0


FULL_DISK = """
import os, resource, sys
from pathlib import Path
import evonas
from evonas.local.journal import JOURNAL_FILE
from tests.unit.python.searches import a_search

def limit(more):
    size = (search.folder / JOURNAL_FILE).stat().st_size
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if more is None else size + more, hard))

def refused(call):
    limit(100)
    try:
        call()
    except evonas.EvonasError as error:
        print(error)
    limit(None)

with a_search(Path(sys.argv[1])) as search:
    search.tell(search.ask(), 1.0)
    for _ in range(3):
        refused(search.ask)
        trial = search.ask()
        refused(lambda: search.tell(trial, 1.0))
        search.tell(trial, 1.0)
"""
"""Files may grow no further while it asks and tells: the kernel refuses the second half of a line."""


def test_full_disk_is_told_and_leaves_a_whole_record(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    said = f"cannot write {tmp_path / 'here' / 'journal.jsonl'}: File too large; what it holds stays"
    assert [line.startswith(said) for line in done.stdout.splitlines()] == [True] * 6, done.stderr
    assert [trial.reward for trial in replayed(tmp_path / "here")] == [1.0] * 4


def test_what_was_asked_and_not_told_is_handed_out_again(tmp_path: Path) -> None:
    with a_search(tmp_path) as search:
        first, second = search.ask(), search.ask()
        assert first is not None
        search.tell(first, 1.0)
    with a_search(tmp_path) as search:
        again = search.ask()
        assert again is not None
        assert second is not None
        assert (again.index, again.decisions) == (second.index, second.decisions)
        with pytest.raises(evonas.EvonasError, match="trial 0 has ended already: Succeeded"):
            search.tell(first, 2.0)
    replayed(tmp_path / "here")


def test_other_ends_than_a_reward(tmp_path: Path) -> None:
    with a_search(tmp_path, maximize="accuracy", retries=1, trials=3) as search:
        infeasible, diverged, broken = search.ask(), search.ask(), search.ask()
        assert infeasible is not None
        assert diverged is not None
        assert broken is not None
        assert search.tell(infeasible, infeasible_because="does not fit").message == "Infeasible: does not fit"
        told = search.tell(diverged, {"accuracy": math.nan, "loss": 3.0})
        assert told.message == "Infeasible: the training diverged: accuracy is nan"
        assert search.tell(broken, failed_because="the disk was full").state == "Queued"
        retried = search.ask()
        assert retried is not None
        assert retried.index == broken.index
        told = search.tell(retried, {"accuracy": 0.5, "loss": 3.0})
        assert (told.reward, told.metrics) == (0.5, {"accuracy": 0.5, "loss": 3.0})


def test_trial_that_is_worse_at_a_rung_need_not_go_on(tmp_path: Path) -> None:
    with a_search(tmp_path, maximize="accuracy", rungs=[1, 3], trials=9) as search:
        goes_on = []
        for place in range(9):
            trial = search.ask()
            assert trial is not None
            goes_on.append(search.report(trial, 1, accuracy=-place))
            if goes_on[-1]:
                search.tell(trial, {"accuracy": 1.0})
        assert goes_on[0]
        assert not goes_on[-1]
    assert [trial.state == "Stopped" for trial in search.result().trials] == [not each for each in goes_on]
    replayed(tmp_path / "here")


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("0.9", "tell was given '0.9': it must be a number or a dict of metrics"),
        ({"loss": 1.0}, "tell was given no 'accuracy', which the search needs, only 'loss'"),
        (None, "tell: needs a result, infeasible_because or failed_because"),
    ],
)
def test_result_that_is_none_is_refused_and_can_be_told_again(tmp_path: Path, result: float, said: str) -> None:
    with a_search(tmp_path, maximize="accuracy") as search:
        trial = search.ask()
        assert trial is not None
        with pytest.raises(evonas.EvonasError) as refused:
            search.tell(trial, result)
        assert said in str(refused.value)
        assert search.tell(trial, 0.5).reward == 0.5


def test_misuse_is_told(tmp_path: Path) -> None:
    search = a_search(tmp_path)
    with pytest.raises(evonas.EvonasError, match="ask first"):
        search.tell(0, 1.0)
    with search:
        search.ask()
        with pytest.raises(evonas.EvonasError, match="has no trial 7"):
            search.tell(7, 1.0)
    with pytest.raises(evonas.EvonasError, match="cannot pause trials"):
        a_search(tmp_path / "pausing", rungs=evonas.Rungs(steps=[1, 3], mode="Pause"), maximize="a").ask()


def test_search_that_is_asked_is_not_run_by_others_meanwhile(tmp_path: Path) -> None:
    with a_search(tmp_path) as search:
        search.ask()
        with pytest.raises(evonas.EvonasError, match="in use"):
            a_search(tmp_path).ask()
    with a_search(tmp_path) as search:
        assert search.ask() is not None


def test_waiting_ends_with_the_time_or_once_nothing_works_on_the_search(tmp_path: Path) -> None:
    with a_search(tmp_path) as search:
        search.ask()
        begun = search.result()
        with pytest.raises(TimeoutError, match=r"is Running after 0\.2 seconds, with 1 of 6 trials"):
            begun.wait(timeout=0.2, interval=0.05)
    assert begun.wait(timeout=60, interval=0.05).phase == "Stopped"
