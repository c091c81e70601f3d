"""What a run's manifest may not change, since its record follows from it: said with what differs, and what keeps the
results. Pure; asked by ``journal`` when a run is taken up again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evonas.errors import FieldProblem, InvalidManifest
from evonas.recorded.search import Phase, RecordedSearch
from evonas.recorded.warm_start import UnusableSource, choose_results
from evonas.schema import check_and_default
from evonas.search.trial import Trial
from evonas.spec import SearchSpec
from evonas.wording import counted, first_of

_IMMUTABLE = ("searchSpace", "objective", "objectives", "agent", "fidelity")
_MOST = 2
"""How many differences of a field are told."""
_LONGEST = 60
"""How much of a value is told."""


def check_unchanged(
    recorded: Mapping[str, Any], manifest: Mapping[str, Any], trials: Sequence[Trial], folder: Path, *, begun: bool
) -> None:
    """Raise an InvalidManifest if the run in ``folder`` cannot go on with the manifest; one that has ``begun`` has
    learned from what ``spec.knowledge`` names.
    """
    before, after = check_and_default(recorded)[0]["spec"], check_and_default(manifest)[0]["spec"]
    fields = (*_IMMUTABLE, *(["knowledge"] if begun else []))
    differences = {name: [*_differences(before.get(name), after.get(name))] for name in fields}
    kept = _what_keeps_results(recorded, manifest, trials, folder) if any(differences.values()) else ""
    problems = [
        FieldProblem(
            f"spec.{name}",
            f"is immutable, and {first_of(found, _MOST)}; rename the search{kept}, or delete {folder} to start afresh",
        )
        for name, found in differences.items()
        if found
    ]
    if after["budget"]["maxTrials"] < before["budget"]["maxTrials"]:
        problems.append(
            FieldProblem("spec.budget.maxTrials", f"may only grow ({before['budget']['maxTrials']} before)")
        )
    if problems:
        raise InvalidManifest(problems)


def _differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Yield what differs; lists of objects are compared item by item."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            yield from _differences(before.get(name), after.get(name), f"{place}.{name}" if place else name)
    elif _is_list_of_objects(before) and _is_list_of_objects(after) and len(before) == len(after):
        for number, pair in enumerate(zip(before, after, strict=True)):
            yield from _differences(*pair, f"{place}[{number}]")
    elif before != after:
        yield f"{place or 'it'} was {_said(before)} and is now {_said(after)}"


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)


def _said(value: Any) -> str:
    if value is None:
        return "not set"
    if _is_list_of_objects(value):
        return f"a list of {len(value)}"
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def _what_keeps_results(
    recorded: Mapping[str, Any], manifest: Mapping[str, Any], trials: Sequence[Trial], folder: Path
) -> str:
    """Say how another search begins with the run's results; nothing if none fits the manifest."""
    record = RecordedSearch(str(folder), recorded, tuple(trials), Phase.COMPLETE)
    try:
        count = len(choose_results(SearchSpec.parse(manifest), [record]).results)
    except UnusableSource:
        return ""
    return f" (with spec.warmStart.search: {folder.name} it begins with {counted(count, 'result')} of this one)"
