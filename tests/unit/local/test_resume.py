"""`evonas run` as a user meets it: interrupted, killed, resumed; failing trials; errors without a traceback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.local.locks import is_locked
from evonas.local.processes.supervise import PID_FILE
from harness.waiting import PATIENCE, wait_for
from tests.unit.local.runs import evonas
from tests.unit.local.test_supervise import process_named_in

COUNTING = ["python", "-m", "evonas_trial.counting", "--seconds", "0.2"]
FINAL = ("Succeeded", "Infeasible", "Failed")


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let the runs heed SIGINT: a shell without job control has its background commands, and all below, ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def write_manifest(
    folder: Path, command: list[str] = COUNTING, confirm: dict[str, int] | None = None, **budget: int
) -> Path:
    body: dict[str, Any] = {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureSearch",
        "metadata": {"name": "here"},
        "spec": {
            "searchSpace": [{"name": f"a{position}", "values": [1, 2, 3, 4]} for position in (1, 2, 3, 4)],
            "agent": {"type": "Evolution"},
            "budget": {"maxTrials": 16, "parallelTrials": 3, **budget},
            **({} if confirm is None else {"confirm": confirm}),
            "trial": {
                "retries": 1,
                "template": {"spec": {"containers": [{"name": "trial", "image": "none", "command": command}]}},
            },
        },
    }
    path = folder / "search.yaml"
    path.write_text(yaml.safe_dump(body))
    return path


def start(manifest: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "evonas", "run", str(manifest), "--runs", str(manifest.parent / "runs"), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def journal(manifest: Path) -> list[dict[str, Any]]:
    path = manifest.parent / "runs" / "here" / "journal.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [body for body in map(json.loads, lines) if body["kind"] == "ArchitectureTrial"]


def finals(manifest: Path) -> Counter[int]:
    """How many final records each trial has: a second one would be a repeated trial."""
    return Counter(body["spec"]["index"] for body in journal(manifest) if body.get("status", {}).get("state") in FINAL)


def finish(manifest: Path, code: int = 0) -> str:
    return evonas(manifest.parent, "run", str(manifest), code=code)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_same_command_goes_on_and_repeats_no_finished_trial(tmp_path: Path, number: signal.Signals) -> None:
    # Those that nobody lets go end with the test's folder.
    until_go = (
        f"[ $EVONAS_INDEX -lt 8 ] || while [ -e {tmp_path}/search.yaml -a ! -e {tmp_path}/go ]; do sleep 0.1; done"
    )
    manifest = write_manifest(tmp_path, ["sh", "-c", f"{until_go}; exec {' '.join(COUNTING)}"])
    process = start(manifest)
    wait_for("five results", lambda: len(finals(manifest)) >= 5)
    process.send_signal(number)
    process.wait(timeout=PATIENCE)
    # What a killed run has started goes on, and holds the pipe until it ends.
    (tmp_path / "go").touch()
    output, _ = process.communicate(timeout=PATIENCE)
    before = len(finals(manifest))
    assert 5 <= before <= 8
    if number is not signal.SIGKILL:
        assert process.returncode == 130
        assert "to resume, run the same command" in output
    output = finish(manifest)
    assert f"{before} trials are finished" in output
    assert finals(manifest) == Counter(range(16))
    folder = tmp_path / "runs" / "here"
    best = json.loads((folder / "best.json").read_text())
    latest = {body["spec"]["index"]: body["status"] for body in journal(manifest) if "status" in body}
    assert best["reward"] == max(float(status["reward"]) for status in latest.values())
    assert (folder / "plots.png").read_bytes().startswith(b"\x89PNG")
    assert {len(status["attempts"]) for status in latest.values()} == {1}


def test_trial_that_outlived_a_killed_run_is_adopted(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, [*COUNTING[:-1], "2"], maxTrials=1, parallelTrials=1)
    process = start(manifest)
    attempt = tmp_path / "runs" / "here" / "trials" / "00000" / "attempt-1"
    supervisor = process_named_in(attempt / PID_FILE)
    process.kill()
    process.wait()
    finish(manifest)
    assert process_named_in(attempt / PID_FILE) == supervisor
    assert finals(manifest) == Counter([0])


def test_trial_that_outlived_a_killed_run_is_charged_the_gpus_that_it_was_started_with(tmp_path: Path) -> None:
    command = ["sh", "-c", f"while [ -e {tmp_path}/search.yaml -a ! -e {tmp_path}/go ]; do sleep 0.1; done"]
    manifest = write_manifest(tmp_path, command, maxTrials=1, parallelTrials=1)
    before = manifest.read_text()
    body = yaml.safe_load(before)
    body["spec"]["trial"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": 4}}
    manifest.write_text(yaml.safe_dump(body))
    process = start(manifest)
    process_named_in(tmp_path / "runs" / "here" / "trials" / "00000" / "attempt-1" / PID_FILE)
    process.kill()
    process.wait()
    manifest.write_text(before)
    (tmp_path / "go").touch()
    finish(manifest, code=1)
    first, *_ = journal(manifest)[-1]["status"]["attempts"]
    assert first["number"] == 1
    assert journal(manifest)[-1]["status"]["gpuSeconds"] > 0


def test_finished_search_is_not_run_again_and_may_grow(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, maxTrials=3)
    finish(manifest)
    before = journal(manifest)
    finish(manifest)
    assert journal(manifest) == before
    write_manifest(tmp_path, maxTrials=5)
    finish(manifest)
    assert finals(manifest) == Counter(range(5))


def test_failing_trials_fail_the_search_with_their_last_words(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo no such data set >&2; exit 3"]
    process = start(write_manifest(tmp_path, command, maxFailedTrials=1, parallelTrials=1))
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "TooManyFailedTrials" in output
    assert "no such data set" in output.replace("\n", "")


def test_trials_that_ignore_their_signal_share_one_grace_period(tmp_path: Path) -> None:
    script = "trap 'touch told-$EVONAS_INDEX' TERM; touch deaf-$EVONAS_INDEX; while [ ! -e go ]; do sleep 0.1; done"
    manifest = write_manifest(tmp_path, ["sh", "-c", f"cd {tmp_path}; {script}"], maxTrials=8, parallelTrials=8)
    process = start(manifest)
    wait_for("eight deaf trials", lambda: len(list(tmp_path.glob("deaf-*"))) == 8)
    process.send_signal(signal.SIGINT)
    wait_for("eight signals", lambda: len(list(tmp_path.glob("told-*"))) == 8)
    # One after the other, the second would hear of it when the first is gone.
    locks = list((tmp_path / "runs" / "here" / "trials").glob("*/attempt-1/lock"))
    assert [is_locked(lock) for lock in locks] == [True] * 8
    (tmp_path / "go").touch()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130


def test_a_log_of_many_megabytes_keeps_its_head_its_tail_and_the_trials_last_words(tmp_path: Path) -> None:
    script = "echo first words; yes | head -c 100000000; echo no such data set; exit 3"
    manifest = write_manifest(tmp_path, ["sh", "-c", script], maxFailedTrials=1, maxTrials=1, parallelTrials=1)
    output, _ = start(manifest, "--max-log", "1").communicate(timeout=120)
    assert "no such data set" in output.replace("\n", "")
    content = (tmp_path / "runs" / "here" / "trials" / "00000" / "attempt-2" / "log.txt").read_text()
    assert (content.startswith("first words\ny\n"), content.endswith("y\nno such data set\n")) == (True, True)
    assert "bytes left out here; evonas run --max-log keeps more]" in content
    assert len(content) <= 1 << 20


@pytest.mark.parametrize(
    ("script", "state", "reason"),
    [
        ("exit 65", "Infeasible", "Infeasible"),
        ("true", "Failed", "NoReward"),
        ("echo '{\"reward\": NaN}' > $EVONAS_REPORT_FILE", "Failed", "InvalidReward"),
        ("echo abc > $EVONAS_REPORT_FILE", "Failed", "InvalidReward"),
    ],
)
def test_each_ending_has_its_reason_and_without_a_success_the_run_exits_with_1(
    tmp_path: Path, script: str, state: str, reason: str
) -> None:
    manifest = write_manifest(tmp_path, ["sh", "-c", script], maxTrials=1, parallelTrials=1)
    said = " ".join(finish(manifest, 1).split())
    assert f"NoTrialSucceeded: no trial succeeded: 1 {state}" in said
    assert f"evonas logs {tmp_path / 'runs' / 'here'} 0".replace(" ", "") in said.replace(" ", "")
    status = journal(manifest)[-1]["status"]
    assert (status["state"], status["reason"]) == (state, reason)


def test_second_run_of_the_same_search_is_refused(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, [*COUNTING[:-1], "600"], maxTrials=1, parallelTrials=1)
    first = start(manifest)
    wait_for("a trial", lambda: journal(manifest))
    second = start(manifest)
    output, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 2
    assert "is in use" in output
    assert "Traceback" not in output
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=PATIENCE)


def test_leaders_are_trained_again_with_new_seeds_and_the_best_mean_wins(tmp_path: Path) -> None:
    # The reward is the seed: the later a trial of the search, the better, until all are trained with the same seeds.
    said = 'printf "{\\"reward\\": $EVONAS_SEED}" > "$EVONAS_REPORT_FILE"'
    manifest = write_manifest(tmp_path, ["sh", "-c", said], {"top": 2, "repeats": 2}, maxTrials=4)
    output, _ = (run := start(manifest)).communicate(timeout=PATIENCE)
    assert run.returncode == 0, output
    confirmations = [body for body in journal(manifest) if body["spec"]["proposal"]["origin"] == "confirmation"]
    ended = [body for body in confirmations if "status" in body and body["status"]["state"] == "Succeeded"]
    assert sorted((body["spec"]["proposal"]["parent"], float(body["status"]["reward"])) for body in ended) == [
        (2, 2**31 - 2),
        (2, 2**31 - 1),
        (3, 2**31 - 2),
        (3, 2**31 - 1),
    ]
    assert "confirmed: trial 3: mean" in output
    best = json.loads((tmp_path / "runs" / "here" / "best.json").read_text())
    assert (best["index"], best["reward"]) == (3, 2**31 - 1.5)
