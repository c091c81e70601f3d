"""The CNN as a trial: real trainings on real images through the contract, its exits, and its end in the middle."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from evonas_trial import report
from evonas_trial.cnn.__main__ import main
from evonas_trial.data.reading import Located
from harness.waiting import PATIENCE
from tests.trial_image.conftest import Ended, RunTrial, StartTrial, tell
from tests.trial_image.released import A1

CNN = "evonas_trial.cnn"
CANDIDATE = {"blocks": 2, "width": 2, "activation": "gelu", "dropout": 0.2, "learning_rate": 0.01, "epochs": 10}
TOO_FEW = (
    "'epochs' is 8, but the last of the search's rungs (EVONAS_RUNGS) is 9: "
    "leave 'epochs' out, or let spec.fidelity.rungs end at 8"
)
MEASURED = {"latency_ms", "train_seconds", "peak_memory_mb"}


def comparable(ended: Ended) -> dict[str, Any]:
    """The report without what a clock or the system says."""
    assert (ended.exit_code, ended.errors) == (0, "")
    assert ended.report is not None
    metrics = {name: value for name, value in ended.report["metrics"].items() if name not in MEASURED}
    return {**ended.report, "metrics": metrics}


def test_a_trial_is_good_reports_all_metrics_and_ends_alike_when_killed_between_epochs(
    run_trial: RunTrial, start_trial: StartTrial, tmp_path: Path
) -> None:
    undisturbed = run_trial(CNN, CANDIDATE)
    found = comparable(undisturbed)
    assert undisturbed.report is not None
    assert all(undisturbed.report["metrics"][name] > 0 for name in MEASURED)
    assert found["reward"] == found["metrics"]["accuracy"] > 0.97
    assert set(found["metrics"]) == {
        "accuracy", "loss", "parameters", "multiply_adds", "latency_batch_size", "epochs",
    }  # fmt: skip
    assert undisturbed.progress is not None
    assert (undisturbed.progress["step"], undisturbed.progress["of"]) == (10, 10)
    assert undisturbed.progress["accuracy"] == found["reward"]

    volume = tmp_path / "volume"
    for end, exit_code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143)):
        process = start_trial(CNN, CANDIDATE, "--checkpoint-dir", str(volume))
        tell(process, end)
        assert process.wait(PATIENCE) == exit_code
        assert len([path for path in volume.iterdir() if path.suffix == ".pt"]) == 1
    assert comparable(run_trial(CNN, CANDIDATE, "--checkpoint-dir", str(volume))) == found
    assert [path for path in volume.iterdir() if path.suffix == ".pt"] == []


def test_real_fashion_mnist_is_learned(run_trial: RunTrial, fashion_mnist: Located) -> None:
    candidate = {"op": "separable", "epochs": 3, "learning_rate": 0.02, "augmentation": "flip", "stem_stride": 2}
    fixed = ["--dataset", "fashion-mnist", "--data", str(fashion_mnist.folder), "--limit", "3000"]
    found = comparable(run_trial(CNN, candidate, *fixed, "--validation-share", "0.05"))
    # Guessing is right for one in ten.
    assert found["reward"] > 0.6


def test_with_rungs_it_trains_to_the_last_and_tells_what_it_had_at_each_also_when_killed(
    run_trial: RunTrial, start_trial: StartTrial, tmp_path: Path
) -> None:
    candidate = {name: value for name, value in CANDIDATE.items() if name != "epochs"}
    rungs = {"EVONAS_RUNGS": "1,3,10"}
    undisturbed, volume = run_trial(CNN, candidate, environment=rungs), tmp_path / "volume"
    # The same schedule as that of a full training, which it is.
    assert comparable(undisturbed) == comparable(run_trial(CNN, CANDIDATE))
    assert undisturbed.report is not None
    assert undisturbed.progress is not None
    at_rungs = undisturbed.progress["rungs"]
    assert list(at_rungs) == ["1", "3", "10"]
    static = {name: undisturbed.report["metrics"][name] for name in ("parameters", "multiply_adds")}
    for metrics in at_rungs.values():
        assert metrics == static | {name: metrics[name] for name in ("reward", "accuracy", "loss")}
        assert metrics["reward"] == metrics["accuracy"]
    assert at_rungs["10"]["reward"] == undisturbed.report["reward"]

    process = start_trial(CNN, candidate, "--checkpoint-dir", str(volume), environment=rungs)
    tell(process, signal.SIGKILL)
    assert process.wait(PATIENCE) == -signal.SIGKILL
    resumed = run_trial(CNN, candidate, "--checkpoint-dir", str(volume), environment=rungs)
    assert comparable(resumed) == comparable(undisturbed)
    assert resumed.progress == undisturbed.progress


def test_more_epochs_than_the_last_rung_are_trained(run_trial: RunTrial) -> None:
    ended = run_trial(CNN, {"epochs": 3}, "--limit", "100", environment={"EVONAS_RUNGS": "1,2"})
    assert (ended.exit_code, ended.errors) == (0, "")
    assert ended.progress is not None
    assert (ended.progress["step"], list(ended.progress["rungs"])) == (3, ["1", "2"])


@pytest.mark.parametrize(
    ("decisions", "arguments", "reason"),
    [
        ({"blocks": 5}, [], "block 5 halves an image of 1 pixel"),
        ({"blocks": 5}, ["--data", "/nowhere", "--dry-run"], "block 5 halves an image of 1 pixel"),
    ],
)
def test_what_cannot_be_built_is_infeasible_before_torch_is_loaded(
    run_trial: RunTrial, decisions: dict[str, Any], arguments: list[str], reason: str
) -> None:
    # torch and numpy are made unimportable, so nothing can have been built or read.
    program = (
        "import sys; sys.modules |= {'torch': None, 'numpy': None}; from evonas_trial.cnn.__main__ import main; main()"
    )
    ended = run_trial(["python", "-c", program, *arguments], decisions)
    assert ended.exit_code == 65
    assert ended.report is not None
    assert ended.report["infeasible"].startswith(reason)


def test_a_training_that_diverges_is_infeasible(run_trial: RunTrial) -> None:
    ended = run_trial(CNN, {"optimizer": "SGD", "learning_rate": 1e30, "normalization": "none"})
    assert ended.exit_code == 65
    assert ended.report is not None
    assert ended.report["infeasible"] == "diverged: the training loss became nan in epoch 1"
    assert ended.report["metrics"] == {"parameters": 7450, "multiply_adds": 230720}


def test_sigterm_ends_a_trial_without_a_checkpoint_at_once(start_trial: StartTrial, tmp_path: Path) -> None:
    process = start_trial(CNN, {}, "--epochs", "100000")
    tell(process, signal.SIGTERM)
    assert process.wait(PATIENCE) == 143
    assert not (tmp_path / "report").exists()


def test_dry_run_prints_what_a_released_model_costs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _contract(monkeypatch, A1)
    main(["--dataset", "folder", "--classes", "1000", "--data", "/nowhere", "--dry-run"])
    assert json.loads(capsys.readouterr().out) == {"parameters": 3_887_038, "multiply_adds": 311_579_072}


@pytest.mark.parametrize(
    ("decisions", "arguments", "words"),
    [
        ({"kernel": 4}, [], "'kernel' must be an odd whole number (or one per block: A,B,…), got 4"),
        ({"width": 1}, ["--width", "2"], "'width' is a decision of the search: leave out the option --width"),
        ({}, ["--kernel-3", "5"], "'kernel_3' means nothing with 2 blocks"),
        ({}, ["--epochs", "many"], "'epochs' must be a whole number not below 1, got \"many\""),
        ({}, ["--threads", "0"], "--threads: must be a positive whole number, got '0'"),
        ({}, ["--validation-share", "1"], "--validation-share: must be between 0 and 1, got '1'"),
        ({}, ["--dataset", "folder"], "--dataset folder needs --classes"),
        ({}, ["--classes", "3"], "--classes is for --dataset folder"),
        ({}, ["--export", "there"], "--export writes what --final trained: add --final"),
        ({"initialize_with_pretrained": True}, [], "'initialize_with_pretrained' needs --pretrained"),
        ({}, ["--pretrained", "/no/file"], "--pretrained: there is no file /no/file"),
        ({}, ["--decisions", "/no/best.json"], "No such file or directory: '/no/best.json'"),
        (None, [], "EVONAS_DECISIONS is not set"),
    ],
)
def test_mistakes_are_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    decisions: dict[str, Any] | None,
    arguments: list[str],
    words: str,
) -> None:
    _contract(monkeypatch, decisions)
    assert words in refusal(capsys, arguments)


@pytest.mark.parametrize(
    ("rungs", "decisions", "arguments", "words"),
    [
        ("1,9", {"epochs": 8}, [], TOO_FEW),
        ("1,9", {}, ["--epochs", "8"], TOO_FEW),
        ("1,9", {"epochs": "8"}, [], "'epochs' must be a whole number not below 1, got \"8\""),
        ("9,1", {}, [], "EVONAS_RUNGS must be ascending whole numbers such as 1,3,9, got '9,1'"),
    ],
)
def test_what_contradicts_the_rungs_is_named_with_the_cure(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rungs: str,
    decisions: dict[str, Any],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.setenv("EVONAS_RUNGS", rungs)
    _contract(monkeypatch, decisions)
    assert words in refusal(capsys, arguments)


def refusal(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    """Run the program where it refuses what it is given; returns what it says."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def _contract(monkeypatch: pytest.MonkeyPatch, decisions: dict[str, Any] | None) -> None:
    report._default.cache_clear()
    monkeypatch.setenv("EVONAS_SEED", "0")
    monkeypatch.delenv("EVONAS_DECISIONS", raising=False)
    if decisions is not None:
        monkeypatch.setenv("EVONAS_DECISIONS", json.dumps(decisions))
