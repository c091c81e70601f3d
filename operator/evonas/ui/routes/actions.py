"""What a viewer may do, and doing it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from evonas.ui.actions import Target, check_fields, command_of, message_of, permissions
from evonas.ui.encoding import Packed, encode
from evonas.ui.models import Done, Order, Permission
from evonas.ui.orders import carry_out
from evonas.ui.problems import answers
from evonas.ui.routes.common import SearchId, TheService
from evonas.ui.threads import in_thread

router = APIRouter(prefix="/api/v1/searches/{id}/actions", tags=["actions"])
_LIST = TypeAdapter(list[Permission])


@router.get("", response_model=list[Permission], responses=answers(404, 422))
async def allowed(request: Request, service: TheService, id: SearchId) -> Response:
    """Return what the viewer may do with a search now."""
    seen, token = service.live.get(id), service.rights.token(request)
    refusal = service.rights.refusal(seen, token)
    if refusal is None:
        source = service.rights.source(service.live.source(id), seen, token)
        refusal = await service.reviews.refusal(source, seen, token)
    return Packed.of(_LIST.dump_json(permissions(seen, refusal), by_alias=True)).answer(request)


@router.post("", response_model=Done, responses=answers(400, 404, 409, 411, 413, 415, 422))
async def act(request: Request, service: TheService, id: SearchId, order: Order) -> Response:
    """Do something with a search, or check whether that is possible. Needs the header X-Evonas-Request: 1."""
    check_fields(order)
    seen = service.live.get(id)
    source = service.rights.source(service.live.source(id), seen, service.rights.token(request))
    record = await service.live.record(id)
    command = command_of(order, Target.of(seen, service.settings.cluster), record.spec.space)
    await in_thread(lambda: carry_out(source, order))
    return Response(
        encode(Done(done=not order.preview, command=command, message=message_of(order))),
        media_type="application/json",
    )
