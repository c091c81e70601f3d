"""Trials that a person does not want: in a cluster annotations of the search, on this machine lines of a file. Pure.

A veto ends a trial that has no result yet as infeasible. To the agent that is a result as any other, with its place in
the sequence, so a search with vetoes is replayed like one without. A result that is there already stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from evonas.search.names import VETO_ANNOTATION

Vetoes = Mapping[int, str]
"""Why, by the trial's index; the reason may be empty."""

NONE: Vetoes = {}

_KEY = re.compile(re.escape(VETO_ANNOTATION) + r"(0|[1-9][0-9]{0,4})")


def read_vetoes(annotations: Mapping[str, str]) -> Vetoes:
    """Return the vetoes among a search's annotations."""
    found = ((_KEY.fullmatch(key), because) for key, because in annotations.items())
    return {int(match[1]): because for match, because in found if match is not None}


def find_mistakes(annotations: Mapping[str, str]) -> list[str]:
    """Return the annotations that look like a veto but name no trial."""
    return sorted(key for key in annotations if key.startswith(VETO_ANNOTATION) and not _KEY.fullmatch(key))
