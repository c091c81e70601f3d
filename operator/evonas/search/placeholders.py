"""Placeholders of other tools in a template's command and args, which reach the program as they are. Pure.

A warning, not a refusal: braces may mean something to the program itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from evonas.errors import FieldProblem
from evonas.space import variable_name
from evonas.spec import SearchSpec

_KATIB = re.compile(r"\$\{trialParameters\.([^}]*)\}")
_BRACES = re.compile(r"(?<![$\w\"'{])\{(\w+)\}(?!\})|(?<=\w=)\"?\{(\w+)\}|\$\((\w+)\)")


def find_placeholders(spec: SearchSpec) -> list[FieldProblem]:
    """Return where the template has such a placeholder, each with what to write instead."""
    container = spec.trial.containers[spec.trial.container_position]
    found = []
    for part in ("command", "args"):
        words: Any = container.get(part)
        # The template is kept as written: only the API server checks its form.
        for number, word in enumerate(words if isinstance(words, list) else ()):
            field = f"{spec.trial.container_field}.{part}[{number}]"
            found += [FieldProblem(field, said) for said in _problems(spec, word)] if isinstance(word, str) else []
    return found


def _problems(spec: SearchSpec, word: str) -> Iterator[str]:
    names = {decision.name for decision in spec.space.decisions}
    for match in _KATIB.finditer(word):
        name = next((name for name in names if variable_name(name) == variable_name(match.group(1))), None)
        yield _said(match.group(), name)
    if "\n" in word:
        # A program of its own, which may well have braces.
        return
    for match in _BRACES.finditer(word):
        name = next(group for group in match.groups() if group is not None)
        if name in names:
            yield _said(match.group().lstrip('"'), name)


def _said(placeholder: str, name: str | None) -> str:
    instead = "$(EVONAS_D_<NAME>) with the name of a decision" if name is None else f"$({variable_name(name)})"
    return f"{placeholder} reaches the program as it is, since Kubernetes replaces only $(VARIABLE): write {instead}"
