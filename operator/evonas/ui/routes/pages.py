"""The page and its files, and whether the server is alive."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import PlainTextResponse

from evonas.ui.problems import Missing
from evonas.ui.routes.common import TheService

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> Response:
    """Say that requests are answered."""
    return PlainTextResponse("ok\n")


@router.get("/")
@router.get("/searches/{id}")
@router.get("/searches/{id}/trials/{index}")
@router.get("/compare")
async def page(request: Request, service: TheService) -> Response:
    """Return the page: which view is shown, its own program reads off the address."""
    return service.pages.index(request)


@router.get("/{path:path}")
async def file(request: Request, service: TheService) -> Response:
    """Return a file of the page; a browser that asks for a view that there is not is told so by the page."""
    found = service.pages.file(request)
    if found is not None:
        return found
    if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/"):
        return service.pages.index(request)
    raise Missing(f"there is nothing at {request.url.path}")
