"""What the parser makes of a manifest: the defaults, the typed form, and that it may be read any number of times."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
import yaml

from evonas.errors import InvalidManifest
from evonas.manifest import load_search
from evonas.schema import check_and_default
from evonas.spec import AgentSpec, Budget, ConfigMapKey, Constraint, EarlierSearches, Objective, SearchSpec
from tests.corpus import GOOD, good


def changed(path: str, value: Any, base: str = "minimal.yaml") -> dict[str, Any]:
    patched: dict[str, Any] = jsonpatch.apply_patch(good(base), [{"op": "add", "path": path, "value": value}])
    return patched


def fields(manifest: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidManifest) as refusal:
        SearchSpec.parse(manifest)
    return [problem.field for problem in refusal.value.problems]


def test_defaults_of_the_smallest_search() -> None:
    spec = SearchSpec.parse(good("minimal.yaml"))
    assert spec.objective == Objective(metric=None, minimize=False, target=None, constraints=())
    assert spec.agent == AgentSpec(type="EvoNAS", seed=0, settings={"warmup": 10})
    assert spec.budget == Budget(10, parallel_trials=1, max_failed_trials=10, max_gpu_hours=None, max_seconds=None)
    assert (spec.trial.container, spec.trial.retries) == ("trial", 2)
    assert spec.trial.gpus == 0
    assert (spec.trial.timeout_seconds, spec.trial.start_timeout_seconds) == (86400, 600)
    assert spec.trial.ttl_seconds_after_finished == 600
    assert spec.suspend is False
    assert len(spec.space.decisions[1].values) == 10


def test_every_field_arrives() -> None:
    spec = SearchSpec.parse(good("everything.yaml"))
    constraint = Constraint("latency_ms", target=8, exponent=-0.07)
    assert spec.objective == Objective("accuracy", minimize=False, target=0.96, constraints=(constraint,))
    assert (spec.agent.type, spec.agent.seed) == ("EvoNAS", 7)
    assert spec.agent.settings["evolution"] == {"population": 50, "tournament": 16, "mutationProbability": 0.2}
    assert spec.agent.settings["policy"]["queueSize"] == 5
    assert spec.budget == Budget(300, parallel_trials=8, max_failed_trials=20, max_gpu_hours=120, max_seconds=86400)
    assert (spec.trial.timeout_seconds, spec.trial.start_timeout_seconds) == (7200, 300)
    assert spec.trial.gpus == 1
    assert spec.trial.template["metadata"] == {"labels": {"team": "vision"}}
    assert spec.trial.template["spec"]["containers"][0]["args"] == ["--blocks", "$(EVONAS_D_BLOCKS)"]


def test_gpus_are_summed_over_containers_and_vendors() -> None:
    assert SearchSpec.parse(good("gpus.yaml")).trial.gpus == 3


def test_shares_of_gpus_are_summed_exactly() -> None:
    assert SearchSpec.parse(good("shared-gpus.yaml")).trial.gpus == Fraction(1, 4) + Fraction(6, 7) + Fraction(1, 8)


def test_trial_is_the_named_container() -> None:
    assert SearchSpec.parse(good("containers.yaml")).trial.container == "trial"


def test_ordered_decisions_are_those_with_a_range() -> None:
    spec = SearchSpec.parse(good("everything.yaml"))
    assert [decision.ordered for decision in spec.space.decisions] == [False, False, False, True, True]


def test_earlier_searches_are_named_selected_and_in_files_each_once() -> None:
    assert SearchSpec.parse(good("minimal.yaml")).knowledge is None
    earlier = EarlierSearches(
        ("mnist-cnn", "svhn-cnn"), {"task": "images"}, (ConfigMapKey("earlier-results", "mnist.jsonl"),)
    )
    assert SearchSpec.parse(good("everything.yaml")).knowledge == earlier
    named = changed("/spec/knowledge", {"searches": ["b", "a", "b"]})
    assert SearchSpec.parse(named).knowledge == EarlierSearches(("b", "a"))


def test_suspended_search() -> None:
    assert SearchSpec.parse(good("suspended.yaml")).suspend is True


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
@pytest.mark.parametrize("dump", [json.dumps, yaml.safe_dump], ids=["json", "yaml"])
def test_what_was_written_out_is_read_as_the_same_search(path: Path, dump: Any, tmp_path: Path) -> None:
    manifest = load_search(path)
    copy = tmp_path / "copy.yaml"
    copy.write_text(dump(manifest), encoding="utf-8")
    assert load_search(copy) == manifest
    assert SearchSpec.parse(load_search(copy)) == SearchSpec.parse(manifest)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_defaults_change_nothing_the_second_time(path: Path) -> None:
    manifest = load_search(path)
    before = json.dumps(manifest)
    defaulted, _ = check_and_default(manifest)
    assert json.dumps(manifest) == before
    assert check_and_default(defaulted) == (defaulted, [])
    assert SearchSpec.parse(defaulted) == SearchSpec.parse(manifest)


def test_null_was_refused_where_the_api_server_takes_the_default() -> None:
    # nulls.yaml has defaults in place of its nulls on the API server; these fields have none and are dropped.
    for path in ("/spec/budget/maxSeconds", "/spec/trial/container", "/spec/searchSpace/0/when", "/status"):
        assert SearchSpec.parse(changed(path, None)) == SearchSpec.parse(good("minimal.yaml"))
    assert SearchSpec.parse(changed("/spec/searchSpace/0/range", None)).space.cardinalities[0] == 3


def test_null_in_place_of_a_required_field_is_a_missing_field() -> None:
    with pytest.raises(InvalidManifest, match=r"^spec\.budget\.maxTrials: Required value$"):
        SearchSpec.parse(changed("/spec/budget/maxTrials", None))


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400], ids=["nan", "inf", "1e400"])
@pytest.mark.parametrize(
    "path",
    [
        "/spec/searchSpace/1/range/min",
        "/spec/searchSpace/1/range/max",
        "/spec/objective/target",
        "/spec/objective/constraints/0/target",
        "/spec/objective/constraints/0/exponent",
        "/spec/objective/constraints/0/max",
        "/spec/budget/maxGPUHours",
        "/spec/agent/evolution/mutationProbability",
    ],
)
def test_number_that_json_cannot_hold_was_taken_or_ended_in_a_traceback(path: str, value: float) -> None:
    base = good("everything.yaml")
    if path.startswith("/spec/searchSpace"):
        base = good("minimal.yaml")
    manifest = jsonpatch.apply_patch(base, [{"op": "add", "path": path, "value": value}])
    expected = path[1:].replace("/0/", "[0].").replace("/1/", "[1].").replace("/", ".")
    assert expected in fields(manifest)


def test_name_that_ends_in_a_line_break_was_taken() -> None:
    assert fields(changed("/metadata/name", "minimal\n")) == ["metadata.name"]
    assert fields(changed("/spec/searchSpace/1/name", "rate\n")) == ["spec.searchSpace[1].name"]


def test_seed_beyond_64_bits_was_taken() -> None:
    assert SearchSpec.parse(changed("/spec/agent", {"seed": 2**63 - 1})).agent.seed == 2**63 - 1
    assert fields(changed("/spec/agent", {"seed": 2**63})) == ["spec.agent.seed"]


def test_misspelt_metadata_was_taken() -> None:
    assert fields(changed("/metadata/lables", {"team": "vision"})) == ["metadata.lables"]


def test_problems_of_one_manifest_are_reported_together() -> None:
    manifest = good("minimal.yaml")
    manifest["spec"]["budget"] = {"maxTrials": 0, "maxtrials": 5}
    manifest["spec"]["objective"] = {"goal": "Min"}
    del manifest["spec"]["trial"]
    manifest["metadata"]["name"] = "Upper"
    expected = ["metadata.name", "spec.budget.maxTrials", "spec.budget.maxtrials", "spec.objective.goal", "spec.trial"]
    assert sorted(fields(manifest)) == expected


def test_rules_across_fields_are_reported_together() -> None:
    manifest = good("minimal.yaml")
    manifest["spec"]["budget"]["parallelTrials"] = 11
    manifest["spec"]["trial"]["container"] = "other"
    manifest["spec"]["searchSpace"][0]["values"] = [4, 4]
    assert fields(manifest) == ["spec.budget.parallelTrials", "spec.trial.container", "spec.searchSpace[0].values[1]"]


@pytest.mark.parametrize("manifest", [{}, {"spec": None}, {"metadata": [], "spec": [], "kind": 1, "apiVersion": []}])
def test_hardly_a_manifest(manifest: dict[str, Any]) -> None:
    assert {"apiVersion", "kind", "metadata.name", "spec"} <= set(fields(manifest))


def test_changes_of_immutable_fields_are_not_the_parsers_affair() -> None:
    # Only the API server knows what was there before; the parser takes each version of a search by itself.
    before, after = good("minimal.yaml"), changed("/spec/searchSpace/0/values", [5])
    after["spec"]["searchSpace"][2]["when"]["values"] = [5]
    assert SearchSpec.parse(before).space != SearchSpec.parse(after).space
