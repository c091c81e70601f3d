"""Every shipped example: accepted by the product's own parser, and its container runs what the space proposes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from evonas.manifest import load_search
from evonas.spec import SearchSpec
from evonas_trial.cnn.feasibility import obstacle
from evonas_trial.cnn.settings import Settings
from tests.trial_image.conftest import RunTrial

EXAMPLES = Path(__file__).parents[2] / "examples"
MANIFESTS = sorted(EXAMPLES.glob("*.yaml"))


def parsed(path: Path) -> SearchSpec:
    return SearchSpec.parse(load_search(path))


@pytest.fixture(params=MANIFESTS, ids=lambda path: path.stem)
def spec(request: pytest.FixtureRequest) -> SearchSpec:
    return parsed(request.param)


def test_a_random_candidate_runs(spec: SearchSpec, run_trial: RunTrial) -> None:
    candidate = spec.space.to_candidate(spec.space.unrank(random.Random(0).randrange(spec.space.size)))
    container = spec.trial.containers[0]
    ended = run_trial([*container["command"], *container.get("args", ())], candidate)
    assert (ended.exit_code, ended.errors) == (0, "")
    assert ended.report is not None
    assert ended.report["reward"] > 0
    if spec.objective.metric:
        assert spec.objective.metric in ended.report["metrics"]


def test_the_pod_is_fit_for_a_restricted_namespace(spec: SearchSpec) -> None:
    pod = spec.trial.template["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(container["resources"]["requests"]) & set(container["resources"]["limits"])


@pytest.mark.parametrize("name", ["digits-cnn", "digits-cnn-6"])
def test_every_candidate_of_the_digits_can_be_built(name: str) -> None:
    spec = parsed(EXAMPLES / f"{name}.yaml")
    assert spec.trial.gpus == 1
    draw = random.Random(0)
    for _ in range(500):
        candidate = spec.space.to_candidate(spec.space.unrank(draw.randrange(spec.space.size)))
        assert obstacle(Settings.read(candidate, {})) is None


def test_the_four_counting_searches_differ_in_their_agent_only() -> None:
    manifests = [
        load_search(EXAMPLES / f"counting-{agent}.yaml") for agent in ("random", "evolution", "neural", "evonas")
    ]
    agents = [manifest["spec"]["agent"].pop("type") for manifest in manifests]
    assert agents == ["Random", "Evolution", "Neural", "EvoNAS"]
    assert all(manifest["spec"] == manifests[0]["spec"] for manifest in manifests)


def test_the_shell_trial_reports_what_the_python_one_does(run_trial: RunTrial) -> None:
    candidate = {"a1": 1, "a2": 2, "a3": 2, "a4": 4, "a5": 5}
    shell, python = run_trial([str(EXAMPLES / "trial.sh")], candidate), run_trial("evonas_trial.counting", candidate)
    assert (shell.exit_code, shell.errors) == (0, "")
    assert shell.report == python.report


def test_the_list_of_examples_is_complete() -> None:
    listed = (EXAMPLES / "README.md").read_text()
    assert all(f"({path.name})" in listed for path in EXAMPLES.iterdir() if path.is_file() and path.name != "README.md")
