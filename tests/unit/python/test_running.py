"""`Search.run`: functions in processes of their own, the record of `evonas run`, one message for what goes wrong."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evonas
from evonas.python.manifest import SOURCE_ANNOTATION
from harness.waiting import PATIENCE, wait_for
from tests.unit.python import functions
from tests.unit.python.searches import a_search, replayed


def test_run_returns_the_record_of_all_trials(tmp_path: Path) -> None:
    result = a_search(tmp_path).run(functions.count, show=False)
    assert (result.phase, result.is_over, len(result.trials)) == ("Complete", True, 6)
    assert result.best is not None
    assert result.best.reward == max(trial.reward or 0 for trial in result.trials)
    for trial in result.trials:
        assert trial.reward == functions.count(trial.decisions)
    assert [trial.index for trial in result.trials[1:3]] == [1, 2]
    replayed(tmp_path / "here")


def test_what_is_reported_on_the_way_counts_if_nothing_is_returned(tmp_path: Path) -> None:
    result = a_search(tmp_path, maximize="accuracy", seed=5).run(functions.report_only, show=False)
    for trial in result.trials:
        assert trial.metrics == {"accuracy": 3 * functions.count(trial.decisions), "seed": trial.seed}
        assert trial.reward == trial.metrics["accuracy"]


def test_rungs_stop_trials_that_others_are_better_than(tmp_path: Path) -> None:
    search = a_search(tmp_path, maximize="accuracy", rungs=[1, 3], trials=9)
    result = search.run(functions.report_only, show=False)
    assert {trial.state for trial in result.trials} <= {"Succeeded", "Stopped"}
    assert all(1 in trial.rungs for trial in result.trials)


def test_functions_source_and_not_its_pickle_is_recorded(tmp_path: Path) -> None:
    result = a_search(tmp_path, trials=1, parallel=1).run(functions.count, show=False)
    template = result.manifest["spec"]["trial"]["template"]
    assert template["metadata"]["annotations"][SOURCE_ANNOTATION].startswith("def count(candidate")


def test_finished_search_returns_its_record_and_may_grow(tmp_path: Path) -> None:
    a_search(tmp_path).run(functions.count, show=False)
    before = (tmp_path / "here" / "journal.jsonl").read_bytes()
    assert len(a_search(tmp_path).run(functions.count, show=False).trials) == 6
    assert (tmp_path / "here" / "journal.jsonl").read_bytes() == before
    assert len(a_search(tmp_path, trials=8).run(functions.count, show=False).trials) == 8


def test_change_of_what_is_recorded_is_refused_in_pythons_words(tmp_path: Path) -> None:
    a_search(tmp_path, trials=1, parallel=1).run(functions.count, show=False)
    with pytest.raises(evonas.EvonasError, match=r"^space: is immutable, and .*; rename the search"):
        evonas.Search("here", {"a": [1]}, trials=1, agent="Evolution", runs=tmp_path).run(functions.count)


def test_same_manifest_runs_in_the_command_line(tmp_path: Path) -> None:
    search = evonas.Search.from_yaml("examples/counting-evolution.yaml", runs=tmp_path)
    told = search.to_dict()
    told["spec"]["budget"] = {"maxTrials": 4}
    result = evonas.Search.from_dict(told, runs=tmp_path).run(show=False)
    assert len(evonas.open(tmp_path / search.name).trials) == len(result.trials) == 4


FAULTS: list[tuple[Callable[..., Any], str, str]] = [
    (functions.nothing, "nothing returned None and reported nothing: return the reward", "accuracy"),
    (functions.text, "text returned '0.93': it must be a number or a dict of metrics", "accuracy"),
    (functions.other_metric, "other_metric returned no 'accuracy', which the search needs, only 'loss'", "accuracy"),
    (functions.broken, "broken raised ValueError: no such layer", "accuracy"),
    (functions.broken_in_lines, "broken_in_lines raised ValueError: no such layer: dense", "accuracy"),
    (functions.vanish, "it was started 3 times and left no ended.json", "accuracy"),
    (functions.leave, "leave called sys.exit(3)", "accuracy"),
    (functions.killed, "SIGKILL", "accuracy"),
    (functions.diverge, "the training diverged: accuracy is nan", "accuracy"),
]


@pytest.mark.parametrize(("function", "said", "metric"), FAULTS, ids=[function.__name__ for function, *_ in FAULTS])
def test_fault_of_a_function_is_one_clear_message(
    tmp_path: Path, function: Callable[..., Any], said: str, metric: str
) -> None:
    with pytest.raises(evonas.SearchFailed) as failed:
        a_search(tmp_path, trials=2, maximize=metric).run(function, show=False)
    assert str(failed.value).count(said) == 1
    assert "\n" not in str(failed.value)
    assert not re.search("termination message|max[A-Z]", str(failed.value))


def test_failed_search_names_the_log_that_has_more(tmp_path: Path) -> None:
    with pytest.raises(evonas.SearchFailed) as failed:
        a_search(tmp_path, trials=3, parallel=1, max_failed=0).run(functions.broken, show=False)
    said = re.fullmatch(r"here failed: .* more than max_failed \(0\).*; (.*) has more", str(failed.value))
    assert said is not None
    assert "Traceback" in Path(said[1]).read_text()


def test_functions_that_no_trial_could_call_are_refused_before_the_first(tmp_path: Path) -> None:
    async def later(candidate: dict[str, Any]) -> float:
        return 1.0

    def one_by_one(candidate: dict[str, Any]) -> Any:
        yield 1.0

    refused: list[tuple[Any, str]] = [
        (3, "run: needs a function of a candidate, got 3"),
        (lambda: 1.0, r"run: <lambda>\(\) cannot be called with \(candidate, trial\)"),
        (later, "run: later is async; pass a function that runs it by asyncio.run"),
        (one_by_one, "run: one_by_one yields; report progress by trial.report"),
    ]
    for function, said in refused:
        with pytest.raises(evonas.EvonasError, match=said):
            a_search(tmp_path).run(function)
    assert not (tmp_path / "here").exists()


def test_edited_function_does_not_pass_for_the_one_that_was_run(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a_search(tmp_path, trials=2).run(functions.count, show=False)
        a_search(tmp_path, trials=2).run(functions.count, show=False)
    with pytest.warns(UserWarning, match=r"^slow_count has changed since the 2 trials in .* began") as warned:
        a_search(tmp_path, trials=3).run(functions.slow_count, show=False)
    assert warned[0].filename == __file__


def test_function_that_cannot_be_pickled_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with (tmp_path / "data").open("w") as file:

        def train(candidate: dict[str, Any]) -> float:
            return float(file.write("x"))

        with pytest.raises(evonas.EvonasError, match=r"train cannot be sent .* create inside the function"):
            a_search(tmp_path).run(train)
    assert not (tmp_path / "here").exists()


def test_function_of_a_notebook_or_script_needs_no_module(tmp_path: Path) -> None:
    """Functions of ``__main__`` go by value, with what they use."""
    script = tmp_path / "script.py"
    script.write_text(
        "import math, evonas\n"
        "FACTOR = 2\n"
        "def helper(x):\n    return FACTOR * math.sqrt(x)\n"
        "def train(candidate):\n    return helper(candidate['a'])\n"
        "result = evonas.Search('here', {'a': [1, 4]}, trials=2, agent='Random').run(train, show=False)\n"
        "print(sorted(trial.reward for trial in result.trials))\n"
    )
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "[2.0, 4.0]\n", done.stderr


def test_running_and_program_are_not_mixed_up(tmp_path: Path) -> None:
    with pytest.raises(evonas.EvonasError, match="pass the function that trains a candidate"):
        a_search(tmp_path).run()
    search = evonas.Search.from_yaml("examples/counting.yaml", runs=tmp_path)
    with pytest.raises(evonas.EvonasError, match="run it without a function"):
        search.run(functions.count)


SCRIPT = """
import evonas
from tests.unit.python import functions
from tests.unit.python.searches import a_search
from pathlib import Path
result = a_search(Path("."), trials={trials}, parallel=3).run(functions.{function}, show={show})
print(result.phase, len(result.trials))
"""


def start(folder: Path, function: str, trials: int, *, show: bool = False) -> subprocess.Popen[str]:
    script = SCRIPT.format(function=function, trials=trials, show=show)
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def has_results(folder: Path, count: int) -> Callable[[], bool]:
    return lambda: len(finals(folder)) >= count


def finals(folder: Path) -> Counter[int]:
    """How many final records each trial has: a second one would be a repeated trial."""
    path = folder / "here" / "journal.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    bodies = [body for body in map(json.loads, lines) if body["kind"] == "ArchitectureTrial"]
    return Counter(body["spec"]["index"] for body in bodies if body.get("status", {}).get("state") == "Succeeded")


@pytest.fixture(autouse=True)
def interruptible() -> Any:
    """Let the processes heed SIGINT: a shell without job control has its background commands ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_interrupt_stops_the_trials_and_the_same_cell_resumes(tmp_path: Path) -> None:
    process = start(tmp_path, "wait_for_go", 6, show=True)
    wait_for("four results", has_results(tmp_path, 4))
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=PATIENCE)
    assert output.splitlines()[-1].startswith("stopped; the same call goes on from ")
    assert errors.rstrip().endswith("KeyboardInterrupt")
    (tmp_path / "go").touch()
    output, errors = start(tmp_path, "wait_for_go", 6).communicate(timeout=PATIENCE)
    assert output == "Complete 6\n", errors
    assert finals(tmp_path) == Counter(range(6))


def test_sixty_trials_killed_ten_times_at_random_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(0)
    for _ in range(10):
        before = len(finals(tmp_path))
        process = start(tmp_path, "slow_count", 60)
        wanted = before + chance.randint(1, 5)
        wait_for("some results", has_results(tmp_path, wanted))
        time.sleep(chance.random() / 5)  # any moment will do
        process.kill()
        process.communicate()
    output, errors = start(tmp_path, "slow_count", 60).communicate(timeout=PATIENCE)
    assert output == "Complete 60\n", errors
    assert finals(tmp_path) == Counter(range(60))
    trials = replayed(tmp_path / "here")
    assert [trial.index for trial in trials] == list(range(60))
    assert {trial.reward == functions.count(trial.decisions) for trial in trials} == {True}
