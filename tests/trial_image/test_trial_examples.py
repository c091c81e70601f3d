"""Every shipped example: accepted by the product's own parser, and its container runs what the space proposes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evonas.manifest import load_search
from evonas.spec import SearchSpec
from evonas_trial.cnn.feasibility import obstacle
from evonas_trial.cnn.settings import GENERAL, OWN, read
from evonas_trial.data import catalogue
from evonas_trial.training.options import parser
from tests.trial_image.conftest import RunTrial
from tests.trial_image.together import train

EXAMPLES = Path(__file__).parents[2] / "examples"
MANIFESTS = sorted(EXAMPLES.glob("*.yaml"))


def parsed(path: Path) -> SearchSpec:
    return SearchSpec.parse(load_search(path))


@pytest.fixture(params=MANIFESTS, ids=lambda path: path.stem)
def spec(request: pytest.FixtureRequest) -> SearchSpec:
    return parsed(request.param)


# What a random candidate of an example is cut down by, so that it takes seconds here. CIFAR-10 and ImageNet are on no
# machine of ours: all that is done before data is read is done.
SHORTER = {
    "mlp": ["--limit", "300"],
    "fashion-mnist-cnn": ["--limit", "200"],
    "cifar10-cnn": ["--dry-run"],
    "cifar10-front": ["--dry-run"],
    "imagenet-mnasnet": ["--dry-run"],
}


WORKLOADS = [path for path in MANIFESTS if parsed(path).trial.workload is not None]
"""Those whose trials have several pods."""


def candidates(spec: SearchSpec, count: int) -> Iterator[dict[str, Any]]:
    draw = random.Random(0)
    for _ in range(count):
        yield spec.space.to_candidate(spec.space.unrank(draw.randrange(spec.space.size)))


@pytest.mark.parametrize(
    "spec", [path for path in MANIFESTS if path not in WORKLOADS], ids=lambda path: path.stem, indirect=True
)
def test_a_random_candidate_runs(spec: SearchSpec, run_trial: RunTrial, request: pytest.FixtureRequest) -> None:
    if spec.name == "fashion-mnist-cnn":
        request.getfixturevalue("fashion_mnist")
    (candidate,) = candidates(spec, 1)
    container, shorter = spec.trial.containers[0], SHORTER.get(spec.name, [])
    words: list[str] = [*container["command"], *container.get("args", ()), *shorter]
    python, option, module, *arguments = words
    assert (python, option) == ("python", "-m")
    ended = run_trial(module, candidate, *arguments)
    assert (ended.exit_code, ended.errors) == (0, "")
    if "--dry-run" in shorter:
        return
    assert ended.report is not None
    # A network that never spikes says nothing, and is right about nothing.
    assert ended.report["reward"] > 0 or (
        spec.name == "spiking-digits" and "first_spike" not in ended.report["metrics"]
    )
    assert {each.metric for each in spec.objectives if each.metric} <= ended.report["metrics"].keys()


@pytest.mark.parametrize("path", WORKLOADS, ids=lambda path: path.stem)
def test_a_random_candidate_is_trained_by_as_many_processes_as_its_trial_has_pods(
    path: Path, tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    spec = parsed(path)
    assert spec.trial.workload is not None
    container = spec.trial.containers[0]
    assert [*container["command"], *container.get("args", ())][-2:] == ["evonas_trial", "distributed"]
    (candidate,) = candidates(spec, 1)
    first, *others = train(tmp_path, clean_environment, spec.trial.workload.pods, "--epochs", "1", candidate=candidate)
    assert [code for code, _, _ in (first, *others)] == [0] * spec.trial.workload.pods
    assert first[2] is not None
    assert first[2]["reward"] > 0
    assert "accuracy" in first[2]["metrics"]


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


CNN_DATA = {
    "digits-cnn": catalogue.DIGITS,
    "digits-cnn-6": catalogue.DIGITS,
    "digits-front": catalogue.DIGITS,
    "digits-learning": catalogue.DIGITS,
    "fashion-mnist-cnn": catalogue.FASHION_MNIST,
    "cifar10-cnn": catalogue.CIFAR10,
    "cifar10-front": catalogue.CIFAR10,
    "imagenet-mnasnet": catalogue.folder(224, 1000),
}


@pytest.mark.parametrize("name", CNN_DATA)
def test_every_candidate_of_a_cnn_can_be_built(name: str) -> None:
    spec = parsed(EXAMPLES / f"{name}.yaml")
    options = parser("cnn", "", GENERAL, OWN).parse_args(spec.trial.containers[0].get("args", []))
    fixed = {item.name: value for item in (*GENERAL, *OWN) if (value := getattr(options, item.name)) is not None}
    for candidate in candidates(spec, 300):
        assert obstacle(*read(candidate, fixed), CNN_DATA[name].shape) is None


def test_the_space_of_imagenet_is_as_large_as_published() -> None:
    assert parsed(EXAMPLES / "imagenet-mnasnet.yaml").space.size == 324**7


def test_the_four_counting_searches_differ_in_their_agent_only() -> None:
    manifests = [
        load_search(EXAMPLES / f"counting-{agent}.yaml") for agent in ("random", "evolution", "neural", "evonas")
    ]
    agents = [manifest["spec"]["agent"].pop("type") for manifest in manifests]
    assert agents == ["Random", "Evolution", "Neural", "EvoNAS"]
    assert all(manifest["spec"] == manifests[0]["spec"] for manifest in manifests)


def test_the_search_that_learns_selects_the_earlier_one_and_shares_how_to_train() -> None:
    earlier, learning = (parsed(EXAMPLES / f"digits-{name}.yaml") for name in ("earlier", "learning"))
    assert learning.knowledge is not None
    assert dict(learning.knowledge.labels) == load_search(EXAMPLES / "digits-earlier.yaml")["metadata"]["labels"]
    there, here = ({decision.name: decision for decision in spec.space.decisions} for spec in (earlier, learning))
    assert there.keys() & here.keys() == {"activation", "optimizer", "learning_rate", "batch_size"}
    assert all(there[name].values == here[name].values for name in ("optimizer", "learning_rate", "batch_size"))


def test_the_shell_trial_reports_what_the_python_one_does(run_trial: RunTrial) -> None:
    candidate = {"a1": 1, "a2": 2, "a3": 2, "a4": 4, "a5": 5}
    shell, python = run_trial([str(EXAMPLES / "trial.sh")], candidate), run_trial("evonas_trial.counting", candidate)
    assert (shell.exit_code, shell.errors) == (0, "")
    assert shell.report == python.report


def test_the_shell_trial_reaches_at_rungs_what_the_python_one_does(run_trial: RunTrial) -> None:
    candidate, rungs = {"a1": 1, "a2": 2, "a3": 2, "a4": 4, "a5": 5}, {"EVONAS_RUNGS": "1,3"}
    shell = run_trial([str(EXAMPLES / "trial.sh")], candidate, environment=rungs)
    python = run_trial("evonas_trial.counting", candidate, environment=rungs)
    assert (shell.exit_code, shell.errors) == (0, "")
    assert shell.report == python.report
    assert shell.progress is not None
    assert python.progress is not None
    # Each of the script's reports is a process of its own, which knows of no earlier one.
    assert shell.progress["rungs"] == {"3": python.progress["rungs"]["3"]}
    assert {**shell.progress, "rungs": ...} == {**python.progress, "rungs": ...}


@pytest.mark.parametrize("until", ["1", "3"])
def test_the_shell_trial_ends_where_it_is_to_pause_as_the_python_one_does(run_trial: RunTrial, until: str) -> None:
    candidate, contract = {"a1": 1, "a2": 2, "a3": 2, "a4": 4, "a5": 5}, {"EVONAS_RUNGS": "1,3", "EVONAS_UNTIL": until}
    shell = run_trial([str(EXAMPLES / "trial.sh")], candidate, environment=contract)
    python = run_trial("evonas_trial.counting", candidate, environment=contract)
    assert (shell.exit_code, shell.errors) == (0, "")
    assert shell.report is not None
    # It keeps nothing and has nothing to go on from, so it does not say whether it has.
    assert shell.report | {"resumed": 0} == python.report
    assert shell.progress is not None
    assert shell.progress["rungs"].keys() == {until}


def test_the_list_of_examples_is_complete() -> None:
    listed = (EXAMPLES / "README.md").read_text()
    assert all(f"({path.name})" in listed for path in EXAMPLES.iterdir() if path.is_file() and path.name != "README.md")
