"""What messages add when a name is misspelt or a word was read as a boolean: wherever an unknown name is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evonas.agents import check_agent
from evonas.errors import EvonasError, InvalidManifest
from evonas.hints import did_you_mean
from evonas.manifest import load_search
from evonas.recorded.enqueuing import read_decisions
from evonas.recorded.pareto import check_reported, parse_axes
from evonas.search.objective import evaluate
from evonas.search.trial_report import Report
from evonas.spec import SearchSpec
from tests.unit.search.support import search_spec, succeeded

SPEC = search_spec(
    searchSpace=[{"name": "blocks", "values": [1, 2]}, {"name": "activation", "values": ["relu", "swish"]}],
    objective={"metric": "accuracy"},
)
AXES = parse_axes(SPEC.objectives, ("reward:max", "latncy:min"))


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("serchSpace", "searchSpace"),
        ("searchspace", "searchSpace"),
        ("max_trials", "maxTrials"),
        ("MAXTRIALS", "maxTrials"),
        ("max-trials", "maxTrials"),
    ],
)
def test_name_that_is_most_alike_is_offered(word: str, meant: str) -> None:
    assert did_you_mean(word, ["budget", "searchSpace", "maxTrials", "maxSeconds"]) == f"; did you mean {meant}?"


@pytest.mark.parametrize("word", ["", "x", "template", 3, None])
def test_nothing_is_offered_where_nothing_is_alike(word: object) -> None:
    assert did_you_mean(word, ["budget", "searchSpace"]) == ""
    assert did_you_mean(word, []) == ""


def spec(**changes: Any) -> None:
    SearchSpec.parse({**MANIFEST, "spec": {**MANIFEST["spec"], **changes}})


CONTAINER = {"name": "trial", "image": "none"}
MANIFEST: dict[str, Any] = {
    "apiVersion": "evonas.dev/v1alpha1",
    "kind": "ArchitectureSearch",
    "metadata": {"name": "search"},
    "spec": {
        "searchSpace": [{"name": "mode", "values": ["on", "auto"]}],
        "budget": {"maxTrials": 2},
        "trial": {"template": {"spec": {"containers": [CONTAINER]}}},
    },
}


def conditional(**when: Any) -> Callable[[], None]:
    return lambda: spec(searchSpace=[*MANIFEST["spec"]["searchSpace"], {"name": "b", "values": [1], "when": when}])


@pytest.mark.parametrize(
    ("refused", "hint"),
    [
        (lambda: spec(budgt={}), "did you mean budget?"),
        (lambda: spec(budget={"max_trials": 2}), "did you mean maxTrials?"),
        (lambda: spec(objective={"goal": "minimise"}), "did you mean Minimize?"),
        (lambda: spec(trial={**MANIFEST["spec"]["trial"], "container": "trail"}), "did you mean trial?"),
        (conditional(name="mod", values=["on"]), "did you mean mode?"),
        (conditional(name="mode", values=["aut"]), "did you mean auto?"),
        (conditional(name="mode", values=[True]), "YAML reads y, yes, on without quotes as true"),
        (lambda: spec(warmStart={"candidates": [{"mde": "on"}]}), "did you mean mode?"),
        (lambda: spec(warmStart={"candidates": [{"mode": True}]}), "YAML reads y, yes, on without quotes as true"),
        (lambda: spec(searchSpace=[{"name": False, "values": [1]}]), "YAML reads n, no, off without quotes as false"),
        (lambda: spec(searchSpace=[{"name": 3, "values": [1]}]), 'write it in quotes: "3"'),
        (lambda: check_agent("evolution", {}), "did you mean Evolution?"),
        (lambda: check_agent("Evolution", {"evolution": {"popluation": 3}}), "did you mean population?"),
        (lambda: check_agent("Neural", {"policy": {"training": "Reinforce"}}), "did you mean REINFORCE?"),
        (lambda: read_decisions(SPEC.space, ["block=1"]), "did you mean blocks?"),
        (lambda: read_decisions(SPEC.space, ["activation=swich"]), "did you mean swish?"),
        (lambda: check_reported([succeeded(0, 1, metrics={"latency": 1})], AXES), "did you mean latency?"),
    ],
)
def test_refusal_of_a_name_or_value_says_what_was_probably_meant(refused: Callable[[], object], hint: str) -> None:
    with pytest.raises((InvalidManifest, EvonasError)) as refusal:
        refused()
    assert hint in str(refusal.value)


def test_trial_that_misspells_a_metric_is_told_the_name() -> None:
    found = evaluate(SPEC.objectives, Report(metrics={"acuracy": 0.5}))
    assert (found.reason, "did you mean acuracy?" in found.message) == ("MetricMissing", True)


def test_values_that_yaml_reads_as_one_boolean_are_refused_with_the_words_that_are_read_so() -> None:
    with pytest.raises(InvalidManifest) as refusal:
        spec(searchSpace=[{"name": "mode", "values": [True, False, False]}])
    (problem,) = refusal.value.problems
    assert problem.field == "spec.searchSpace[0].values[2]"
    assert problem.problem == (
        "Duplicate value: false; list each value once; "
        "YAML reads n, no, off without quotes as false: quote what is meant as a word"
    )


def test_words_among_the_values_that_are_read_as_booleans_are_noted_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "search.yaml"
    file.write_text(
        "kind: ArchitectureSearch\n"
        "spec:\n"
        "  suspend: no\n"
        "  searchSpace:\n"
        '    - {name: a, values: &all [on, true, "off", No]}\n'
        "    - {name: b, values: *all}\n"
        "    - name: c\n"
        "      when: {name: a, values: [y]}\n"
    )
    notes: list[str] = []
    load_search(file, notes.append)
    assert notes == [
        "YAML reads on (line 5) as true, No (line 5) as false, y (line 8) as true: quote what is meant as a word"
    ]
    for text in ("kind: ArchitectureSearch\nspec: {suspend: yes}\n", '{"kind": "ArchitectureSearch", "spec": [true]}'):
        file.write_text(text)
        load_search(file, notes.append)
    assert len(notes) == 1
