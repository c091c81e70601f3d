"""What people say of single trials: in a cluster annotations of the search, on this machine lines of a file. Pure.

A veto ends a trial that has no result yet as infeasible. To the agent that is a result as any other, with its place in
the sequence, so a search with vetoes is replayed like one without. A result that is there already stays.

A pin keeps a trial's result in the agent's population however old it is. Whose pin made a difference to a proposal, the
proposal records, so that it is derived alike whatever is pinned later.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from evonas.agents import may_have_population
from evonas.search.names import PIN_ANNOTATION, VETO_ANNOTATION

Vetoes = Mapping[int, str]
"""Why, by the trial's index; the reason may be empty."""

NONE: Vetoes = {}

MAX_PINNED = 16
"""How many trials may be pinned at once: each proposal may have to name them all."""

MARK_ANNOTATIONS = (VETO_ANNOTATION, PIN_ANNOTATION)

_INDEX = re.compile(r"0|[1-9][0-9]{0,4}")


def read_vetoes(annotations: Mapping[str, str]) -> Vetoes:
    """Return the vetoes among a search's annotations."""
    return {index: annotations[f"{VETO_ANNOTATION}{index}"] for index in _marked(annotations, VETO_ANNOTATION)}


def read_pins(annotations: Mapping[str, str]) -> list[int]:
    """Return the trials that a search's annotations pin, in order; of more than MAX_PINNED the first count."""
    return sorted(_marked(annotations, PIN_ANNOTATION))


def find_mistakes(annotations: Mapping[str, str], agent: str) -> Iterator[str]:
    """Yield what is wrong with annotations that look like a mark, in words; ``agent`` is the search's type of agent."""
    for mark, prefix in (("veto", VETO_ANNOTATION), ("pin", PIN_ANNOTATION)):
        for key in sorted(annotations):
            if key.startswith(prefix) and not _INDEX.fullmatch(key.removeprefix(prefix)):
                yield f"annotation {key} names no trial: a {mark} of trial 3 is {prefix}3"
    pinned = len(_marked(annotations, PIN_ANNOTATION))
    if pinned and not may_have_population(agent):
        yield f"a pinned trial stays in the population, and an agent {agent} has none: the annotation does nothing"
    if pinned > MAX_PINNED:
        yield f"{pinned} trials are pinned, {MAX_PINNED} can be: those with the largest indexes are not"


def _marked(annotations: Mapping[str, str], prefix: str) -> Collection[int]:
    texts = (key.removeprefix(prefix) for key in annotations if key.startswith(prefix))
    return {int(text) for text in texts if _INDEX.fullmatch(text)}
