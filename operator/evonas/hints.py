"""What a user probably meant: endings of messages about unknown names, and about words that YAML read as booleans.

As low as ``errors``; messages that refuse a name or a value end with one of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from difflib import get_close_matches

BOOLEAN_WORDS = {True: ("y", "yes", "on"), False: ("n", "no", "off")}
"""Words that YAML 1.1, and therefore kubectl, reads as booleans, apart from true and false."""


def did_you_mean(word: object, known: Iterable[object]) -> str:
    """Return ``; did you mean NAME?`` with the known name most similar to ``word``; empty if none is similar.

    Case, dashes and underscores do not count: ``max_trials`` is ``maxTrials``.
    """
    names = {_plain(name): str(name) for name in known}
    close = get_close_matches(_plain(word), names, n=1)
    return f"; did you mean {names[close[0]]}?" if close else ""


def misread(value: object) -> str:
    """Return what to add if ``value`` may have been written as a word; empty if it is not a boolean."""
    if not isinstance(value, bool):
        return ""
    words = ", ".join(BOOLEAN_WORDS[value])
    return f"; YAML reads {words} without quotes as {json.dumps(value)}: quote what is meant as a word"


def unquoted(value: object) -> str:
    """Return what to add if text was expected and ``value`` was found; empty if quotes are not the cure."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'; write it in quotes: "{value}"'
    return misread(value)


def _plain(name: object) -> str:
    return "".join(letter for letter in str(name).casefold() if letter not in "-_")
