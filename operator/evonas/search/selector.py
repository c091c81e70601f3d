"""Label selectors as `kubectl get -l` takes them, for records that no API server keeps. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from evonas.errors import EvonasError

Selector = Callable[[Mapping[str, str]], bool]

_PART = re.compile(r"(?:[^,()]|\([^()]*\))+")
_KEY = r"[A-Za-z0-9][-A-Za-z0-9_./]*"
_EQUALITY = re.compile(rf"({_KEY})\s*(==|=|!=)\s*([-A-Za-z0-9_.]*)")
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([-A-Za-z0-9_.,\s]*)\)")
_EXISTENCE = re.compile(rf"(!?)\s*({_KEY})")


def parse_selector(text: str) -> Selector:
    """Return whether labels are selected: ``a=b``, ``a!=b``, ``a in (b,c)``, ``a notin (b)``, ``a``, ``!a``, or several
    of these separated by commas. EvonasError if the text is none of these.
    """
    parts = _PART.findall(text)
    if ",".join(parts) != text:
        parts = [text]
    requirements = [_requirement(part.strip()) for part in parts]
    return lambda labels: all(holds(labels) for holds in requirements)


def _requirement(part: str) -> Selector:
    if found := _EQUALITY.fullmatch(part):
        key, operator, value = found.groups()
        # As in Kubernetes, an object without the label differs from any value.
        return lambda labels: (labels.get(key) == value) == (operator != "!=")
    if found := _SET.fullmatch(part):
        key, operator, listed = found.groups()
        values = {value.strip() for value in listed.split(",")}
        return lambda labels: (labels.get(key) in values) == (operator == "in")
    if found := _EXISTENCE.fullmatch(part):
        missing, key = found.groups()
        return lambda labels: (key in labels) != bool(missing)
    raise EvonasError(f"-l {part}: not a label selector; write a=b, a!=b, a in (b,c), a notin (b,c), a or !a")
