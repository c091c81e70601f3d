"""YAML as `kubectl` reads it: JSON, or YAML 1.1 as Go's library resolves it, without duplicate keys.

Below ``schema`` and ``spec``, which validate what was read; the command line calls ``load_search``, and ``to_yaml`` for
what users pass to kubectl.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from evonas.errors import EvonasError
from evonas.hints import BOOLEAN_WORDS
from evonas.space import normalise

KIND = "ArchitectureSearch"

_NULL, _BOOL, _INT, _FLOAT, _STR, _SEQ, _MAP, _MERGE = (
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge")
)

# How kubectl's library resolves a plain word (go.yaml.in/yaml/v2, resolve.go). PyYAML disagrees: it reads y, n, 1e-3,
# -.5 and 09 as text, 1:30 as ninety and 2001-01-01 as a date.
_PLAIN_WORDS = (
    (_NULL, re.compile(r"~|null|Null|NULL|")),
    (_BOOL, re.compile(r"[yYnN]|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF")),
    (_MERGE, re.compile(r"<<")),
    (_INT, re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")),
    (_FLOAT, re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")),
    (_FLOAT, re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")),
)
_BOOLEANS = {"true": True, "false": False} | {word: read for read, words in BOOLEAN_WORDS.items() for word in words}
_INTEGERS = range(-(2**63), 2**64)


class _KubectlLoader(yaml.SafeLoader):
    """PyYAML's loader, changed to agree with kubectl's and to refuse what JSON cannot hold."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            word = _digits(value)
            return next((tag for tag, pattern in _PLAIN_WORDS if pattern.fullmatch(word)), _STR)
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            text = self._text_key(key)
            if text.value in own:
                raise _refused(key, f"duplicate key {text.value!r}")
            if text.tag == _MERGE:
                # Done here: PyYAML 6.0.4 takes the wrong one of two equal keys if the merged mapping itself merges
                # another.
                merged = {pair[0].value: pair for pair in _merges(value)}
            else:
                own[text.value] = (text, value)
        node.value = [*({**merged, **own}.values())]
        return node

    def _text_key(self, node: yaml.Node) -> yaml.ScalarNode:
        """Return the key as text, which it is in JSON; numbers and booleans are written out."""
        if isinstance(node, yaml.ScalarNode):
            if node.tag in (_STR, _MERGE):
                return node
            if node.tag in (_BOOL, _INT, _FLOAT):
                text = json.dumps(normalise(self.construct_object(node)))
                return yaml.ScalarNode(_STR, text, node.start_mark, node.end_mark)
        raise _refused(node, "a key must be text")

    def construct_yaml_bool(self, node: yaml.ScalarNode) -> bool:
        try:
            return _BOOLEANS[node.value.lower()]
        except KeyError:
            raise _refused(node, f"{node.value!r} is not a boolean") from None

    def construct_yaml_int(self, node: yaml.ScalarNode) -> Any:
        octal = re.sub(r"^([-+]?)0(?=[0-7])", r"\g<1>0o", _digits(node.value))
        try:
            number = int(octal, 0)
        except ValueError:
            raise _refused(node, f"{node.value!r} is not a whole number") from None
        return number if number in _INTEGERS else self.construct_yaml_float(node)

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        try:
            number = float(_digits(node.value))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise _refused(node, f"{node.value} is not a number that JSON can hold")
        return number


_KubectlLoader.yaml_constructors = {
    _NULL: yaml.SafeLoader.construct_yaml_null,
    _BOOL: _KubectlLoader.construct_yaml_bool,
    _INT: _KubectlLoader.construct_yaml_int,
    _FLOAT: _KubectlLoader.construct_yaml_float,
    _STR: yaml.SafeLoader.construct_yaml_str,
    _SEQ: yaml.SafeLoader.construct_yaml_seq,
    _MAP: yaml.SafeLoader.construct_yaml_map,
    None: yaml.SafeLoader.construct_undefined,
}


class _KubectlDumper(yaml.SafeDumper):
    """PyYAML's dumper, changed to quote texts that kubectl would read as something else: ``1e-05``, ``y``."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        is_plain_word = any(pattern.fullmatch(_digits(text)) for _, pattern in _PLAIN_WORDS)
        return self.represent_scalar(_STR, text, style="'" if is_plain_word else None)


_KubectlDumper.add_representer(str, _KubectlDumper.represent_text)


def load_search(path: Path, note: Callable[[str], object] = lambda said: None) -> dict[str, Any]:
    """Return the one ArchitectureSearch in a YAML or JSON file, ignoring other objects. ``note`` is called for words
    among the values of decisions that were read as booleans. Raises EvonasError if the file cannot be read or does not
    hold exactly one.
    """
    return _only_search(_read(path, note), str(path))


def parse_search(text: str, source: str) -> dict[str, Any]:
    """Return the one ArchitectureSearch in YAML or JSON, as ``load_search``; ``source`` names it in errors."""
    return _only_search(_parse(text, source, lambda said: None), source)


def _only_search(documents: Sequence[Any], source: str) -> dict[str, Any]:
    searches = [document for document in documents if isinstance(document, dict) and document.get("kind") == KIND]
    if len(searches) != 1:
        kinds = [
            document.get("kind") if isinstance(document, dict) else type(document).__name__ for document in documents
        ]
        raise EvonasError(
            f"{source} must hold exactly one object of kind {KIND}, found {len(searches)} (kinds: {kinds})"
        )
    search: dict[str, Any] = searches[0]
    return search


def read_objects(path: Path) -> list[Any]:
    """Return all objects in a YAML or JSON file, of any kind; EvonasError if it cannot be read."""
    return _read(path, lambda said: None)


def _read(path: Path, note: Callable[[str], object]) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EvonasError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise EvonasError(f"cannot read {path}: {error}") from error
    return _parse(text, str(path), note)


def _parse(text: str, source: str, note: Callable[[str], object]) -> list[Any]:
    try:
        return [_normalised(document) for document in _documents(text, note)]
    except yaml.YAMLError as error:
        raise EvonasError(f"{source} is not valid YAML: {_in_one_line(error)}") from error
    except RecursionError as error:
        raise EvonasError(
            f"{source} is not a valid manifest: nested too deeply, or an anchor contains itself"
        ) from error


def to_yaml(value: Any, *, allow_unicode: bool = False) -> str:
    """Return YAML that kubectl reads as ``value``."""
    return str(yaml.dump(value, Dumper=_KubectlDumper, sort_keys=False, allow_unicode=allow_unicode))


def _in_one_line(error: yaml.YAMLError) -> str:
    """Return what is wrong and where, without the excerpt, which spans several lines."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    said = ", ".join(filter(None, (error.context, error.problem)))
    return f"{said} at line {mark.line + 1}, column {mark.column + 1}"


def _documents(text: str, note: Callable[[str], object]) -> list[Any]:
    if text.lstrip().startswith("{"):
        # Not all JSON is YAML 1.1: tabs, for example. What is not JSON either is left to the YAML parser, which says
        # where.
        with suppress(ValueError):
            return [json.loads(text, object_pairs_hook=_unique, parse_constant=float)]
    documents = []
    loader = _KubectlLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if said := ", ".join(_boolean_words(node, ("spec", "searchSpace"))):
                note(f"YAML reads {said}: quote what is meant as a word")
            documents.append(loader.construct_document(node))
    finally:
        loader.dispose()
    return [document for document in documents if document is not None]


def _boolean_words(node: yaml.Node | None, place: Sequence[str]) -> Iterator[str]:
    """Name the words below ``place`` that were read as booleans although they are not spelt as such."""
    for key in place:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        node = next((value for name, value in pairs if name.value == key), None)
    waiting, seen = [node] if node is not None else [], set[int]()
    while waiting:
        found = waiting.pop()
        # An anchor may be referenced many times, even by itself.
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, yaml.MappingNode):
            waiting += [value for _, value in reversed(found.value)]
        elif isinstance(found, yaml.SequenceNode):
            waiting += reversed(found.value)
        elif found.tag == _BOOL and found.value.lower() not in ("true", "false"):
            read = json.dumps(_BOOLEANS.get(found.value.lower()))
            yield f"{found.value} (line {found.start_mark.line + 1}) as {read}"


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("duplicate key")
    return found


def _merges(node: yaml.Node) -> Iterable[tuple[yaml.Node, yaml.Node]]:
    """Return the pairs that ``<<: node`` merges in, those that take precedence last."""
    sources = reversed(node.value) if isinstance(node, yaml.SequenceNode) else [node]
    for source in sources:
        if not isinstance(source, yaml.MappingNode):
            raise _refused(source, "only a mapping can be merged in")
        yield from source.value


def _digits(word: str) -> str:
    """Return a number without the underscores between its digits; other words unchanged."""
    return word.replace("_", "") if word[:1] in {*"+-0123456789"} else word


def _refused(node: yaml.Node, problem: str) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _normalised(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normalised(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_normalised(item) for item in value]
    return normalise(value)
