"""One trial: what is recorded, why it was proposed, its learning curve, what it has printed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from evonas.errors import EvonasError
from evonas.recorded.search import RecordedSearch
from evonas.search.trial import Trial
from evonas.ui.encoding import Packed, encode
from evonas.ui.logs import read_log
from evonas.ui.models import Curve, Explanation, TrialDetails
from evonas.ui.problems import Missing, answers
from evonas.ui.routes.common import TEXT, SearchId, TheService, TrialIndex
from evonas.ui.service import Service
from evonas.ui.threads import in_thread
from evonas.ui.views.curves import curve
from evonas.ui.views.trial import describe_trial, explain

router = APIRouter(prefix="/api/v1/searches/{id}/trials/{index}", tags=["trials"])
TAIL, MAX_TAIL = 1000, 20_000


@router.get("", response_model=TrialDetails, responses=answers(404, 409, 422))
async def trial(request: Request, service: TheService, id: SearchId, index: TrialIndex) -> Response:
    """Return one trial in full."""
    live = service.live
    running, pinned = live.running(id).get(index), index in live.pinned(id)
    revision = live.trials_revision(id)

    async def make() -> Packed:
        record, found = await _find(service, id, index)
        details = await in_thread(
            lambda: encode(describe_trial(record, found, revision, pinned=pinned, running=running))
        )
        return Packed.of(details)

    return await service.answer(request, ("trial", id, index, live.get(id).uid, revision, running, pinned), make)


@router.get("/explanation", response_model=Explanation, responses=answers(404, 409, 422))
async def explanation(request: Request, service: TheService, id: SearchId, index: TrialIndex) -> Response:
    """Return why a trial has its candidate; derives the proposal again, which may take seconds."""

    async def make() -> Packed:
        async with service.turns.of(id):
            record, found = await _find(service, id, index)
            return Packed.of(await in_thread(lambda: encode(explain(record, found))))

    key = ("explanation", id, index, service.live.get(id).uid, service.live.trials_revision(id))
    return await service.answer(request, key, make)


@router.get("/curve", response_model=Curve, responses=answers(404, 409, 422))
async def one_curve(request: Request, service: TheService, id: SearchId, index: TrialIndex) -> Response:
    """Return a trial's learning curve, which may be empty."""
    await _find(service, id, index)
    return Packed.of(encode(curve(await service.live.curve(id, index)))).answer(request)


@router.get("/log", response_class=Response, responses={**answers(404, 409, 422), **TEXT})
async def log(
    service: TheService,
    id: SearchId,
    index: TrialIndex,
    attempt: Annotated[int | None, Query(description="By default the latest.", ge=1, le=1_000_000)] = None,
    tail: Annotated[int, Query(description="How many of the last lines.", ge=0, le=MAX_TAIL)] = TAIL,
) -> Response:
    """Return the last lines that an attempt of a trial has printed."""
    _, found = await _find(service, id, index)
    if not found.is_run:
        raise EvonasError(f"nothing was run for trial {index}: it has the {found.message}")
    source = service.live.source(id)
    text = await in_thread(lambda: read_log(source, found, attempt or found.latest_attempt, tail))
    return Response(text, media_type="text/plain; charset=utf-8")


async def _find(service: Service, id: str, index: int) -> tuple[RecordedSearch, Trial]:
    record = await service.live.record(id)
    found = record.trial(index)
    if found is None:
        raise Missing(f"{record.source} has no trial {index}")
    return record, found
