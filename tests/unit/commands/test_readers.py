"""`evonas get`, `best`, `logs` and `watch` on a real local run: what they print, and what they say when asked amiss."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.local.journal import JOURNAL_FILE, open_journal, read_journal
from evonas.local.processes.command import expand
from evonas.manifest import read_objects
from evonas.search.trial import ProposalRecord, Trial, TrialState
from harness.waiting import PATIENCE, wait_for
from tests.corpus.environment import DECISIONS, VARIABLES, asking_search
from tests.unit.commands.conftest import TRIALS, Evonas
from tests.unit.local.test_resume import COUNTING, start, write_manifest
from tests.unit.search.simulation import write_run


def best_of(run: Path) -> Trial:
    _, trials, _ = read_journal(run / JOURNAL_FILE)
    return max(trials, key=lambda trial: (trial.reward or 0, -(trial.sequence or 0)))


def test_get_lists_the_runs_of_a_folder(evonas: Evonas, finished_run: Path) -> None:
    code, out, err = evonas("get", "--runs", str(finished_run.parent))
    assert (code, err) == (0, "")
    (line,) = (line.split() for line in out.splitlines() if "here" in line)
    best = best_of(finished_run)
    assert line == [
        "here",
        "Complete",
        "Evolution",
        f"{TRIALS}/{TRIALS}",
        "0",
        "0",
        f"{best.reward:.6g}",
        str(best.index),
        "0.00",
    ]


@pytest.mark.parametrize("content", ["", '{"apiVersion": "evonas.dev/v1al'], ids=["empty", "cut"])
def test_a_run_of_which_nothing_is_recorded_yet_is_not_listed_and_says_so_itself(
    evonas: Evonas, tmp_path: Path, content: str
) -> None:
    write_run(tmp_path / "runs", "begun", count=4)
    (tmp_path / "runs" / "beginning").mkdir()
    (tmp_path / "runs" / "beginning" / JOURNAL_FILE).write_text(content)
    code, out, err = evonas("get")
    assert (code, err) == (0, "")
    assert ("begun" in out, "beginning" in out) == (True, False)
    for command in ("get", "best", "report"):
        code, _, err = evonas(command, "runs/beginning")
        assert code == 2
        assert err.startswith(f"error: runs/beginning/{JOURNAL_FILE} is empty: its run is just starting, or stopped")


def test_get_shows_every_trial_of_a_search(evonas: Evonas, finished_run: Path) -> None:
    code, out, _ = evonas("get", str(finished_run))
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert [row[0] for row in rows if len(row) > 4 and row[-1].startswith("a")] == [
        str(index) for index in range(TRIALS)
    ]


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_get_prints_the_objects(evonas: Evonas, finished_run: Path, form: str) -> None:
    code, out, _ = evonas("get", str(finished_run), "-o", form)
    assert code == 0
    search, *trials = (json.loads if form == "json" else yaml.safe_load)(out)["items"]
    assert (search["kind"], search["metadata"]["name"]) == ("ArchitectureSearch", "here")
    assert [trial["spec"]["index"] for trial in trials] == list(range(TRIALS))
    assert search["status"]["environments"][0]["versions"]["evonas"]


def test_best_in_every_format(evonas: Evonas, finished_run: Path) -> None:
    best = best_of(finished_run)
    decisions = dict(best.decisions)
    code, out, err = evonas("best", str(finished_run))
    assert (code, json.loads(out)) == (0, decisions)
    assert err == f"trial {best.index} with reward {best.reward:.6g}\n"
    assert yaml.safe_load(evonas("best", str(finished_run), "-o", "yaml")[1]) == decisions
    lines = evonas("best", str(finished_run), "-o", "env")[1]
    said = subprocess.run(
        ["sh", "-c", f"{lines}\necho $EVONAS_D_A1; echo $EVONAS_DECISIONS"], check=True, capture_output=True, text=True
    )
    first, whole = said.stdout.splitlines()
    assert (first, json.loads(whole)) == (str(decisions["a1"]), decisions)
    pod = yaml.safe_load(evonas("best", str(finished_run), "-o", "pod")[1])
    assert {"name": "EVONAS_D_A4", "value": str(decisions["a4"])} in pod["env"]
    assert json.loads(evonas("best", str(finished_run), "--trial", "0")[1]) == dict(
        read_journal(finished_run / JOURNAL_FILE)[1][0].decisions
    )


def test_best_in_two_metrics(evonas: Evonas, tmp_path: Path) -> None:
    run = str(write_run(tmp_path, "two"))
    code, out, _ = evonas("best", run, "--pareto", "accuracy", "latency_ms:min")
    front = json.loads(out)
    assert code == 0
    assert [item["metrics"]["accuracy"] for item in front] == sorted(
        (item["metrics"]["accuracy"] for item in front), reverse=True
    )
    assert front[0]["decisions"] == json.loads(evonas("best", run)[1])
    assert yaml.safe_load(evonas("best", run, "--pareto", "accuracy", "latency_ms:min", "-o", "yaml")[1]) == front
    code, _, err = evonas("best", run, "--pareto", "accuracy", "latency_ms")
    assert (code, "write latency_ms:min or latency_ms:max" in err) == (2, True)
    for other in (("-o", "env"), ("--trial", "1")):
        code, _, err = evonas("best", run, "--pareto", "accuracy", "latency_ms:min", *other)
        assert (code, "--pareto lists trials" in err) == (2, True)


def test_report_in_two_metrics(evonas: Evonas, tmp_path: Path) -> None:
    run = str(write_run(tmp_path, "two"))
    assert evonas("report", run, "--pareto", "accuracy", "latency_ms:min", "--to", "two.html")[0] == 0
    assert "accuracy against latency_ms" in (tmp_path / "two.html").read_text()
    code, _, err = evonas("report", run, "--pareto", "accuracy", "latency_ms:min", "--to", "two.png")
    assert (code, "--pareto is a part of the HTML page" in err) == (2, True)


def test_best_quotes_what_a_shell_would_read(evonas: Evonas, tmp_path: Path) -> None:
    body: dict[str, Any] = yaml.safe_load(write_manifest(tmp_path).read_text())
    body["spec"]["searchSpace"] = [{"name": "text", "values": ["$(rm) 'x'", "b"]}]
    journal = open_journal(tmp_path / "odd", body)
    _, trials, _ = read_journal(_copy_of_a_trial(tmp_path))
    journal.write(Trial(**{**vars(trials[0]), "decisions": {"text": "$(rm) 'x'"}}))
    journal.close()
    out = evonas("best", str(tmp_path / "odd"), "-o", "env")[1]
    assert "EVONAS_D_TEXT=$(rm) 'x'" in shlex.split(out, comments=False)
    assert {"name": "EVONAS_D_TEXT", "value": "$$(rm) 'x'"} in yaml.safe_load(
        evonas("best", str(tmp_path / "odd"), "-o", "pod")[1]
    )["env"]


def test_best_for_a_pod_is_read_by_kubectl_and_the_kubelet_as_the_trials_saw_it(evonas: Evonas, tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "nasty", asking_search())
    journal.write(Trial(0, DECISIONS, ProposalRecord("random", None, (), 0), TrialState.SUCCEEDED, reward=0.5))
    journal.close()
    file = tmp_path / "pod.yaml"
    file.write_text(evonas("best", "nasty", "-o", "pod")[1], encoding="utf-8")
    ((entries,),) = [body.values() for body in read_objects(file)]
    assert {entry["name"]: expand(entry["value"], {}) for entry in entries} == VARIABLES


def _copy_of_a_trial(folder: Path) -> Path:
    manifest = write_manifest(folder, [*COUNTING[:-2]], maxTrials=1, parallelTrials=1)
    assert start(manifest).wait(PATIENCE) == 0
    return folder / "runs" / "here" / JOURNAL_FILE


def test_best_of_a_search_without_results(evonas: Evonas, tmp_path: Path) -> None:
    open_journal(tmp_path / "new", yaml.safe_load(write_manifest(tmp_path).read_text())).close()
    assert evonas("best", "new") == (2, "", "error: new has no trial with a reward yet\n")
    assert evonas("best", "new", "--trial", "3") == (2, "", "error: new has no trial 3; it has none yet\n")


def test_logs_of_a_trial(finished_run: Path) -> None:
    first = read_journal(finished_run / JOURNAL_FILE)[1][0].decisions["a1"]
    said = _evonas("logs", str(finished_run), "0")
    assert said.stdout.splitlines()[0] == f"deciding on {first}"
    said = _evonas("logs", str(finished_run), "0", "--attempt", "2")
    assert said.returncode == 2
    assert "attempt-2/log.txt does not exist: attempt 2 of trial 0 has not started here" in said.stderr


def test_logs_follow_a_trial_to_its_end_and_watch_a_search_to_its_end(tmp_path: Path) -> None:
    script = "echo begun; while [ ! -e go ]; do sleep 0.05; done; echo ended; exec python -m evonas_trial.counting"
    manifest = write_manifest(
        tmp_path, ["sh", "-c", script.replace("go ", f"{tmp_path}/go ")], maxTrials=1, parallelTrials=1
    )
    run = start(manifest)
    folder = tmp_path / "runs" / "here"
    wait_for("the log", (folder / "trials/00000/attempt-1/log.txt").exists)
    found: dict[str, subprocess.CompletedProcess[str]] = {}
    commands = {"logs": ("logs", str(folder), "0", "-f"), "watch": ("watch", str(folder), "--interval", "0.1")}
    threads = [
        threading.Thread(target=lambda name=name, words=words: found.update({name: _evonas(*words)}))
        for name, words in commands.items()
    ]
    for thread in threads:
        thread.start()
    (tmp_path / "go").touch()
    for thread in threads:
        thread.join(PATIENCE)
    assert run.wait(PATIENCE) == 0
    assert found["logs"].stdout.splitlines() == ["begun", "ended"]
    assert found["watch"].returncode == 0, found["watch"]
    assert "Complete" in found["watch"].stdout
    assert "1/1" in found["watch"].stdout


def test_watch_of_an_interrupted_run_says_so(evonas: Evonas, tmp_path: Path) -> None:
    open_journal(tmp_path / "new", yaml.safe_load(write_manifest(tmp_path).read_text())).close()
    code, out, _ = evonas("watch", "new")
    assert (code, out.splitlines()[0]) == (1, "new: Stopped")


def _evonas(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evonas", *words], check=False, capture_output=True, text=True, timeout=PATIENCE
    )


def test_what_is_no_search_is_one_line(evonas: Evonas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    (tmp_path / "notes.txt").write_text("hello\n")
    assert evonas("get", "notes.txt") == (
        2,
        "",
        "error: notes.txt is neither a run's folder nor a file of `evonas export`\n",
    )
    code, _, err = evonas("get", "no/such")
    assert (code, err) == (
        2,
        "error: no/such does not exist; a search in a cluster is named without its namespace (-n)\n",
    )


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (["report", "{run}"], ["matplotlib", "sklearn", "scipy", "torch", "kubernetes"]),
        (["report", "{run}", "--to", "plots.png"], ["jinja2", "sklearn", "torch", "kubernetes"]),
        (["get", "{run}"], ["matplotlib", "jinja2", "torch", "kubernetes"]),
        (["best", "{run}"], ["matplotlib", "jinja2", "torch", "kubernetes"]),
        (["explain", "{run}", "3"], ["matplotlib", "jinja2", "torch", "kubernetes"]),
    ],
    ids=lambda words: words[0],
)
def test_reading_a_search_imports_no_package_that_it_has_no_use_for(
    words: list[str], unneeded: list[str], finished_run: Path, tmp_path: Path
) -> None:
    program = f"import sys; sys.modules |= dict.fromkeys({unneeded}); from evonas.cli import main; main()"
    arguments = [word.format(run=finished_run) for word in words]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "nothing"),
    [
        (["report", "nosuch"], "nosuch: no such folder or file"),
        (["veto", "nosuch", "1"], "nosuch: no such folder or file"),
        (["get"], "runs: no runs found"),
    ],
)
def test_what_is_not_here_is_said_before_that_no_cluster_could_be_asked(
    evonas: Evonas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], nothing: str
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    no_cluster = f"no cluster configured: {tmp_path}/missing does not exist; set KUBECONFIG or pass --kubeconfig"
    said = f"error: {nothing}, and no cluster is available: {no_cluster}\n"
    assert evonas(*words) == (2, "", said)
    assert evonas(*words, "-n", "default") == (2, "", f"error: {no_cluster}\n")


def test_what_is_not_here_is_said_before_that_the_cluster_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        server = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        here = {"name": "here", "cluster": {"server": server}, "context": {"cluster": "here", "user": ""}}
        kubeconfig = {"current-context": "here", "contexts": [here], "clusters": [here], "users": []}
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        done = subprocess.run(
            [sys.executable, "-m", "evonas", "best", "nosuch"],
            cwd=tmp_path,
            env=os.environ | {"KUBECONFIG": str(tmp_path / "kubeconfig")},
            capture_output=True,
            text=True,
            check=False,
        )
    first = f"error: nosuch: no such folder or file, and no cluster is available: the cluster at {server}"
    assert (done.returncode, done.stderr.startswith(f"{first} cannot be reached: ")) == (2, True), done.stderr
