"""`pip install evonas`: small, without PyTorch, kopf and Kubernetes' client, and enough for a search of one's own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.fixtures import skipping
from tests.packaging.conftest import Distributions
from tests.packaging.environments import Bare, pythons, write_manifest

MAX_BYTES = 150_000_000
EXTRAS = (
    "aiohttp",
    "fastapi",
    "kopf",
    "kubernetes",
    "matplotlib",
    "mlflow",
    "optuna",
    "prometheus_client",
    "scipy",
    "torch",
)
"""Packages that only extras bring."""


@pytest.fixture(scope="module", params=[pytest.param(python, id=version) for version, python in pythons().items()])
def light(
    request: pytest.FixtureRequest, bare: Bare, distributions: Distributions, tmp_path_factory: pytest.TempPathFactory
) -> Bare:
    """The package without any extra, on each Python."""
    if request.param == sys.executable:
        return bare
    with skipping():
        folder = tmp_path_factory.mktemp("light") / "env"
        return Bare.create(folder, distributions.wheel, python=request.param)


def test_it_is_small_and_brings_nothing_that_only_an_extra_needs(light: Bare, tmp_path: Path) -> None:
    assert light.size < MAX_BYTES
    program = "import sys, importlib.util as u; print([name for name in sys.argv[1:] if u.find_spec(name)])"
    assert light.run("python", "-c", program, *EXTRAS, folder=tmp_path).stdout == "[]\n"
    assert light.evonas("--version", folder=tmp_path).startswith("evonas, version ")


def test_a_search_runs_and_every_tool_reads_it(light: Bare, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, {"type": "Evolution", "seed": 1, "warmup": 2})
    assert light.evonas("plan", manifest, "--no-cluster", folder=tmp_path).count("trial ") >= 3
    ran = light.evonas("run", manifest, folder=tmp_path)
    assert "6 succeeded" in ran
    assert "no plots.png: a picture of the curves needs packages that are not installed here: pip install" in ran
    assert (tmp_path / "runs" / "light" / "best.json").exists()
    run = "runs/light"
    for words in (
        ("get",),
        ("get", run),
        ("watch", run),
        ("logs", run, "0"),
        ("best", run),
        ("best", run, "-o", "env"),
        ("explain", run, "5"),
        ("replay", run),
        ("report", run),
        ("export", run),
        ("replay", "light.jsonl"),
        ("pin", run, "0"),
    ):
        light.evonas(*words, folder=tmp_path)
    assert "<svg" in (tmp_path / "report.html").read_text()


def test_an_agent_that_learns_is_one_line_with_its_cure(bare: Bare, tmp_path: Path) -> None:
    for agent in ("EvoNAS", "Neural"):
        manifest = write_manifest(tmp_path, {"type": agent})
        assert bare.refused("run", manifest, folder=tmp_path) == (
            f"error: spec.agent.type: {agent} learns with PyTorch, which is not installed here:"
            " pip install 'evonas[agents]', or choose Evolution or Random"
        )
    # The search itself is sound: where it will run, there may be more.
    assert "the first candidates are not shown" in bare.evonas("plan", manifest, "--no-cluster", folder=tmp_path)
    manifest = write_manifest(tmp_path, {"type": "EvoNAS", "critic": {"model": "None"}, "policy": {"training": "None"}})
    assert "6 succeeded" in bare.evonas("run", manifest, folder=tmp_path)


def test_a_training_program_is_one_line_with_its_cure(bare: Bare, tmp_path: Path) -> None:
    variables = {"EVONAS_DECISIONS": "{}", "EVONAS_SEED": "0", "EVONAS_REPORT_FILE": str(tmp_path / "report.json")}
    for words in (("cnn",), ("mlp",), ("spiking", "--problem", "xor")):
        done = bare.run("python", "-m", "evonas_trial", *words, folder=tmp_path, **variables)
        line = "evonas: a training needs PyTorch, which is not installed here: pip install 'evonas[trial]'\n"
        assert (done.returncode, done.stderr) == (1, line)


def test_what_any_other_extra_brings_is_one_line_with_its_cure(bare: Bare, tmp_path: Path) -> None:
    bare.evonas("run", write_manifest(tmp_path, {"type": "Random"}), folder=tmp_path)
    optuna = write_manifest(tmp_path, {"type": "Optuna"}, "optuna")
    gp = write_manifest(tmp_path, {"type": "Optuna", "sampler": "GP"}, "gp")
    for extra, words in (
        ("cluster", ("get", "-A")),
        ("cluster", ("doctor",)),
        ("cluster", ("best", "nas/there")),
        ("mlflow", ("export", "runs/light", "--mlflow", "sqlite:///mlflow.db")),
        ("operator", ("operator",)),
        ("optuna", ("export", "runs/light", "--optuna")),
        ("optuna", ("run", optuna)),
        ("agents,optuna", ("run", gp)),
        ("plots", ("report", "runs/light", "--to", "plots.png")),
        ("ui", ("ui",)),
    ):
        assert f"pip install 'evonas[{extra}]'" in bare.refused(*words, folder=tmp_path)
