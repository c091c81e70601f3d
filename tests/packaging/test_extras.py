"""Each extra alone is enough for what it is there for."""

from __future__ import annotations

import json
import re
import shutil
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from harness.fixtures import skipping
from harness.waiting import wait_for
from tests.packaging.conftest import Distributions
from tests.packaging.environments import ROOT, Bare, write_manifest
from tests.shell_blocks import blocks_of
from tests.unit.docs.markdown import Page


def agents(bare: Bare, folder: Path) -> None:
    """An agent that learns runs, and replays."""
    manifest = write_manifest(folder, {"type": "EvoNAS", "warmup": 2})
    assert "6 succeeded" in bare.evonas("run", manifest, folder=folder)
    assert "bit for bit" in bare.evonas("replay", "runs/light", folder=folder)


def cluster(bare: Bare, folder: Path) -> None:
    """A cluster is asked, though it does not answer."""
    said = bare.refused("get", "--kubeconfig", _kubeconfig(folder), folder=folder)
    assert "cannot be reached" in said


def operator(bare: Bare, folder: Path) -> None:
    """All of the operator's modules are there, and so is what reads a cluster."""
    assert "--leader-election" in bare.evonas("operator", "--help", folder=folder)
    program = "import evonas.operator.server, evonas.operator.handlers, evonas.operator.control_loop"
    assert bare.run("python", "-c", program, folder=folder).stderr == ""
    cluster(bare, folder)


def optuna(bare: Bare, folder: Path) -> None:
    """Optuna proposes, and its storage is written."""
    manifest = write_manifest(folder, {"type": "Optuna", "sampler": "CMAES", "warmup": 2}, "optuna")
    assert "6 succeeded" in bare.evonas("run", manifest, folder=folder)
    assert "optuna.db" in bare.evonas("export", "runs/optuna", "--optuna", folder=folder)


def plots(bare: Bare, folder: Path) -> None:
    """A run has its picture."""
    manifest = write_manifest(folder, {"type": "Random"})
    assert "journal, plots, best candidate and logs" in bare.evonas("run", manifest, folder=folder)
    assert (folder / "runs" / "light" / "plots.png").read_bytes().startswith(b"\x89PNG")


def mlflow(bare: Bare, folder: Path) -> None:
    """MLflow's client writes to a store, and it is said what one in a database needs beyond it."""
    bare.evonas("run", write_manifest(folder, {"type": "Random"}), folder=folder)
    done = bare.run(
        "evonas", "export", "runs/light", "--mlflow", "stored", folder=folder, MLFLOW_ALLOW_FILE_STORE="true"
    )
    assert done.stdout.startswith("wrote 6 runs"), done.stderr
    said = bare.refused("export", "runs/light", "--mlflow", "sqlite:///mlflow.db", folder=folder)
    assert said == "error: MLflow needs SQLAlchemy for the database sqlite:///mlflow.db: pip install 'mlflow'"


def trial(bare: Bare, folder: Path) -> None:
    """A training program trains."""
    decisions = {"hidden_size": 16, "epochs": 1}
    done = bare.run(
        "python",
        *("-m", "evonas_trial", "mlp"),
        folder=folder,
        EVONAS_DECISIONS=json.dumps(decisions),
        EVONAS_SEED="0",
        EVONAS_REPORT_FILE=str(folder / "report.json"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "report.json").read_text())["reward"] > 0


def ui(bare: Bare, folder: Path) -> None:
    """The page is served, whole, by the command that its documentation shows."""
    bare.evonas("run", write_manifest(folder, {"type": "Random"}), folder=folder)
    (block,) = (block for block in blocks_of(Page(ROOT / "docs" / "ui.md")) if "pip install" in block.text)
    install, command = block.text.splitlines()
    assert install == f"pip install 'evonas[{ui.__name__}]'"
    process = bare.start(*command.split(), "--port", "0", "--no-cluster", folder=folder)
    try:
        assert process.stdout is not None
        address = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+/", line)))

        def listed() -> list[str]:
            with urllib.request.urlopen(f"{address}api/v1/searches", timeout=60) as answer:
                return [search["name"] for search in json.load(answer)["searches"]]

        # It serves before it has looked for the first time.
        assert wait_for("the run", listed) == ["light"]
        with urllib.request.urlopen(address, timeout=60) as answer:
            scripts = re.findall(r'src="/(\S+)"', answer.read().decode())
        for script in scripts:
            with urllib.request.urlopen(f"{address}{script}", timeout=60) as answer:
                assert len(answer.read()) > 10_000
        assert scripts
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(
    "enough", [agents, cluster, mlflow, operator, optuna, plots, trial, ui], ids=lambda it: it.__name__
)
def test_an_extra_alone_is_enough(
    enough: Callable[[Bare, Path], None], distributions: Distributions, tmp_path: Path
) -> None:
    try:
        with skipping():
            bare = Bare.create(tmp_path / "env", distributions.wheel, enough.__name__)
        enough(bare, tmp_path)
    finally:
        # pytest keeps the folders of its last runs, and PyTorch is gigabytes where uv cannot link to its cache.
        shutil.rmtree(tmp_path / "env", ignore_errors=True)


def _kubeconfig(folder: Path) -> str:
    # A port on which nothing listens.
    nowhere = {"server": "http://127.0.0.1:1"}
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "nowhere", "cluster": nowhere}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
        "current-context": "nowhere",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(body))
    return str(folder / "kubeconfig")
