"""What becomes of a search's winner: trained on all it may see, scored once, and written for use elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from evonas_trial.data import catalogue
from evonas_trial.data.images import Images, joined, normalization
from evonas_trial.data.reading import locate
from tests.trial_image import files
from tests.trial_image.conftest import RunTrial

DECISIONS = {"hidden_size": 64, "activation": "tanh", "epochs": 2, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("winner")
    # As `evonas run` writes it.
    (folder / "best.json").write_text(json.dumps({"index": 3, "accuracy": 0.9, "decisions": DECISIONS}))
    arguments = ["--decisions", str(folder / "best.json"), "--final", "--export", str(folder / "export")]
    subprocess.run([sys.executable, "-m", "evonas_trial", "mlp", *arguments], check=True, timeout=300)
    return folder / "export"


def test_the_exported_program_scores_the_test_images_as_the_card_says(exported: Path) -> None:
    located = locate(catalogue.DIGITS, None)
    everything, test = joined(*located.development(split_seed=0)), located.test()
    assert isinstance(test, Images)
    figures = normalization(everything)
    images = (test.pixels.float() - figures.mean[0]) / figures.deviation[0]
    program = torch.export.load(exported / "model.pt2")
    accuracy = (program.module()(images).argmax(1) == test.labels).float().mean().item()
    assert accuracy > 0.9
    card = (exported / "README.md").read_text()
    assert f"| test_accuracy | {accuracy:.6g} |" in card
    for line in (
        "# mlp for digits",
        "| hidden_size | 64 |",
        "(6 epochs) with seed 0",
        f"| torch | {torch.__version__} |",
    ):
        assert line in card


def test_the_weights_start_another_training(exported: Path, run_trial: RunTrial) -> None:
    weights = load_file(exported / "weights.safetensors")
    assert weights["1.weight"].shape == (64, 64)
    assert json.loads((exported / "decisions.json").read_text()) == DECISIONS
    candidate = DECISIONS | {"epochs": 1, "learning_rate": 1e-6, "initialize_with_pretrained": True}
    ended = run_trial("evonas_trial.mlp", candidate, "--pretrained", str(exported / "weights.safetensors"))
    assert ended.report is not None
    assert ended.report["metrics"]["pretrained_share"] == 1
    # One epoch at no rate to speak of: what it knows, it knew before.
    assert ended.report["reward"] > 0.9


@pytest.mark.parametrize("arguments", [[], ["no-such-program"]])
def test_the_programs_are_listed(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "evonas_trial", *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "usage: python -m evonas_trial PROGRAM" in ended.stderr
    assert "mlp" in ended.stderr


def test_test_images_that_are_missing_are_missed_before_the_training(tmp_path: Path, run_trial: RunTrial) -> None:
    files.write_image_folder(tmp_path)
    for name in ("val", "test"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    options = ["--dataset", "folder", "--data", str(tmp_path), "--classes", "2", "--image-size", "8"]
    ended = run_trial("evonas_trial.mlp", {"epochs": 1}, *options, "--validation-share", "0.3", "--final")
    assert (ended.exit_code, ended.progress) == (1, None)
    assert ended.errors == f"evonas: {tmp_path} has no folder val or test\n"
