"""The page and its files, and whether the server is alive."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from evonas.ui.problems import Missing
from evonas.ui.routes.common import TheService

router = APIRouter(include_in_schema=False)
METHODS = ["GET", "HEAD"]
"""What links are checked with, and some probes ask by, is answered without the body; the API has no use for it."""


@router.api_route("/healthz", methods=METHODS)
async def healthz() -> Response:
    """Say that requests are answered."""
    return PlainTextResponse("ok\n")


@router.api_route("/", methods=METHODS)
@router.api_route("/searches/{id}", methods=METHODS)
@router.api_route("/searches/{id}/trials/{index}", methods=METHODS)
@router.api_route("/compare", methods=METHODS)
async def page(request: Request, service: TheService) -> Response:
    """Return the page: which view is shown, its own program reads off the address."""
    return service.pages.index(request)


@router.api_route("/{path:path}", methods=METHODS)
async def file(request: Request, service: TheService) -> Response:
    """Return a file of the page; a browser that asks for a view that there is not is told so by the page."""
    if request.method == "HEAD" and request.url.path.startswith("/api/"):
        raise HTTPException(405, headers={"Allow": "GET"})
    found = service.pages.file(request)
    if found is not None:
        return found
    if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/"):
        return service.pages.index(request)
    raise Missing(f"there is nothing at {request.url.path}")
