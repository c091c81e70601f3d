"""Properties of the search space: what it enumerates, how it names candidates, where the values of ranges lie."""

from __future__ import annotations

import math
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.errors import InvalidManifest
from evonas.space import INACTIVE, Choices, SearchSpace, identity, variable_name

Manifest = list[dict[str, Any]]

SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3),
)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Up to six decisions of up to three values; conditions on any earlier decision, at any depth."""
    manifest: Manifest = []
    for position in range(draw(st.integers(1, 6))):
        values = draw(st.lists(SCALARS, min_size=1, max_size=3, unique_by=identity))
        item: dict[str, Any] = {"name": f"d{position}", "values": values}
        if position and draw(st.booleans()):
            parent = manifest[draw(st.integers(0, position - 1))]
            under = draw(st.lists(st.sampled_from(parent["values"]), min_size=1, unique_by=identity))
            item["when"] = {"name": parent["name"], "values": under}
        manifest.append(item)
    return manifest


def enumerated(manifest: Manifest) -> set[Choices]:
    """Every candidate by trying all combinations, from the manifest alone: what the space must agree with."""
    found: set[Choices] = set()
    for combination in product(*(range(len(item["values"])) for item in manifest)):
        chosen: dict[str, Any] = {}
        choices = []
        for item, choice in zip(manifest, combination, strict=True):
            when = item.get("when")
            exists = when is None or (
                when["name"] in chosen
                and identity(chosen[when["name"]]) in {identity(value) for value in when["values"]}
            )
            choices.append(choice if exists else INACTIVE)
            if exists:
                chosen[item["name"]] = item["values"][choice]
        found.add(tuple(choices))
    return found


@given(manifests())
def test_unrank_is_a_bijection_onto_the_candidates(manifest: Manifest) -> None:
    space = SearchSpace.parse(manifest)
    ranked = [space.unrank(rank) for rank in range(space.size)]
    assert len(set(ranked)) == len(ranked)
    assert set(ranked) == enumerated(manifest)


@given(manifests(), st.integers(1))
def test_rank_beyond_the_size_is_refused(manifest: Manifest, beyond: int) -> None:
    space = SearchSpace.parse(manifest)
    for rank in (-beyond, space.size - 1 + beyond):
        with pytest.raises(IndexError):
            space.unrank(rank)


@given(manifests(), st.data())
def test_candidate_and_choices_name_the_same(manifest: Manifest, data: st.DataObject) -> None:
    space = SearchSpace.parse(manifest)
    choices = space.unrank(data.draw(st.integers(0, space.size - 1)))
    candidate = space.to_candidate(choices)
    assert space.to_choices(candidate) == choices
    assert list(candidate) == [d.name for d, choice in zip(space.decisions, choices, strict=True) if choice != INACTIVE]


@given(manifests(), st.data())
def test_whatever_is_no_candidate_is_refused(manifest: Manifest, data: st.DataObject) -> None:
    space = SearchSpace.parse(manifest)
    candidate: dict[str, Any] = space.to_candidate(space.unrank(data.draw(st.integers(0, space.size - 1))))
    name = data.draw(st.sampled_from(sorted(candidate)))
    without = {other: value for other, value in candidate.items() if other != name}
    inactive = {item["name"]: item["values"][0] for item in manifest if item["name"] not in candidate}
    spoilt = [without, {**candidate, name: "no such value"}, {**candidate, "unknown": 1}]
    for broken in [*spoilt, *({**candidate, other: value} for other, value in inactive.items())]:
        with pytest.raises(ValueError, match=r"decision"):
            space.to_choices(broken)


def test_size_of_a_space_too_large_to_enumerate_is_exact() -> None:
    manifest: Manifest = [{"name": "deep", "values": ["no", "yes"]}]
    manifest += [
        {"name": f"d{k}", "values": list(range(256)), "when": {"name": "deep", "values": ["yes"]}} for k in range(127)
    ]
    space = SearchSpace.parse(manifest)
    assert space.size == 1 + 256**127
    assert space.unrank(0) == (0, *[INACTIVE] * 127)
    assert space.unrank(space.size - 1) == (1, *[255] * 127)


def test_values_that_differ_in_type_only_are_told_apart() -> None:
    values = [1, "1", True, "true", 1.5, "1.5", 0, False, ""]
    space = SearchSpace.parse([{"name": "mixed", "values": values}])
    assert space.decisions[0].values == tuple(values)
    assert [space.to_choices({"mixed": value}) for value in values] == [(index,) for index in range(len(values))]


def test_whole_float_is_the_integer_that_the_api_server_makes_of_it() -> None:
    space = SearchSpace.parse([{"name": "width", "values": [8.0, 16]}])
    assert [(value, type(value)) for value in space.decisions[0].values] == [(8, int), (16, int)]
    assert space.to_choices({"width": 16.0}) == (1,)


@st.composite
def ranges(draw: st.DrawFn) -> dict[str, Any]:
    """Ranges anywhere among the doubles, half of them narrow."""
    scale, integer = draw(st.sampled_from(["linear", "log"])), draw(st.booleans())
    smallest = 1 if scale == "log" else -(2**1023)
    ends: st.SearchStrategy[float] = st.integers(smallest, 2**1023)
    if not integer:
        smallest_float = 5e-324 if scale == "log" else -1.7e308
        ends |= st.floats(smallest_float, 1.7e308, allow_subnormal=True)
    low, high = sorted((draw(ends), draw(ends)))
    if draw(st.booleans()):
        high = low + abs(low) * draw(st.floats(1e-12, 1e-3))
    if integer:
        high = max(int(high), low + 1)
    elif high <= low:
        high = math.nextafter(low, math.inf)
    return {"min": low, "max": high, "scale": scale, "integer": integer, "steps": draw(st.integers(2, 256))}


def values_of(bounds: dict[str, Any]) -> tuple[Any, ...]:
    return SearchSpace.parse([{"name": "x", "range": bounds}]).decisions[0].values


@given(ranges())
def test_values_of_a_range_are_distinct_sorted_and_within_it(bounds: dict[str, Any]) -> None:
    values = values_of(bounds)
    assert values[0] == bounds["min"]
    assert values[-1] == bounds["max"]
    assert all(one < other for one, other in pairwise(values))
    assert 2 <= len(values) <= bounds["steps"]
    if bounds["integer"]:
        assert all(isinstance(value, int) for value in values)


@given(st.floats(-1e6, 1e6), st.floats(1, 1e6), st.integers(2, 256))
def test_linear_range_has_equal_differences(low: float, width: float, steps: int) -> None:
    values = values_of({"min": low, "max": low + width, "steps": steps})
    assert len(values) == steps
    expected = [low + width * step / (steps - 1) for step in range(steps)]
    assert values == pytest.approx(expected, rel=1e-9, abs=1e-9 * width)


@given(st.floats(1e-9, 1e6), st.floats(1.1, 1e6), st.integers(2, 256))
def test_log_range_has_equal_ratios(low: float, ratio: float, steps: int) -> None:
    values = values_of({"min": low, "max": low * ratio, "steps": steps, "scale": "log"})
    assert len(values) == steps
    assert values == pytest.approx([low * ratio ** (step / (steps - 1)) for step in range(steps)], rel=1e-9)


@pytest.mark.parametrize(
    ("bounds", "values"),
    [
        ({"min": 0, "max": 1, "steps": 5}, (0, 0.25, 0.5, 0.75, 1)),
        ({"min": 1e-5, "max": 0.1, "scale": "log", "steps": 5}, (1e-5, 0.0001, 0.001, 0.01, 0.1)),
        ({"min": 1, "max": 1024, "scale": "log", "integer": True, "steps": 11}, tuple(2**k for k in range(11))),
        ({"min": 1, "max": 3, "integer": True, "steps": 256}, (1, 2, 3)),
        ({"min": 5, "max": 20, "integer": True, "steps": 4}, (5, 10, 15, 20)),
        ({"min": 0, "max": 0.3, "steps": 4}, (0, 0.1, 0.2, 0.3)),
    ],
)
def test_range_is_cut_as_a_person_would(bounds: dict[str, Any], values: tuple[Any, ...]) -> None:
    assert values_of(bounds) == values


def test_points_of_a_narrow_range_were_rounded_out_of_it() -> None:
    values = values_of({"min": 0.123456789012, "max": 0.123456789018, "steps": 3})
    assert values == (0.123456789012, 0.123456789015, 0.123456789018)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_points_of_a_range_as_wide_as_doubles_were_infinite(scale: str) -> None:
    low = 5e-324 if scale == "log" else -1.7e308
    assert all(map(math.isfinite, values_of({"min": low, "max": 1.7e308, "scale": scale})))


@pytest.mark.parametrize("value", [10**400, math.inf, -math.inf, math.nan], ids=["1e400", "inf", "-inf", "nan"])
def test_value_that_is_no_double_is_refused(value: float) -> None:
    with pytest.raises(InvalidManifest, match=r"spec\.searchSpace\[0\]\.values\[1\]"):
        SearchSpace.parse([{"name": "x", "values": [1, value]}])


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True))
def test_every_name_gives_a_name_of_a_variable(name: str) -> None:
    assert variable_name(name) == f"EVONAS_D_{name.upper()}"


def test_all_problems_are_found_at_once() -> None:
    with pytest.raises(InvalidManifest) as refusal:
        SearchSpace.parse(
            [
                {"name": "a", "values": [1, 1]},
                {"name": "A", "range": {"min": 2, "max": 1}},
                {"name": "b", "values": [1], "when": {"name": "c", "values": [1]}},
            ],
            field="here",
        )
    fields = [problem.field for problem in refusal.value.problems]
    assert fields == ["here[0].values[1]", "here[1].range.min", "here[1].name", "here[2].when.name"]
