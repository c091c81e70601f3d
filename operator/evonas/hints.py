"""What a user probably meant: endings of messages about unknown names, and about words that YAML read as booleans.

As low as ``errors``; whoever refuses a name or a value ends its message with one of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from difflib import get_close_matches

BOOLEAN_WORDS = {True: ("y", "yes", "on"), False: ("n", "no", "off")}
"""Words that YAML 1.1, and so kubectl, reads as booleans; true and false aside."""


def did_you_mean(word: object, known: Iterable[object]) -> str:
    """Return ``; did you mean NAME?`` with the known name that is most like ``word``; empty where none is.

    Case, dashes and underscores do not count: ``max_trials`` is ``maxTrials``.
    """
    names = {_plain(name): str(name) for name in known}
    close = get_close_matches(_plain(word), names, n=1)
    return f"; did you mean {names[close[0]]}?" if close else ""


def misread(value: object) -> str:
    """Return what to add where ``value`` may have been written as a word; empty where it is no boolean."""
    if not isinstance(value, bool):
        return ""
    words = ", ".join(BOOLEAN_WORDS[value])
    return f"; YAML reads {words} without quotes as {json.dumps(value)}: quote what is meant as a word"


def unquoted(value: object) -> str:
    """Return what to add where a text was wanted and ``value`` was found; empty where quotes are not the cure."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'; write it in quotes: "{value}"'
    return misread(value)


def _plain(name: object) -> str:
    return "".join(letter for letter in str(name).casefold() if letter not in "-_")
