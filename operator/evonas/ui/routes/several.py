"""Several searches at once: their comparison, their report, and what changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from evonas.recorded.comparing import check_comparable
from evonas.recorded.fitting import check_fits
from evonas.recorded.search import RecordedSearch
from evonas.report.charts import built_charts
from evonas.report.html import render_report
from evonas.ui.changes import MOST_WATCHED, TooManyViewers
from evonas.ui.encoding import Packed, encode
from evonas.ui.models import Comparison, Notice
from evonas.ui.problems import answers, refuse
from evonas.ui.routes.common import PAGE, Ids, SearchId, TheService
from evonas.ui.service import Service
from evonas.ui.threads import in_thread
from evonas.ui.views.comparison import compare

router = APIRouter(prefix="/api/v1")


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


@router.get("/comparison", response_model=Comparison, responses=answers(404, 409, 422), tags=["several"])
async def comparison(request: Request, service: TheService, ids: Ids) -> Response:
    """Return searches of one objective beside each other; those that differ only in their seed are a group."""

    async def make() -> Packed:
        records = {id: await service.live.record(id) for id in dict.fromkeys(ids)}
        return await in_thread(lambda: Packed.of(encode(compare(records))))

    return await service.answer(request, ("comparison", *_as_of(service, ids)), make)


@router.get(
    "/searches/{id}/report", response_class=Response, responses={**answers(404, 409, 422), **PAGE}, tags=["several"]
)
async def report_on_one(request: Request, service: TheService, id: SearchId) -> Response:
    """Return the report on a search, as `evonas report` writes it, to keep."""
    return await _report(request, service, [id])


@router.get("/report", response_class=Response, responses={**answers(404, 409, 422), **PAGE}, tags=["several"])
async def report_on_several(request: Request, service: TheService, ids: Ids) -> Response:
    """Return the report on searches of one objective, to keep."""
    return await _report(request, service, ids)


@router.get(
    "/changes", response_class=EventStream, response_model=Notice, responses=answers(422, 503), tags=["changes"]
)
async def changes(
    service: TheService,
    ids: Annotated[
        list[str], Query(alias="id", description="Ids of the searches that are looked at.", max_length=MOST_WATCHED)
    ] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Tell what changes, in server-sent events without end: the name of each is a ChangeKind, its data a Notice.

    It begins with everything: nobody knows what the viewer has missed.
    """
    try:
        events = service.changes.stream(ids)
    except TooManyViewers:
        return refuse(503, "too many pages are open; close some")
    return EventStream(events, headers={"X-Accel-Buffering": "no"})


async def _report(request: Request, service: Service, ids: Sequence[str]) -> Response:
    async def make() -> Packed:
        async with service.turns.of("report"):
            records = [await service.live.record(id) for id in dict.fromkeys(ids)]
            return await in_thread(lambda: Packed.of(_render(records), "text/html; charset=utf-8"))

    packed = await service.answers.get(("report", *_as_of(service, ids)), make)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", ids[0].rpartition(":")[2])[:60].strip("-") if len(ids) == 1 else "searches"
    disposition = f'attachment; filename="report-{name or "search"}.html"'
    return packed.answer(request, headers={"Content-Disposition": disposition})


def _render(records: Sequence[RecordedSearch]) -> bytes:
    check_comparable(records)
    for record in records:
        check_fits(record)
    return render_report(records, charts=built_charts()).encode("utf-8", "replace")


def _as_of(service: Service, ids: Sequence[str]) -> list[tuple[str, str, int, int]]:
    live = service.live
    return [(id, live.get(id).uid, live.get(id).revision, live.trials_revision(id)) for id in dict.fromkeys(ids)]
