"""The real app over real places, asked without a socket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from evonas.sources.live.directory import LiveSearches
from evonas.sources.live.places import Place, RunsPlace
from evonas.ui.app import create_app
from evonas.ui.security import Policy
from evonas.ui.service import Settings
from evonas.ui.viewers import Acting, Rights
from harness.waiting import wait_for

ADDRESS = "http://localhost:8090"
ORDER = {"X-Evonas-Request": "1"}
API = "/api/v1"


@contextmanager
def serving(
    *places: Place, policy: Policy | None = None, rights: Rights | None = None, **settings: Any
) -> Iterator[TestClient]:
    """Serve some places; a client that a browser on this machine would be."""
    told = Settings(rights or Rights(Acting.SELF), **settings)
    app, _ = create_app(LiveSearches(places), told, policy or Policy())
    with TestClient(app, base_url=ADDRESS, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@contextmanager
def serving_runs(folder: Path, names: Sequence[str], **settings: Any) -> Iterator[TestClient]:
    """Serve a folder of runs, and wait until these are known."""
    with serving(RunsPlace(folder), **settings) as client:
        wait_for("the runs to be known", lambda: {f"run:{name}" for name in names} <= ids(client))
        yield client


def ids(client: TestClient) -> set[str]:
    return {search["id"] for search in get(client, "/searches")["searches"]}


def get(client: TestClient, path: str, **query: Any) -> Any:
    """GET what the API has there."""
    answer = client.get(API + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def order(client: TestClient, id: str, **body: Any) -> Any:
    """POST an order, and return the whole answer."""
    return client.post(f"{API}/searches/{id}/actions", json=body, headers=ORDER)
