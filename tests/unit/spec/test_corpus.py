"""The parser against the corpus, and the corpus against the CRD: some manifest breaks each rule of the schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from evonas.agents import check_agent
from evonas.errors import InvalidManifest
from evonas.manifest import load_search
from evonas.schema import load_crds
from evonas.search.trial_environment import check_template
from evonas.spec import SearchSpec
from tests.corpus import BAD, GOOD, Bad, good

LOCAL = [entry for entry in BAD if "local" in entry.refused_by]

RULES = {
    *("type", "enum", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "required", "oneOf"),
    *("minLength", "maxLength", "pattern", "minItems", "maxItems", "minProperties"),
    *("maxProperties", "additionalProperties"),
}
"""The keywords of a schema that refuse something."""


def accept(manifest: dict[str, Any]) -> SearchSpec:
    """Judge a manifest as the local run and the operator do."""
    spec = SearchSpec.parse(manifest)
    check_agent(spec.agent.type, spec.agent.settings, len(spec.objectives))
    check_template(spec.trial)
    return spec


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_manifest_is_taken(path: Path) -> None:
    manifest = load_search(path)
    spec = accept(manifest)
    assert spec.name == manifest["metadata"]["name"]
    assert [decision.name for decision in spec.space.decisions] == [d["name"] for d in manifest["spec"]["searchSpace"]]
    assert spec.space.size >= 1


@pytest.mark.parametrize("entry", LOCAL, ids=str)
def test_bad_manifest_is_refused_at_its_field(entry: Bad) -> None:
    with pytest.raises(InvalidManifest) as refusal:
        accept(entry.manifest())
    assert entry.field in [problem.field for problem in refusal.value.problems], str(refusal.value)


@pytest.mark.parametrize("entry", [entry for entry in BAD if "local" not in entry.refused_by], ids=str)
def test_manifest_that_only_the_server_refuses_is_taken_here(entry: Bad) -> None:
    accept(entry.manifest())


def test_names_of_bad_manifests_are_unique() -> None:
    assert [name for name, count in Counter(entry.name for entry in BAD).items() if count > 1] == []


def test_whatever_was_read_from_the_api_server_is_parsed_too() -> None:
    manifest = good("minimal.yaml")
    manifest["metadata"] |= {"uid": "u", "resourceVersion": "1", "generation": 2, "managedFields": [{"manager": "m"}]}
    manifest["status"] = {"observedGeneration": 1, "trials": {"succeeded": 3}, "best": {"decisions": {"blocks": 2}}}
    assert SearchSpec.parse(manifest) == SearchSpec.parse(good("minimal.yaml"))


def test_every_rule_of_the_schema_is_broken_by_some_manifest() -> None:
    crd = next(crd for crd in load_crds() if crd["spec"]["names"]["kind"] == "ArchitectureSearch")
    spec = _closed(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"])
    broken = {rule for entry in BAD for rule in _broken(spec, entry.manifest().get("spec", {}))}
    missing = sorted(set(_rules(spec)) - broken)
    assert missing == [], "add an entry to tests/corpus/bad.yaml for each"


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with unknown fields refused where it lists the known ones."""
    closed = dict(schema)
    if "properties" in schema:
        closed["properties"] = {name: _closed(item) for name, item in schema["properties"].items()}
        if "x-kubernetes-preserve-unknown-fields" not in schema:
            closed["additionalProperties"] = False
    if "items" in schema:
        closed["items"] = _closed(schema["items"])
    return closed


def _rules(schema: dict[str, Any], path: str = "spec") -> Iterator[str]:
    """Every rule of a schema, as ``path/keyword`` (``path/required/name`` for each required field)."""
    for keyword in RULES & schema.keys():
        if isinstance(schema[keyword], dict):
            yield from _rules(schema[keyword], f"{path}.*")
        elif keyword == "required":
            yield from (f"{path}/required/{name}" for name in schema["required"])
        elif f"exclusive{keyword.capitalize()}" not in schema:
            yield f"{path}/{keyword}"
    for name, item in schema.get("properties", {}).items():
        yield from _rules(item, f"{path}.{name}")
    if "items" in schema:
        yield from _rules(schema["items"], f"{path}[]")


def _open_maps(schema: dict[str, Any], path: str = "spec") -> Iterator[str]:
    """Every map whose keys the user chooses."""
    if isinstance(schema.get("additionalProperties"), dict):
        yield path
    for name, item in schema.get("properties", {}).items():
        yield from _open_maps(item, f"{path}.{name}")


def _broken(schema: dict[str, Any], value: Any) -> Iterator[str]:
    formats = jsonschema.FormatChecker(formats=())
    formats.checks("int64")(lambda number: not isinstance(number, int) or abs(number) < 2**63)
    open_maps = set(_open_maps(schema))
    for error in jsonschema.Draft4Validator(schema, format_checker=formats).iter_errors(value):
        path = "spec"
        for part in error.absolute_path:
            path += "[]" if isinstance(part, int) else ".*" if path in open_maps else f".{part}"
        keyword = str(error.validator)
        if keyword == "required":
            yield from (f"{path}/required/{name}" for name in error.validator_value if name not in error.instance)
            continue
        exclusive = f"exclusive{keyword.capitalize()}"
        on_the_bound = error.instance == error.validator_value
        yield f"{path}/{exclusive if on_the_bound and exclusive in error.schema else keyword}"
