"""What both CRDs promise: every field described, small enough for every way of installing, bounds that CEL needs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Any, get_args

import pytest

from evonas.agents.interface import Origin
from evonas.recorded.knowledge import MAX_TASKS
from evonas.recorded.warm_start import MAX_RESULTS
from evonas.schema import load_crds
from evonas.search.confirmation import ORIGIN
from evonas.search.names import MAX_INDEX
from evonas.search.trial import IMPORTED, LISTED, TrialState

CRDS = {crd["spec"]["names"]["kind"]: crd for crd in load_crds()}
KINDS = ("ArchitectureSearch", "ArchitectureTrial")
SCHEMAS = {kind: CRDS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for kind in KINDS}

Schema = dict[str, Any]


def properties(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    for name, item in schema.get("properties", {}).items():
        # Kubernetes describes metadata itself and refuses a CRD's description of it.
        if (path, name) != ("", "metadata"):
            yield f"{path}.{name}", item
            yield from properties(item, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from properties(schema["items"], f"{path}[]")


def test_both_kinds_ship_with_the_package() -> None:
    assert sorted(CRDS) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_property_is_described(kind: str) -> None:
    found = dict(properties(SCHEMAS[kind]))
    assert len(found) > 20
    assert [path for path, schema in found.items() if len(schema.get("description", "")) < 5] == []


@pytest.mark.parametrize(
    "kind",
    [
        "ArchitectureSearch",
        "ArchitectureTrial",
    ],
)
def test_description_is_a_sentence(kind: str) -> None:
    assert [path for path, schema in properties(SCHEMAS[kind]) if not schema["description"].endswith(".")] == []


@pytest.mark.parametrize("kind", KINDS)
def test_spec_is_bounded(kind: str) -> None:
    spec = SCHEMAS[kind]["properties"]["spec"]
    unbounded = [
        path
        for path, schema in properties(spec, "spec")
        if (schema.get("type") == "array" and "maxItems" not in schema)
        or (schema.get("type") == "string" and not {"maxLength", "enum"} & schema.keys())
        or (schema.get("type") == "integer" and "minimum" not in schema)
    ]
    assert unbounded == []


@pytest.mark.parametrize("file", ["evonas.dev_architecturesearches.yaml", "evonas.dev_architecturetrials.yaml"])
def test_file_fits_the_annotation_of_kubectl_apply(file: str) -> None:
    # kubectl's client-side apply keeps the whole object in an annotation; all annotations together hold 256 KiB.
    assert len((resources.files("evonas") / "crds" / file).read_bytes()) < 256 * 1024


def test_trial_may_have_every_origin_and_state_that_the_code_writes() -> None:
    # Optuna's trials were refused by the API server: their origin was missing here.
    trial = SCHEMAS["ArchitectureTrial"]["properties"]
    assert trial["spec"]["properties"]["proposal"]["properties"]["origin"]["enum"] == [
        *get_args(Origin),
        ORIGIN,
        LISTED,
        IMPORTED,
    ]
    recorded = [state.value for state in TrialState if state is not TrialState.PENDING]
    assert trial["status"]["properties"]["state"]["enum"] == recorded


def test_there_is_an_index_for_every_trial_that_a_search_may_have() -> None:
    spec = SCHEMAS["ArchitectureSearch"]["properties"]["spec"]["properties"]
    trials = spec["budget"]["properties"]["maxTrials"]["maximum"]
    confirm = spec["confirm"]["properties"]
    confirmations = confirm["top"]["maximum"] * confirm["repeats"]["maximum"]
    # The last one is nobody's: the dry run of the first Job has its name.
    assert trials + MAX_RESULTS + confirmations < MAX_INDEX
    index = SCHEMAS["ArchitectureTrial"]["properties"]["spec"]["properties"]["index"]
    assert index["maximum"] == MAX_INDEX


def test_as_many_earlier_searches_may_be_named_and_are_listed_as_are_used() -> None:
    search = SCHEMAS["ArchitectureSearch"]["properties"]
    named = search["spec"]["properties"]["knowledge"]["properties"]
    listed = search["status"]["properties"]["knowledge"]["properties"]["tasks"]
    bounds = [field["maxItems"] for field in (named["searches"], named["configMaps"], listed)]
    assert bounds == [MAX_TASKS] * 3
