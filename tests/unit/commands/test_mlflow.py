"""`evonas export --mlflow`: a real tracking store, read back by MLflow's own client."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evonas.bridges import mlflow_runs
from evonas.errors import EvonasError
from evonas.recorded.search import Phase
from evonas.search.names import trial_name
from evonas.search.trial import Trial, TrialState
from evonas.sources.journal import JournalSource
from tests.unit.commands.conftest import Evonas
from tests.unit.search.climbing import write_climb
from tests.unit.search.simulation import write_run

TRIALS = 10


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tracking store for all tests: to make its tables takes longer than any of them."""
    return f"sqlite:///{tmp_path_factory.mktemp('tracking')}/tracking.db"


def runs(uri: str, experiment: str) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    listed = client.search_runs([found.experiment_id], max_results=1000)
    return sorted(listed, key=lambda run: int(run.data.tags["evonas.index"]))


def test_each_trial_becomes_a_run_once(
    evonas: Evonas, tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_run(tmp_path, "one", count=TRIALS)
    record = JournalSource(folder).read()
    monkeypatch.setattr(mlflow_runs, "PAGE", 4)
    monkeypatch.setattr(mlflow_runs, "BATCH", 2)
    code, out, err = evonas("export", str(folder), "--mlflow", uri)
    assert (code, err) == (0, "")
    assert out == f"wrote {TRIALS} runs to the experiment one: it has all {TRIALS} trials that have ended\n"
    made = runs(uri, "one")
    assert len(made) == len(record.trials)
    for run, trial in zip(made, record.trials, strict=True):
        texts = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in trial.decisions.items()
        }
        assert run.data.params == texts
        assert run.data.metrics == dict(trial.metrics) | ({} if trial.reward is None else {"reward": trial.reward})
        tags = run.data.tags
        assert (tags["evonas.search"], tags["evonas.uid"]) == ("one", record.identity.uid)
        assert (tags["evonas.state"], tags["evonas.origin"]) == (trial.state, trial.proposal.origin)
        assert tags.get("evonas.parent") == (None if trial.proposal.parent is None else str(trial.proposal.parent))
        assert run.info.run_name == trial_name("one", record.identity.uid, trial.index)
        assert trial.start_time is not None
        assert trial.completion_time is not None
        assert run.info.start_time == round(trial.start_time.timestamp() * 1000)
        assert run.info.end_time == round(trial.completion_time.timestamp() * 1000)
    counts = record.overview.counts
    assert Counter(run.info.status for run in made) == {
        "FINISHED": counts["succeeded"],
        "FAILED": counts["infeasible"] + counts["failed"],
    }
    code, out, _ = evonas("export", str(folder), "--mlflow", uri)
    assert (code, out) == (0, f"wrote 0 runs to the experiment one: it has all {TRIALS} trials that have ended\n")
    assert [run.info.run_id for run in runs(uri, "one")] == [run.info.run_id for run in made]


def test_results_at_rungs_are_a_metric_with_steps(evonas: Evonas, tmp_path: Path, uri: str) -> None:
    from mlflow import MlflowClient

    folder = write_climb(tmp_path, "climb", count=8)
    record = JournalSource(folder).read()
    assert evonas("export", str(folder), "--mlflow", uri)[0] == 0
    made = runs(uri, "climb")
    assert {run.info.status for run in made} == {"FINISHED", "KILLED"}
    for run, trial in zip(made, record.trials, strict=True):
        history = MlflowClient(uri).get_metric_history(run.info.run_id, "reward_at_rungs")
        curve = {rung.step: rung.value for rung in trial.rungs}
        stopped = trial.state is TrialState.STOPPED
        assert {metric.step: metric.value for metric in history} == (curve if stopped else {**curve, 9: trial.reward})
        assert (run.info.status == "KILLED", "reward" not in run.data.metrics) == (stopped, stopped)
        assert run.data.tags["evonas.state"] == trial.state


def test_paused_trial_becomes_a_run_once_the_search_is_over_and_another_when_it_has_gone_on(
    tmp_path: Path, uri: str
) -> None:
    record = JournalSource(
        write_climb(tmp_path, "climb", count=9, fidelity={"rungs": {"min": 1, "max": 9}, "mode": "Pause"})
    ).read()
    paused = [trial for trial in record.trials if trial.state is TrialState.PAUSED]
    running = replace(record, phase=Phase.RUNNING)
    assert mlflow_runs.write_runs(running, uri, "pausing") == (9 - len(paused), 9 - len(paused))
    assert mlflow_runs.write_runs(record, uri, "pausing") == (len(paused), 9)
    assert mlflow_runs.write_runs(record, uri, "pausing") == (0, 9)
    before = {int(run.data.tags["evonas.index"]): run for run in runs(uri, "pausing")}
    for trial in record.trials:
        run = before[trial.index]
        assert run.data.tags["evonas.state"] == trial.state
        is_paused = trial in paused
        assert (run.info.status == "KILLED", "reward" not in run.data.metrics) == (is_paused, is_paused)
    gone = at_its_end(paused[0])
    trials = tuple(gone if trial == paused[0] else trial for trial in record.trials)
    assert mlflow_runs.write_runs(replace(record, trials=trials), uri, "pausing") == (1, 9)
    after = {int(run.data.tags["evonas.index"]): run for run in runs(uri, "pausing")}
    assert len(after) == 9
    assert after[gone.index].info.status == "FINISHED"
    kept = {index: run.info.run_id for index, run in before.items() if index != gone.index}
    assert {index: run.info.run_id for index, run in after.items() if index != gone.index} == kept


def at_its_end(trial: Trial) -> Trial:
    """Return a paused trial as it is once it has gone on to its end."""
    rungs = (*trial.rungs[:-1], replace(trial.rungs[-1], promoted_after=99))
    return replace(trial, state=TrialState.SUCCEEDED, reward=0.5, sequence=100, rungs=rungs)


def test_an_interrupted_export_is_finished_by_the_next(
    evonas: Evonas, tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    folder = write_run(tmp_path, "one", count=TRIALS)
    whole, done = MlflowClient.set_terminated, 0

    def until_the_fourth(*arguments: Any) -> None:
        nonlocal done
        done += 1
        if done == 4:
            raise KeyboardInterrupt
        whole(*arguments)

    monkeypatch.setattr(MlflowClient, "set_terminated", until_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        mlflow_runs.write_runs(JournalSource(folder).read(), uri, "mine")
    assert [run.info.status for run in runs(uri, "mine")].count("RUNNING") == 1
    monkeypatch.setattr(MlflowClient, "set_terminated", whole)
    code, out, _ = evonas("export", str(folder), "--mlflow", uri, "--experiment", "mine")
    assert (code, out) == (
        0,
        f"wrote {TRIALS - 3} runs to the experiment mine: it has all {TRIALS} trials that have ended\n",
    )
    assert [int(run.data.tags["evonas.index"]) for run in runs(uri, "mine")] == list(range(TRIALS))
    assert "RUNNING" not in {run.info.status for run in runs(uri, "mine")}


def test_searches_share_an_experiment(evonas: Evonas, tmp_path: Path, uri: str) -> None:
    for name in ("one", "two"):
        folder = write_run(tmp_path, name, count=TRIALS)
        assert evonas("export", str(folder), "--mlflow", uri, "--experiment", "both")[1].startswith(
            f"wrote {TRIALS} runs"
        )
    assert Counter(run.data.tags["evonas.search"] for run in runs(uri, "both")) == {"one": TRIALS, "two": TRIALS}


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("accuracy", "accuracy"),
        ("val/loss", "val/loss"),
        ("top-1 acc.", "top-1 acc."),
        ("F1 (macro)", "F1 _macro_"),
        ("größe", "gr__e"),
        ("../../x", "______x"),
        ("/abs", "_abs"),
        ("a//b", "a__b"),
        ("", "_"),
    ],
)
def test_names_of_metrics(name: str, taken: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    assert mlflow_runs._metric_name(name) == taken
    _validate_metric_name(taken)


def test_what_cannot_be_written_is_one_line(evonas: Evonas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_run(tmp_path, "one", count=TRIALS)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for uri in ("http://127.0.0.1:9", f"sqlite:///{folder}/journal.jsonl/tracking.db", "gopher://here"):
        code, out, err = evonas("export", str(folder), "--mlflow", uri)
        assert (code, out) == (2, ""), uri
        assert err.startswith(f"error: MLflow at {uri}: ")
        assert err.count("\n") == 1
    for words, said in (
        (("--to", "a.jsonl", "--mlflow", "x"), "leave out --to and --optuna"),
        (("--optuna", "--mlflow", "x"), "leave out --to and --optuna"),
        (("--experiment", "x"), "--experiment is MLflow's"),
    ):
        code, _, err = evonas("export", str(folder), *words)
        assert code == 2
        assert said in err


def test_without_the_client_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(EvonasError, match=r"pip install 'evonas\[mlflow\]'"):
        mlflow_runs.write_runs(JournalSource(write_run(tmp_path, "one", count=TRIALS)).read(), "sqlite://", "x")
