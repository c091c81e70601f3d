"""Reading a manifest file as `kubectl` would: YAML 1.1 with JSON's numbers, no duplicate keys, no dates.

Below ``schema`` and ``spec``, which judge what was read; the command line calls ``load_search``.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from evonas.errors import EvonasError
from evonas.space import normalise

KIND = "ArchitectureSearch"


class _KubectlLoader(yaml.SafeLoader):
    """PyYAML's loader made to agree with kubectl's on numbers (1e-3), dates (text) and duplicate keys (refused)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key!r}", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


_KubectlLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in ("tag:yaml.org,2002:timestamp",)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# PyYAML reads 1e-3 as text, since YAML 1.1 wants a dot; kubectl reads a number.
_KubectlLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def load_search(path: Path) -> dict[str, Any]:
    """Return the one ArchitectureSearch in a YAML or JSON file, other objects in it passed over.

    Raises EvonasError where the file cannot be read or does not hold exactly one.
    """
    try:
        documents = list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=_KubectlLoader))
    except (OSError, UnicodeDecodeError) as error:
        raise EvonasError(f"cannot read {path}: {error}") from error
    except yaml.YAMLError as error:
        raise EvonasError(f"{path} is no valid YAML: {error}") from error
    searches = [document for document in documents if isinstance(document, dict) and document.get("kind") == KIND]
    if len(searches) != 1:
        kinds = [
            document.get("kind") if isinstance(document, dict) else type(document).__name__ for document in documents
        ]
        raise EvonasError(f"{path} must hold exactly one object of kind {KIND}, found {len(searches)} (kinds: {kinds})")
    search = _normalised(searches[0])
    assert isinstance(search, dict)
    return search


def _normalised(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _normalised(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_normalised(item) for item in value]
    return normalise(value)
