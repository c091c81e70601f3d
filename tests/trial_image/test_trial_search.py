"""From a manifest to an exported winner, on real images: a small search on this machine, with the shipped commands."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import yaml

from evonas_trial.data import idx
from evonas_trial.data.reading import Located
from tests.trial_image import files

EXAMPLE = Path(__file__).parents[2] / "examples" / "fashion-mnist-cnn.yaml"
TRIALS = 2


def test_a_search_on_fashion_mnist_finds_a_candidate_that_trains_to_the_end(
    tmp_path: Path, clean_environment: dict[str, str], fashion_mnist: Located
) -> None:
    manifest = yaml.safe_load(EXAMPLE.read_text())
    manifest["spec"]["budget"]["maxTrials"] = TRIALS
    (container,) = manifest["spec"]["trial"]["template"]["spec"]["containers"]
    images = str(_beginning_of(fashion_mnist, tmp_path / "images"))
    fixed = ["--dataset", "fashion-mnist", "--data", images, "--stem-stride", "2"]
    container["args"] = [*fixed, "--epochs", "1"]
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(manifest))

    _run(["evonas", "run", "search.yaml"], tmp_path, clean_environment)
    best = tmp_path / "runs" / "fashion-mnist-cnn" / "best.json"
    found = json.loads(best.read_text())
    assert set(found["decisions"]) == {item["name"] for item in manifest["spec"]["searchSpace"]}
    assert 0.1 < found["accuracy"] < 1

    winner = ["--decisions", str(best), "--final", "--final-epochs", "1"]
    report = tmp_path / "report.json"
    environment = clean_environment | {"EVONAS_REPORT_FILE": str(report)}
    _run(["python", "-m", "evonas_trial", "cnn", *fixed, *winner], tmp_path, environment)
    metrics = json.loads(report.read_text())["metrics"]
    assert 0.1 < metrics["test_accuracy"] == metrics["accuracy"] < 1
    assert metrics["epochs"] == 1


def _beginning_of(located: Located, folder: Path) -> Path:
    """Write the first images of both files: a final training is on all that there are."""
    folder.mkdir()
    for prefix, part, count in (("train", "development", 1500), ("t10k", "test", 500)):
        pixels, labels = idx.read(located.folder, part)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(files.idx(pixels[:count, 0]))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(files.idx(labels[:count]))
    return folder


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert ended.returncode == 0, ended.stderr
