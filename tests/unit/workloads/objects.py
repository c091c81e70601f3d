"""Parts of workloads that the tests of the kinds share."""

from __future__ import annotations

from typing import Any


def container(*, gpus: int = 0, **fields: Any) -> dict[str, Any]:
    """Return the container that trains."""
    limits = {"resources": {"limits": {"nvidia.com/gpu": gpus}}} if gpus else {}
    return {"name": "trial", "image": "example/trial", "env": [{"name": "OWN", "value": "mine"}], **limits, **fields}
