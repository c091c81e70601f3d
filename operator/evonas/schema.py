"""The CRD's schema, applied on this machine as the API server applies it: unknown fields, types, bounds, defaults.

The CRD is the only place where a field is declared; ``spec`` reads defaulted, checked manifests and adds what the
CRD says in CEL.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import yaml

from evonas.errors import FieldProblem

_PRESERVE = "x-kubernetes-preserve-unknown-fields"


def check_and_default(manifest: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldProblem]]:
    """Return a copy of an ArchitectureSearch with the CRD's defaults, and everything its schema refuses."""
    defaulted = _with_defaults(copy.deepcopy(dict(manifest)), _search_schema())
    errors = sorted(_validator().iter_errors(defaulted), key=lambda error: [str(part) for part in error.absolute_path])
    problems = [problem for error in errors for problem in _problems(error)]
    return defaulted, list(dict.fromkeys(problems))


def field_path(parts: Iterable[str | int]) -> str:
    """Write a path as API servers do: ``spec.searchSpace[2].range``."""
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".")


@cache
def load_crds() -> tuple[dict[str, Any], ...]:
    """Return the custom resource definitions that ship with this package."""
    files = sorted((resources.files("evonas") / "crds").iterdir(), key=lambda file: file.name)
    return tuple(yaml.safe_load(file.read_text(encoding="utf-8")) for file in files if file.name.endswith(".yaml"))


@cache
def _search_schema() -> dict[str, Any]:
    crd = next(crd for crd in load_crds() if crd["spec"]["names"]["kind"] == "ArchitectureSearch")
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert isinstance(schema, dict)
    return schema


@cache
def _validator() -> jsonschema.Draft4Validator:
    # OpenAPI 3.0, which CRDs are written in, has draft 4's boolean exclusiveMinimum.
    return jsonschema.Draft4Validator(_strict(_search_schema()))


def _strict(schema: Any) -> Any:
    """Refuse unknown fields wherever the API server would prune them (kubectl asks it to refuse them, too)."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {
        key: {name: _strict(item) for name, item in value.items()} if key == "properties" else _strict(value)
        for key, value in schema.items()
    }
    if "properties" in schema and not schema.get(_PRESERVE):
        strict.setdefault("additionalProperties", False)
    return strict


def _with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        for name, item in schema.get("properties", {}).items():
            if name not in value and "default" in item:
                value[name] = copy.deepcopy(item["default"])
            if name in value:
                value[name] = _with_defaults(value[name], item)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return [_with_defaults(item, schema["items"]) for item in value]
    return value


_SAYS = {
    "type": "must be of type {limit}, got {value!r}",
    "enum": "Unsupported value: {value!r}; must be one of {limit}",
    "minimum": "must be at least {limit}{exclusive}, got {value!r}",
    "maximum": "must be at most {limit}{exclusive}, got {value!r}",
    "minItems": "must have at least {limit} items",
    "maxItems": "must have at most {limit} items",
    "minLength": "must not be empty",
    "maxLength": "must be no more than {limit} characters",
    "pattern": "{value!r} must match {limit}",
}
"""What is said of each keyword that the CRD uses; a new keyword falls back on the library's own words."""


def _problems(error: jsonschema.ValidationError) -> Iterable[FieldProblem]:
    path = list(error.absolute_path)
    value: Any = error.instance
    limit: Any = error.validator_value
    schema: Any = error.schema
    keyword = str(error.validator)
    if keyword == "required":
        for name in limit:
            if name not in value:
                yield FieldProblem(field_path([*path, name]), "Required value")
    elif keyword == "additionalProperties":
        known = schema["properties"]
        for name in value:
            if name not in known:
                yield FieldProblem(field_path([*path, name]), f"unknown field; known are {', '.join(sorted(known))}")
    elif keyword == "oneOf":
        ways = " or ".join(" and ".join(way["required"]) for way in limit)
        yield FieldProblem(field_path(path), f"must have either {ways}, and not both")
    elif keyword in _SAYS:
        exclusive = " (exclusive)" if schema.get(f"exclusive{keyword.capitalize()}") else ""
        yield FieldProblem(field_path(path), _SAYS[keyword].format(limit=limit, value=value, exclusive=exclusive))
    else:
        yield FieldProblem(field_path(path), error.message)
