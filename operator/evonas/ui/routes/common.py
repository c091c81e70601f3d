"""What the parameters of several routes have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

from fastapi import Depends, Path, Query, Request

from evonas.ui.service import Service

MAX_REVISION = 1 << 53
"""What a JavaScript number holds exactly."""
MAX_ID = 1000


def service_of(request: Request) -> Service:
    """Return the service of the app that was asked."""
    return cast(Service, request.app.state.service)


TheService = Annotated[Service, Depends(service_of)]
SearchId = Annotated[str, Path(description="The search's id.", max_length=MAX_ID, examples=["run:digits"])]
TrialIndex = Annotated[int, Path(description="The trial's index.", ge=0, le=99_999)]
Since = Annotated[
    int, Query(description="Leave out what has not changed after this revision; 0 for all.", ge=0, le=MAX_REVISION)
]
Ids = Annotated[
    list[str], Query(alias="id", description="Ids of searches.", min_length=1, max_length=64, examples=[["run:digits"]])
]

TEXT: Mapping[int | str, dict[str, Any]] = {
    200: {"description": "Text.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}
PAGE: Mapping[int | str, dict[str, Any]] = {
    200: {"description": "A page to keep.", "content": {"text/html": {"schema": {"type": "string"}}}}
}
