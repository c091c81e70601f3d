"""Search spaces for tests of agents: some that are small and awkward, and a strategy for more."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from evonas.space import SearchSpace

CONDITIONAL = SearchSpace.parse(
    [
        {"name": "blocks", "values": [2, 3, 4]},
        {"name": "activation", "values": ["relu", "swish"]},
        {"name": "kernel_4", "values": [3, 5, 7], "when": {"name": "blocks", "values": [4]}},
        {"name": "wide_4", "values": [True, False], "when": {"name": "kernel_4", "values": [5, 7]}},
        {"name": "pool", "values": ["max"]},
        {"name": "slope", "values": [0.1, 0.2], "when": {"name": "activation", "values": ["swish"]}},
    ]
)
"""21 candidates, with a chain of conditions and a decision with one value."""

GRID = SearchSpace.parse([{"name": f"a{k}", "values": [1, 2, 3, 4]} for k in range(1, 5)])
"""256 candidates without conditions."""

ONE_CANDIDATE = SearchSpace.parse([{"name": "only", "values": ["x"]}, {"name": "other", "values": [1]}])


@st.composite
def spaces(draw: st.DrawFn, max_size: int = 10**6) -> SearchSpace:
    """Spaces of up to five decisions, including ones with one value and conditional ones."""
    manifest: list[dict[str, Any]] = []
    for position in range(draw(st.integers(1, 5))):
        numbers = list(range(draw(st.integers(1, 4))))
        values: list[Any] = [f"v{number}" for number in numbers] if draw(st.booleans()) else numbers
        item: dict[str, Any] = {"name": f"d{position}", "values": values}
        if position and draw(st.booleans()):
            earlier = manifest[draw(st.integers(0, position - 1))]
            some = draw(st.lists(st.sampled_from(earlier["values"]), min_size=1, unique=True))
            item["when"] = {"name": earlier["name"], "values": some}
        manifest.append(item)
        if SearchSpace.parse(manifest).size > max_size:
            manifest.pop()
            break
    return SearchSpace.parse(manifest)
