"""Trials whose result is what they print, on this machine."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from evonas.local.processes.logfile import LOG_FILE
from evonas.search.trial import TrialState
from tests.unit.local import runs

PRINTS = "print(f\"accuracy={sum(int(v) for n, v in os.environ.items() if n[:-1] == 'EVONAS_D_A') / 16}\")"
ONE = {"maxTrials": 1, "parallelTrials": 1}


def printing(folder: Path, name: str, program: str, **spec: Any) -> Path:
    """Write a search whose trials are that program, unless ``spec`` says more."""
    report = spec.pop("report", "{from: Logs}")
    body = {"objective": {"metric": "accuracy"}, "budget": ONE, **spec}
    manifest = runs.write_manifest(folder, name, ("python", "-uc", f"import os, sys, time\n{program}"), **body)
    text = manifest.read_text()
    manifest.write_text(text.replace("  trial:\n", f"  trial:\n    retries: 0\n    report: {report}\n", 1))
    return manifest


def only_trial(folder: Path, program: str, code: int = 0, *options: str, **spec: Any) -> Any:
    runs.evonas(folder, "run", str(printing(folder, "printing", program, **spec)), *options, code=code)
    (trial,) = runs.recorded(folder, "printing")
    return trial


def test_program_that_only_prints_is_searched(tmp_path: Path) -> None:
    manifest = printing(tmp_path, "printing", PRINTS, budget={"maxTrials": 6, "parallelTrials": 2})
    runs.evonas(tmp_path, "run", str(manifest))
    trials = runs.recorded(tmp_path, "printing")
    assert [trial.reward for trial in trials] == [sum(map(int, trial.decisions.values())) / 16 for trial in trials]


def test_program_that_prints_no_result_fails_with_what_was_looked_for(tmp_path: Path) -> None:
    trial = only_trial(tmp_path, 'print("acc = 0.9")', 1)
    assert (trial.state, trial.reason) == (TrialState.FAILED, "MetricMissing")
    assert trial.message.startswith("no value of 'accuracy' in 1 line of output")
    assert trial.message.endswith("the last line is 'acc = 0.9'")


@pytest.mark.parametrize(
    ("program", "state", "reason", "words"),
    [
        ('print("accuracy=nan")', TrialState.FAILED, "InvalidReward", "not a finite number"),
        ('print("accuracy=1"); sys.exit(3)', TrialState.FAILED, "NonZeroExitCode", "accuracy=1"),
        ('print("accuracy=1"); sys.exit(65)', TrialState.INFEASIBLE, "Infeasible", "65"),
        ("pass", TrialState.FAILED, "MetricMissing", "the container printed nothing"),
    ],
)
def test_exit_code_and_value_mean_what_they_mean_in_a_report(
    tmp_path: Path, program: str, state: TrialState, reason: str, words: str
) -> None:
    trial = only_trial(tmp_path, program, 1)
    assert (trial.state, trial.reason, words in trial.message) == (state, reason, True)


def test_value_in_the_middle_of_a_log_that_is_cut_is_not_missed(tmp_path: Path) -> None:
    """Of 12 MiB of output, one is kept, and the best value is in what is not, printed slowly enough to be cut."""
    fill = 'print("x" * 99 * 10000 + "\\n" + "x\\n" * 5000); time.sleep(0.3)'
    program = f"for turn in range(12):\n    {fill}\n    if turn == 6: print('accuracy=0.9')\nprint('accuracy=0.1')"
    trial = only_trial(tmp_path, program, 0, "--max-log", "1", report="{from: Logs, value: Best}")
    assert trial.reward == 0.9
    assert (tmp_path / "runs/printing/trials/00000/attempt-1" / LOG_FILE).stat().st_size < 2 << 20


def test_values_on_the_way_are_results_at_rungs(tmp_path: Path) -> None:
    worse = [{"a1": a1, "a2": 1, "a3": 1, "a4": 1} for a1 in (4, 3, 2, 1)]
    # Whoever is to be stopped at a rung waits there for it.
    program = """
for epoch in range(1, 5):
    print(f"epoch {epoch}/4: accuracy={int(os.environ['EVONAS_D_A1']) * epoch / 16}")
    if epoch == 2 and os.environ["EVONAS_D_A1"] in "12": time.sleep(600)
"""
    manifest = printing(
        tmp_path,
        "climbing",
        program,
        budget={"maxTrials": 4, "parallelTrials": 1},
        fidelity={"rungs": {"min": 1, "max": 4, "factor": 2}},
        warmStart={"candidates": worse},
    )
    runs.evonas(tmp_path, "run", str(manifest))
    trials = runs.recorded(tmp_path, "climbing")
    assert [trial.state for trial in trials[2:]] == [TrialState.STOPPED] * 2
    assert [(rung.step, rung.value) for rung in trials[0].rungs] == [(1, 0.25), (2, 0.5)]
    assert trials[0].reward == 1


def test_patterns_are_those_of_the_search(tmp_path: Path) -> None:
    report = "{from: Logs, patterns: ['top1 (?P<accuracy>[0-9.]+)']}"
    assert only_trial(tmp_path, 'print("accuracy=0.1 top1 0.7")', report=report).reward == 0.7


def test_attempt_that_outlives_its_run_is_read_all_the_same(tmp_path: Path) -> None:
    """The run is killed while the trial runs; the next one finds what it printed meanwhile."""
    program = f"""
print("accuracy=0.3")
os.kill(int(open({str(tmp_path / "run.pid")!r}).read()), {signal.SIGKILL.value})
print("accuracy=0.8")
"""
    manifest = printing(tmp_path, "killed", program)
    script = f"""
import os, sys
os.chdir({str(tmp_path)!r})
open("run.pid", "w").write(str(os.getpid()))
sys.argv = ["evonas", "run", {str(manifest)!r}]
from evonas.cli import main
main()
"""
    pid = os.spawnve(os.P_NOWAIT, sys.executable, [sys.executable, "-c", script], os.environ)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    runs.evonas(tmp_path, "run", str(manifest))
    (trial,) = runs.recorded(tmp_path, "killed")
    assert (trial.reward, trial.current_attempt) == (0.8, 2)
