"""The CRD's schema, applied on this machine as the API server applies it: unknown fields, types, bounds, defaults.

The CRD is the only place where a field is declared; ``spec`` reads defaulted, validated manifests and adds what the CRD
states in CEL.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import yaml

from evonas.errors import FieldProblem
from evonas.hints import did_you_mean, misread, unquoted
from evonas.space import is_number

# In C if PyYAML was built with it: a tenth of the time, which every command spends.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PRESERVE = "x-kubernetes-preserve-unknown-fields"

_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_METADATA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "generateName": {"type": "string"},
        "namespace": {"type": "string"},
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "uid": {},
        "resourceVersion": {},
        "generation": {},
        "creationTimestamp": {},
        "deletionTimestamp": {},
        "deletionGracePeriodSeconds": {},
        "finalizers": {},
        "ownerReferences": {},
        "managedFields": {},
        "selfLink": {},
    },
}
"""Kubernetes' ObjectMeta, which a CRD may not describe; fields that only the API server writes are not checked."""


def check_and_default(manifest: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldProblem]]:
    """Return a copy of an ArchitectureSearch with the CRD's defaults, and everything its schema rejects. As on the API
    server, a null field counts as omitted.

    With neither objective nor objectives, the reward is the objective: the CRD cannot have that default, or it would
    give an objective to a search that has several.
    """
    defaulted = _with_defaults(copy.deepcopy(dict(manifest)), _search_schema())
    spec = defaulted.get("spec")
    if isinstance(spec, dict) and not {"objective", "objectives"} & spec.keys():
        spec["objective"] = {"goal": "Maximize"}
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
    return tuple(yaml.load(file.read_bytes(), _LOADER) for file in files if file.name.endswith(".yaml"))


@cache
def _search_schema() -> dict[str, Any]:
    crd = next(crd for crd in load_crds() if crd["spec"]["names"]["kind"] == "ArchitectureSearch")
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert isinstance(schema, dict)
    return {**schema, "properties": {**schema["properties"], "metadata": _METADATA}}


@cache
def _validator() -> Any:
    # CRDs are written in OpenAPI 3.0, which has draft 4's boolean exclusiveMinimum.
    dialect = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
        jsonschema.Draft4Validator,
        validators={"pattern": _pattern},
        type_checker=jsonschema.Draft4Validator.TYPE_CHECKER.redefine("number", lambda _, value: is_number(value)),
    )
    return dialect(_strict(_search_schema()), format_checker=_FORMATS)


_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("int64")
def _is_int64(value: Any) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterable[jsonschema.ValidationError]:
    # Python's $ also matches before a line break at the end, Go's does not.
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


def _strict(schema: Any) -> Any:
    """Refuse unknown fields wherever the API server would prune them (kubectl asks it to reject them, too)."""
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
            if name in value and value[name] is None:
                del value[name]
            if name not in value and "default" in item:
                value[name] = copy.deepcopy(item["default"])
            if name in value:
                value[name] = _with_defaults(value[name], item)
        if isinstance(schema.get("additionalProperties"), Mapping):
            return {name: item for name, item in value.items() if item is not None}
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
    "minProperties": "must have at least {limit} entries",
    "maxProperties": "must have at most {limit} entries",
    "minLength": "must not be empty",
    "maxLength": "must be no more than {limit} characters",
    "pattern": "{value!r} must match {limit}",
    "format": "must fit {limit}, got {value!r}",
}
"""The message for each keyword that the CRD uses; a new keyword falls back on the library's message."""


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
                said = f"unknown field; known are {', '.join(sorted(known))}"
                yield FieldProblem(field_path([*path, name]), said + did_you_mean(name, known))
    elif keyword == "oneOf":
        ways = " or ".join(" and ".join(way["required"]) for way in limit)
        yield FieldProblem(field_path(path), f"must have either {ways}, and not both")
    elif keyword in _SAYS:
        exclusive = " (exclusive)" if schema.get(f"exclusive{keyword.capitalize()}") else ""
        said = _SAYS[keyword].format(limit=limit, value=value, exclusive=exclusive)
        yield FieldProblem(field_path(path), said + _hint(keyword, limit, value))
    else:
        yield FieldProblem(field_path(path), error.message)


def _hint(keyword: str, limit: Any, value: Any) -> str:
    if keyword == "enum":
        return misread(value) or did_you_mean(value, limit)
    return unquoted(value) if (keyword, limit) == ("type", "string") else ""
