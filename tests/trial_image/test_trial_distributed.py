"""The program that several processes run together, here on the loopback as elsewhere in pods."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trial_image.together import train

CANDIDATE = {"hidden_size": 64, "learning_rate": 0.01}


def test_two_processes_learn_what_one_does_and_rank_0_alone_reports(
    tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    rungs = {"EVONAS_RUNGS": "1,8"}
    (code, _, report), other = train(
        tmp_path, clean_environment, 2, "--batch-norm", "false", candidate=CANDIDATE, more=rungs
    )
    assert (code, other[0], other[2]) == (0, 0, None)
    assert report is not None
    assert report["metrics"]["processes"] == 2
    assert not (tmp_path / "progress-1").exists()
    assert json.loads((tmp_path / "progress-0").read_text())["rungs"].keys() == {"1"}
    folder = tmp_path / "alone"
    folder.mkdir()
    ((_, _, alone),) = train(folder, clean_environment, 1, "--batch-norm", "false", candidate=CANDIDATE, more=rungs)
    assert alone is not None
    # The mean of the gradients of two halves is that of the whole, but for rounding.
    assert report["reward"] == pytest.approx(alone["reward"], abs=0.01)
    assert report["reward"] > 0.9
    assert report["metrics"]["loss"] == pytest.approx(alone["metrics"]["loss"], rel=0.05)


def test_a_training_that_diverges_ends_in_all_processes_and_is_reported_once(
    tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    candidate = {**CANDIDATE, "optimizer": "SGD", "learning_rate": 1e9, "batch_norm": False}
    (code, _, report), other = train(tmp_path, clean_environment, 2, candidate=candidate)
    assert (code, other[0], other[2]) == (65, 0, None)
    assert report is not None
    assert report["infeasible"].startswith("diverged: the mean training loss of epoch 1 is")


def test_what_cannot_be_shared_out_is_refused_before_anybody_waits(
    tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    candidate = {**CANDIDATE, "batch_size": 33}
    for code, errors, report in train(tmp_path, clean_environment, 2, candidate=candidate):
        assert code == 65
        assert errors == "evonas: infeasible: a batch_size of 33 cannot be shared out to 2 processes\n"
        assert report is not None
    ((code, errors, _),) = train(tmp_path, clean_environment, 1, candidate=CANDIDATE, more={"WORLD_SIZE": ""})
    assert code == 2
    assert "WORLD_SIZE must be a whole number, got ''" in errors
