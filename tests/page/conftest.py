"""The page of `evonas ui`, built, and one browser for all tests of a file; a server over searches of all kinds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from harness.fixtures import skipping
from harness.waiting import PATIENCE
from tests import built_page
from tests.browser import chromium
from tests.page.searches import write_each, write_hostile
from tests.page.serving import Server

# A busy machine takes its time; what is there is found at once.
expect.set_options(timeout=1000 * PATIENCE)


@pytest.fixture(scope="package", autouse=True)
def built() -> None:
    with skipping():
        built_page.build()


@pytest.fixture(scope="module")
def browser(built: None) -> Iterator[Browser]:
    with chromium() as started:
        yield started


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Server]:
    """A server whose output, home and working folder are in a folder; it ends as Ctrl-C ends it."""
    server = Server(folder / "ui.log", arguments)
    try:
        server.start()
        yield server
    except BaseException:
        if server.process is not None:
            server.kill()
        raise
    assert server.stop() == 0, server.log


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs of all kinds that are at rest."""
    folder = tmp_path_factory.mktemp("kinds") / "runs"
    write_each(folder)
    write_hostile(folder)
    return folder


@pytest.fixture(scope="module")
def server(built: None, runs: Path) -> Iterator[Server]:
    """A server over them."""
    with serving(runs.parent, str(runs)) as started:
        yield started
