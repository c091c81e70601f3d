"""Errors as the API tells them: one sentence, with a code that says whose fault it is."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from evonas.errors import EvonasError
from evonas.sources.live.directory import UnknownSearch
from evonas.sources.options import Forbidden
from evonas.ui.actions import WrongOrder
from evonas.ui.changes import knows_all
from evonas.ui.encoding import encode
from evonas.ui.models import Problem

_SAID = {
    400: "the request cannot be read",
    401: "a token is needed",
    403: "whoever asks may not do this, or another site's page asked",
    404: "there is no such search, trial or file",
    409: "the record, or what has become of it meanwhile, forbids this",
    411: "an order does not say how long it is",
    413: "an order is too long",
    415: "an order is JSON",
    421: "the page was asked for under a name that is not its own",
    422: "a parameter or field is wrong",
    503: "too many ask at once, or not everything could be read yet",
}


class Missing(Exception):
    """What was asked for is not there."""


def answers(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return how the errors of a route are described; any route may answer with some of them."""
    known = {401, 403, 421, *codes} | ({503} if 404 in codes else set())
    return {code: {"model": Problem, "description": _SAID[code]} for code in sorted(known)}


def refuse(code: int, message: str) -> Response:
    """Return an error as the API tells it."""
    return Response(encode(Problem(message=message)), status_code=code, media_type="application/json")


def register(app: FastAPI) -> None:
    """Have all errors told so."""

    @app.exception_handler(UnknownSearch)
    async def unknown(request: Request, error: UnknownSearch) -> Response:
        id = error.args[0] if error.args else ""
        if not knows_all(request.app.state.service.live):
            return refuse(503, f"whether there is a search {id!r} is not known yet; ask again in a moment")
        return refuse(404, f"there is no search {id!r}; it may have been deleted")

    @app.exception_handler(Missing)
    async def missing(request: Request, error: Missing) -> Response:
        return refuse(404, str(error))

    @app.exception_handler(Forbidden)
    async def forbidden(request: Request, error: Forbidden) -> Response:
        return refuse(403, str(error))

    @app.exception_handler(WrongOrder)
    async def wrong(request: Request, error: WrongOrder) -> Response:
        return refuse(422, str(error))

    @app.exception_handler(EvonasError)
    async def impossible(request: Request, error: EvonasError) -> Response:
        return refuse(409, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return refuse(422, "; ".join(map(_in_words, error.errors())))

    @app.exception_handler(HTTPException)
    async def told(request: Request, error: HTTPException) -> Response:
        answer = refuse(error.status_code, str(error.detail) or HTTPStatus(error.status_code).phrase)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        # What went wrong is in the server's own output, with its traceback.
        return refuse(500, f"an error of evonas itself: {type(error).__name__}; its output says more")


def _in_words(found: dict[str, Any]) -> str:
    _, *place = found["loc"]
    return f"{'.'.join(map(str, place)) or 'the body'}: {found['msg']}"
