"""The list of searches, and what is known of one."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Request, Response

from evonas.sources.live.seen import SeenSource
from evonas.spec import parse_objectives
from evonas.ui.encoding import Packed, encode
from evonas.ui.models import (
    Analysis,
    Curves,
    Details,
    Happenings,
    Page,
    Ranks,
    Searches,
    SourceState,
    Trials,
)
from evonas.ui.paced import AsOf
from evonas.ui.problems import answers
from evonas.ui.routes.common import SearchId, Since, TheService
from evonas.ui.threads import in_thread
from evonas.ui.viewers import Acting
from evonas.ui.views.columns import columns
from evonas.ui.views.curves import curves
from evonas.ui.views.details import describe, describe_unreadable
from evonas.ui.views.ranks import ranks
from evonas.ui.views.summary import seconds

router = APIRouter(prefix="/api/v1")
ONE = "/searches/{id}"
FEW = 500
"""So many trials are encoded sooner than a thread begins."""


@router.get("/page", response_model=Page, responses=answers(), tags=["page"])
async def page(request: Request, service: TheService) -> Response:
    """Return what serves the page, and the state of the places that searches are read from."""
    found = Page(
        version=version("evonas"),
        started=service.started,
        read_only=service.rights.acting is Acting.NOBODY,
        sources=[*map(_source, service.live.sources())],
    )
    return Packed.of(encode(found)).answer(request)


@router.get("/searches", response_model=Searches, responses=answers(422), tags=["searches"])
async def searches(request: Request, service: TheService, since: Since = 0) -> Response:
    """Return all searches, or those that have changed."""
    revision = service.live.revision
    gone = service.live.gone_since(since) if 0 < since <= revision else None

    async def make() -> Packed:
        found = service.live.searches()
        service.lines.keep({seen.id for seen in found})
        if gone is not None:
            found = [seen for seen in found if seen.revision > since]
        return Packed.of(
            encode(
                Searches(
                    revision=revision,
                    complete=gone is None,
                    searches=[service.lines.of(seen) for seen in found],
                    gone=list(gone or ()),
                )
            )
        )

    return await service.answer(request, ("searches", since, revision), make)


@router.get(ONE, response_model=Details, responses=answers(404, 409, 422), tags=["searches"])
async def details(request: Request, service: TheService, id: SearchId) -> Response:
    """Return one search in full, without its trials; of one that cannot be read, only its summary says anything."""
    live = service.live

    def as_of() -> AsOf:
        seen = live.get(id)
        return (seen.uid, tuple(live.pinned(id))), (seen.revision, live.trials_revision(id))

    async def make() -> Packed:
        line, pinned = service.lines.of(live.get(id)), live.pinned(id)
        if line.phase is None:
            return Packed.of(encode(describe_unreadable(line)))
        record = await live.record(id)
        return await in_thread(lambda: Packed.of(encode(describe(line, record, pinned))))

    return (await service.details.get(id, as_of, make)).answer(request)


@router.get(f"{ONE}/trials", response_model=Trials, responses=answers(404, 409, 422), tags=["trials"])
async def trials(request: Request, service: TheService, id: SearchId, since: Since = 0) -> Response:
    """Return a search's trials by column, or those that have changed."""
    live = service.live
    line = live.get(id)
    uid = line.uid
    if line.overview is None:
        # Nor any trials; of a record that was read before, those are shown.
        none = Trials(id=id, uid=uid, revision=0, complete=True, total=0, columns=columns(()))
        return Packed.of(encode(none)).answer(request)

    async def make() -> Packed:
        seen = await live.trials(id, since)
        objectives = parse_objectives(live.get(id).body["spec"])

        def pack() -> Packed:
            return Packed.of(
                encode(
                    Trials(
                        id=id,
                        uid=uid,
                        revision=seen.revision,
                        complete=seen.complete,
                        total=seen.total,
                        columns=columns(seen.trials, objectives),
                    )
                )
            )

        return pack() if len(seen.trials) < FEW else await in_thread(pack)

    return await service.answer(request, ("trials", id, uid, since, live.trials_revision(id)), make)


@router.get(f"{ONE}/ranks", response_model=Ranks, responses=answers(404, 409, 422), tags=["trials"])
async def all_ranks(request: Request, service: TheService, id: SearchId) -> Response:
    """Return how all results stand to the front of a search with several objectives, and how that grew; of one with a
    single objective, nothing.
    """
    live = service.live

    def as_of() -> AsOf:
        return live.get(id).uid, (live.trials_revision(id),)

    async def make() -> Packed:
        revision = live.trials_revision(id)
        record = await live.record(id)
        return await in_thread(lambda: Packed.of(encode(ranks(record, revision))))

    return (await service.ranks.get(id, as_of, make)).answer(request)


@router.get(f"{ONE}/curves", response_model=Curves, responses=answers(404, 409, 422), tags=["trials"])
async def all_curves(request: Request, service: TheService, id: SearchId) -> Response:
    """Return the learning curves of a search's running trials and of the latest others."""
    live = service.live

    async def make() -> Packed:
        seen = await live.curves(id)
        return await in_thread(lambda: Packed.of(encode(curves(seen))))

    key = ("curves", id, live.get(id).uid, live.curves_revision(id), live.trials_revision(id))
    return await service.answer(request, key, make)


@router.get(f"{ONE}/analysis", response_model=Analysis, responses=answers(404, 409, 422), tags=["searches"])
async def analysis(request: Request, service: TheService, id: SearchId) -> Response:
    """Return what is derived from all trials of a search; takes seconds for a large one."""
    return (await service.analyses.get(id)).answer(request)


@router.get(f"{ONE}/happenings", response_model=Happenings, responses=answers(404, 422), tags=["searches"])
async def happenings(request: Request, service: TheService, id: SearchId) -> Response:
    """Return Kubernetes' events and Prometheus' alerts about a search; there are none of a local run."""
    return (await service.happenings.get(id)).answer(request)


def _source(seen: SeenSource) -> SourceState:
    return SourceState(
        name=seen.name,
        origin=seen.origin,
        searches=seen.searches,
        seen=seconds(seen.seen),
        problem=seen.problem,
    )
