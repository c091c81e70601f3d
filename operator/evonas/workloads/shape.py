"""Which pods an object makes, as its own spec says: a search may be edited while its attempts run. Pure.

A shape is what is left of a spec without anything that differs between the trials of a search, or that nobody asks
about: all of them have the same, which costs memory once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from sys import intern
from typing import Any

_LEFT_OUT = frozenset(
    {
        *("env", "envFrom", "command", "args", "entrypoint", "runtimeEnvYAML", "image", "lifecycle"),
        *("livenessProbe", "readinessProbe", "startupProbe", "volumes", "volumeMounts", "affinity", "annotations"),
        # These change while it runs.
        *("suspend", "ttlSecondsAfterFinished"),
        # A Job's own UID.
        "selector",
    }
)
_OF_ONE_TRIAL = ("evonas.dev/", "batch.kubernetes.io/", "controller-uid", "job-name")
"""Beginnings of labels that the operator and Job's controller give to the pods of one trial."""


def shape_of(spec: Mapping[str, Any]) -> str:
    """Return the shape of a Job's or workload's spec."""
    return intern(json.dumps(_reduced(spec), sort_keys=True))


@lru_cache(maxsize=256)
def spec_of(shape: str) -> Mapping[str, Any]:
    """Return a spec of that shape, to be read only."""
    spec: Mapping[str, Any] = json.loads(shape)
    return spec


def _reduced(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _reduced(item) for key, item in value.items() if not _is_left_out(key)}
    return [_reduced(item) for item in value] if isinstance(value, list) else value


def _is_left_out(key: str) -> bool:
    return key in _LEFT_OUT or key.startswith(_OF_ONE_TRIAL)
