"""Users' marks on single trials: annotations of the search in a cluster, lines of a file in a local run. Pure. A veto
ends a trial that has no result yet as infeasible. To the agent that is a result like any other, with its place in the
sequence, so a search with vetoes is replayed like one without. An existing result stays. A pin keeps a trial's result
in the agent's population however old it is. A proposal records the pins that made a difference to it, so that it can be
derived again no matter what is pinned later.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from evonas.agents import may_have_population
from evonas.search.names import PIN_ANNOTATION, VETO_ANNOTATION

Vetoes = Mapping[int, str]
"""Reasons by trial index; a reason may be empty."""

NONE: Vetoes = {}

MAX_PINNED = 16
"""How many trials may be pinned at once: each proposal may have to name them all."""

MARK_ANNOTATIONS = (VETO_ANNOTATION, PIN_ANNOTATION)

_INDEX = re.compile(r"0|[1-9][0-9]{0,4}")


def read_vetoes(annotations: Mapping[str, str]) -> Vetoes:
    """Return the vetoes among a search's annotations."""
    return {index: annotations[f"{VETO_ANNOTATION}{index}"] for index in _marked(annotations, VETO_ANNOTATION)}


def read_pins(annotations: Mapping[str, str]) -> list[int]:
    """Return the trials that a search's annotations pin, in order; only the first MAX_PINNED count."""
    return sorted(_marked(annotations, PIN_ANNOTATION))


def find_mistakes(annotations: Mapping[str, str], agent: str) -> Iterator[str]:
    """Yield messages about invalid annotations that look like marks; ``agent`` is the search's type of agent."""
    for mark, prefix in (("veto", VETO_ANNOTATION), ("pin", PIN_ANNOTATION)):
        for key in sorted(annotations):
            if key.startswith(prefix) and not _INDEX.fullmatch(key.removeprefix(prefix)):
                yield f"annotation {key} does not name a trial: a {mark} of trial 3 is {prefix}3"
    pinned = len(_marked(annotations, PIN_ANNOTATION))
    if pinned and not may_have_population(agent):
        yield f"a pinned trial stays in the population, and agent {agent} has none: the annotation has no effect"
    if pinned > MAX_PINNED:
        yield f"{pinned} trials are pinned, but at most {MAX_PINNED} can be: those with the largest indexes are ignored"


def _marked(annotations: Mapping[str, str], prefix: str) -> Collection[int]:
    texts = (key.removeprefix(prefix) for key in annotations if key.startswith(prefix))
    return {int(text) for text in texts if _INDEX.fullmatch(text)}
