"""Kubernetes label selectors: whether one matches an object, and which labels would make it match. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def changes_to_match(selector: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    """Return the changes that would make ``labels`` match, as `kubectl label` takes them; none if they match."""
    changes = [
        f"{key}={value}"
        for key, value in sorted((selector.get("matchLabels") or {}).items())
        if labels.get(key) != value
    ]
    for expression in selector.get("matchExpressions") or ():
        key: str = expression["key"]
        values: list[str] = expression.get("values") or []
        match expression["operator"]:
            case "In" if labels.get(key) not in values:
                changes.append(f"{key}={values[0]}")
            case "Exists" if key not in labels:
                changes.append(f"{key}=true")
            case "NotIn" if labels.get(key) in values:
                changes.append(f"{key}-")
            case "DoesNotExist" if key in labels:
                changes.append(f"{key}-")
    return changes
