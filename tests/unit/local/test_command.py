"""From the container to a command on this machine: expanded as the kubelet does it, refused by the field's name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.errors import InvalidManifest
from evonas.local.processes.command import LocalCommand, expand
from evonas.spec import SearchSpec
from evonas.variables import POD_VARIABLES
from tests.corpus import good

VARIABLES = {"A": "a", "B": "$(A)", "C.D-E": "dotted", "EMPTY": ""}
POD_IDENTITY = [
    {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
    for name, path in POD_VARIABLES.items()
]
CONTAINER = "spec.trial.template.spec.containers[0]"


def command(*containers: dict[str, Any], trial: str | None = None) -> LocalCommand:
    manifest = good("minimal.yaml")
    named = [{"name": "trial", "image": "none", "command": ["true"], **container} for container in containers]
    manifest["spec"]["trial"]["template"]["spec"]["containers"] = named
    if trial is not None:
        manifest["spec"]["trial"]["container"] = trial
    return LocalCommand(SearchSpec.parse(manifest))


def problem_of(*containers: dict[str, Any], trial: str | None = None) -> tuple[str, str]:
    with pytest.raises(InvalidManifest) as refusal:
        command(*containers, trial=trial)
    (problem,) = refusal.value.problems
    return problem.field, problem.problem


@pytest.mark.parametrize(
    ("text", "expected"),
    # Most of these are the kubelet's own cases (k8s.io/kubernetes/third_party/forked/golang/expansion).
    [
        ("$(A)", "a"),
        ("___$(A)___", "___a___"),
        ("$(A)$(C.D-E)", "adotted"),
        ("$(EMPTY)", ""),
        ("$(B)", "$(A)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$a"),
        ("$$$$(A)", "$$(A)"),
        ("foo$$bar", "foo$bar"),
        ("$A", "$A"),
        ("${A}", "${A}"),
        ("$(A", "$(A"),
        ("$(A$$", "$(A$"),
        ("$", "$"),
        ("$$", "$"),
        ("A)", "A)"),
        ("$()", "$()"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$(UNKNOWN)$(A)", "$(UNKNOWN)a"),
        ("$(a b)", "$(a b)"),
    ],
)
def test_references_are_expanded_as_the_kubelet_does_it(text: str, expected: str) -> None:
    assert expand(text, VARIABLES) == expected


def test_reference_inside_a_shells_command_substitution_was_expanded_though_the_kubelet_leaves_it() -> None:
    assert expand("x=$(date $(A))", VARIABLES) == "x=$(date $(A))"


@given(st.text())
def test_escaped_text_comes_out_as_it_was(text: str) -> None:
    assert expand(text.replace("$", "$$"), VARIABLES) == text


@given(st.text().filter(lambda text: "$" not in text))
def test_text_without_a_dollar_is_left_alone(text: str) -> None:
    assert expand(text, VARIABLES) == text


def test_command_and_args_are_one_command_line() -> None:
    container = {"command": ["sh", "-c"], "args": ["echo $(EVONAS_D_BLOCKS) $$(date)"]}
    assert command(container).arguments({"EVONAS_D_BLOCKS": "2"}) == ["sh", "-c", "echo 2 $(date)"]


def test_variables_of_the_container_may_refer_to_earlier_ones_and_to_the_contract() -> None:
    env = [{"name": "ONE", "value": "$(EVONAS_SEED)"}, {"name": "TWO", "value": "$(ONE)$(LATER)"}, {"name": "LATER"}]
    environment = command({"env": env}).environment({"EVONAS_SEED": "7"})
    assert {name: environment[name] for name in ("ONE", "TWO", "LATER")} == {
        "ONE": "7",
        "TWO": "7$(LATER)",
        "LATER": "",
    }


@pytest.mark.parametrize("entry", POD_IDENTITY, ids=lambda entry: str(entry["name"]))
def test_variable_that_holds_just_what_a_pod_is_given_is_left_out_where_there_is_no_pod(entry: dict[str, Any]) -> None:
    assert entry["name"] not in command({"env": [entry]}).environment({})


def test_python_is_the_one_that_runs_the_search() -> None:
    environment = command({}).environment({})
    said = subprocess.run(
        ["python", "-c", "import sys; print(sys.prefix)"], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == sys.prefix


def test_trials_of_a_run_inside_a_pod_do_not_get_its_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAME", "notebook")
    monkeypatch.setenv("OTHER", "kept")
    environment = command({}).environment({})
    assert "POD_NAME" not in environment
    assert environment["OTHER"] == "kept"


@pytest.mark.parametrize("container", [{"command": None}, {"command": []}, {"command": None, "args": ["--fast"]}])
def test_container_without_a_command_is_refused_since_no_image_is_there_to_ask(container: dict[str, Any]) -> None:
    field, problem = problem_of(container)
    assert field == f"{CONTAINER}.command"
    assert problem.startswith("Required value: a local run does not know the image's entry point")


def test_fields_are_named_in_the_container_that_is_the_trial() -> None:
    field, _ = problem_of({"name": "sidecar"}, {"command": None}, trial="trial")
    assert field == "spec.trial.template.spec.containers[1].command"


def test_value_from_the_cluster_is_refused_by_its_field_unless_the_variable_is_set_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}
    monkeypatch.delenv("TOKEN", raising=False)
    field, problem = problem_of({"env": [{"name": "A", "value": "b"}, secret]})
    assert field == f"{CONTAINER}.env[1].valueFrom"
    assert "set the variable outside" in problem
    monkeypatch.setenv("TOKEN", "from here")
    assert command({"env": [secret]}).environment({})["TOKEN"] == "from here"


def test_null_in_place_of_env_or_args_ended_in_a_traceback() -> None:
    assert command({"env": None, "args": None}).arguments({}) == ["true"]
    nulls = [{"name": "A", "value": None, "valueFrom": None}]
    assert command({"env": nulls}).environment({})["A"] == ""


@pytest.mark.parametrize(
    ("container", "field"),
    [
        ({"command": "python train.py"}, "command"),
        ({"args": "--fast"}, "args"),
        ({"command": ["sleep", 5]}, "command[1]"),
        ({"env": {"A": "b"}}, "env"),
        ({"env": [{"value": "b"}]}, "env[0].name"),
        ({"env": ["A=b"]}, "env[0].name"),
        ({"env": [{"name": "A", "value": 5}]}, "env[0].value"),
    ],
)
def test_template_that_the_api_server_refuses_was_run_here_or_ended_in_a_traceback(
    container: dict[str, Any], field: str
) -> None:
    assert problem_of(container)[0] == f"{CONTAINER}.{field}"


def test_working_directory_is_the_containers_where_this_machine_has_it(tmp_path: Path) -> None:
    assert command({"workingDir": str(tmp_path)}).workdir == str(tmp_path)
    assert command({"workingDir": "/no/such/folder"}).workdir == os.fspath(Path.cwd())
    assert command({}).workdir == os.fspath(Path.cwd())


def alone(**container: Any) -> SearchSpec:
    manifest = good("indexed-job.yaml")
    job = manifest["spec"]["trial"]["workload"]["spec"]
    job |= {"completions": 1, "parallelism": 1}
    job["template"]["spec"]["containers"][1] = {"name": "trial", "image": "none", **container}
    return SearchSpec.parse(manifest)


def test_an_indexed_job_of_one_pod_runs_as_a_template_does() -> None:
    local = LocalCommand(alone(command=["train", "$(MODE)"], env=[{"name": "MODE", "value": "fast"}]))
    environment = local.environment({})
    assert (environment["MODE"], environment["JOB_COMPLETION_INDEX"]) == ("fast", "0")
    assert local.arguments(environment) == ["train", "fast"]


def test_a_problem_of_such_a_job_is_named_where_it_is() -> None:
    with pytest.raises(InvalidManifest) as refusal:
        LocalCommand(alone(command=[1]))
    (problem,) = refusal.value.problems
    assert problem.field == "spec.trial.workload.spec.template.spec.containers[1].command[0]"
