"""Placeholders that nobody replaces are pointed out, and what only looks like one is not."""

from __future__ import annotations

from typing import Any

import pytest

from evonas.search.placeholders import find_placeholders
from evonas.search.status import summarise
from evonas.spec import SearchSpec
from tests.unit.search.support import IDENTITY, NOW, planned, search_body

INSTEAD = "reaches the program as it is, since Kubernetes replaces only $(VARIABLE): write $(EVONAS_D_LEARNING_RATE)"


def spec_with(**container: Any) -> SearchSpec:
    body = search_body(searchSpace=[{"name": "learning_rate", "values": [0.1, 0.2]}])
    body["spec"]["trial"]["template"]["spec"]["containers"][0].update(container)
    return SearchSpec.parse(body)


@pytest.mark.parametrize(
    ("word", "placeholder"),
    [
        ("--lr={learning_rate}", "{learning_rate}"),
        ("{learning_rate}", "{learning_rate}"),
        ("train --lr {learning_rate} --epochs 3", "{learning_rate}"),
        ("--lr=$(learning_rate)", "$(learning_rate)"),
        ("--lr=${trialParameters.learning_rate}", "${trialParameters.learning_rate}"),
        ("--lr=${trialParameters.learningRate}", "${trialParameters.learningRate}"),
    ],
)
def test_placeholder_is_pointed_out_with_what_to_write_instead(word: str, placeholder: str) -> None:
    (found,) = find_placeholders(spec_with(command=["python", "train.py"], args=["--epochs=3", word]))
    assert found.field == "spec.trial.template.spec.containers[0].args[1]"
    known = "trialParameters.learningRate" not in placeholder
    instead = INSTEAD if known else INSTEAD.replace("LEARNING_RATE)", "<NAME>) with the name of a decision")
    assert found.problem == f"{placeholder} {instead}"


@pytest.mark.parametrize(
    "word",
    [
        *("--lr=$(EVONAS_D_LEARNING_RATE)", "--name={other}", "${learning_rate}", "{{learning_rate}}", "{}"),
        "print(f'{learning_rate}')",
        "learning_rate=3\necho {learning_rate}",
    ],
)
def test_what_is_no_placeholder_is_left_alone(word: str) -> None:
    assert find_placeholders(spec_with(command=["sh", "-c", word])) == []


def test_template_that_only_the_api_server_can_judge_has_none() -> None:
    assert find_placeholders(spec_with(command="--lr={learning_rate}", args=[{"lr": "{learning_rate}"}])) == []


def test_search_with_placeholders_runs_and_has_a_condition_that_says_so() -> None:
    def conditions(*args: str) -> dict[str, tuple[str, str]]:
        spec = spec_with(command=["train"], args=[*args])
        said = summarise(
            IDENTITY,
            spec,
            planned(spec=spec),
            {},
            refused=None,
            entropy=None,
            generation=1,
            before={},
            now=NOW,
            versions={},
        )["conditions"]
        return {condition["type"]: (condition["status"], condition["message"]) for condition in said}

    assert "Placeholders" not in conditions("--lr=$(EVONAS_D_LEARNING_RATE)")
    found = conditions("--lr={learning_rate}")
    assert found["Accepted"][0] == "True"
    assert found["Placeholders"] == (
        "True",
        f"spec.trial.template.spec.containers[0].args[0]: {{learning_rate}} {INSTEAD}",
    )
