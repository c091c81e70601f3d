"""The app: routes around one service, behind one guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from evonas.sources.live.directory import LiveSearches
from evonas.ui.problems import register
from evonas.ui.routes import actions, pages, searches, several, trials
from evonas.ui.security import Guard, Policy
from evonas.ui.service import Service, Settings

OPENAPI = "/api/v1/openapi.json"


def create_api(service: Service | None = None) -> FastAPI:
    """Return the API without its guard; without a service it can describe itself, and nothing else."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        assert service is not None
        async with service.live:
            telling = asyncio.create_task(service.changes.run())
            try:
                yield
            finally:
                service.changes.end()
                telling.cancel()
                with suppress(asyncio.CancelledError):
                    await telling

    app = FastAPI(
        title="evonas ui",
        version=version("evonas"),
        description="What is known of searches, kept current, and orders to them: all that the page uses. There are two"
        " methods, GET and POST: any other is answered with 405.",
        openapi_url=OPENAPI,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.service = service
    register(app)
    for routes in (searches, trials, several, actions, pages):
        app.include_router(routes.router)
    return app


def create_app(live: LiveSearches, settings: Settings, policy: Policy) -> tuple[ASGIApp, Service]:
    """Return the guarded app, which enters and leaves the live searches, and what it serves."""
    service = Service(live, settings)
    return Guard(create_api(service), policy), service
