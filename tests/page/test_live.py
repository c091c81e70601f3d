"""The page while searches go on: it fills by itself, says when it is out of date, and finds back by itself."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import visit
from tests.page.conftest import serving
from tests.page.searches import Run, running
from tests.page.serving import Server
from tests.unit.search.simulation import write_run


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with running(tmp_path, "here") as started:
        yield started


@pytest.fixture
def beside(run: Run, tmp_path: Path) -> Iterator[Server]:
    """A server over the folder in which the run is."""
    with serving(tmp_path, str(tmp_path / "runs")) as started:
        yield started


def ended(page: Page, trial: int) -> Locator:
    """Return the row of a trial in the table of those that ended last."""
    rows = page.get_by_role("region", name="Trials that ended last").get_by_role("row")
    return rows.filter(has=page.get_by_role("link", name=f"trial {trial}", exact=True))


def course(page: Page) -> Locator:
    return page.get_by_role("application", name=re.compile("^accuracy over results"))


def test_a_search_under_way_fills_the_page_by_itself(beside: Server, run: Run, browser: Browser) -> None:
    with visit(beside.page_of("here"), within=browser) as seen:
        page = seen.page
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        under_way = page.get_by_role("region", name="Running trials", exact=True)
        expect(under_way.get_by_role("link", name="trial 0", exact=True)).to_be_visible()
        # Rungs or none: what a running trial tells of its progress is drawn while it does.
        expect(page.get_by_role("heading", name="Learning curves of running trials")).to_be_visible()
        run.let_go(0)
        expect(ended(page, 0)).to_contain_text("Succeeded")
        expect(course(page)).to_have_accessible_name(re.compile(r"1 result;"))
        expect(under_way.get_by_role("link", name="trial 2", exact=True)).to_be_visible()
        run.let_go(1)
        expect(course(page)).to_have_accessible_name(re.compile(r"2 results;"))
        run.let_all_go()
        expect(page.locator("h1 + .mark")).to_have_text("Complete")
        expect(course(page)).to_have_accessible_name(re.compile(r"12 results;"))
        assert seen.complaints == []


def test_a_search_that_is_started_comes_into_the_list_by_itself(tmp_path: Path, browser: Browser) -> None:
    with serving(tmp_path, "--runs", str(tmp_path / "runs")) as server, visit(server.at(), within=browser) as seen:
        page = seen.page
        expect(page.get_by_text("There are no searches here yet.")).to_be_visible()
        with running(tmp_path, "new") as run:
            row = page.get_by_role("row").filter(has=page.get_by_role("link", name="new", exact=True))
            expect(row).to_contain_text("Running")
            run.let_go(0)
            expect(row.get_by_role("img", name=re.compile("1 succeeded"))).to_be_visible()
            run.let_all_go()
            expect(row).to_contain_text("Complete")


def test_a_trial_that_is_looked_at_is_current(beside: Server, run: Run, browser: Browser) -> None:
    with visit(beside.page_of("here", trial=1), within=browser) as seen:
        page = seen.page
        expect(page.locator("main")).to_contain_text("Running")
        expect(page.locator("main")).to_contain_text("training candidate 1")
        run.let_go(1)
        expect(page.locator("main")).to_contain_text("Succeeded")
        expect(page.locator("main")).to_contain_text("candidate 1 has ended")


def test_a_broken_stream_is_said_and_recovers(beside: Server, run: Run, browser: Browser) -> None:
    with visit(beside.page_of("here"), within=browser) as seen:
        page = seen.page
        stale = page.get_by_role("alert").filter(has_text="Nothing has been heard from the server")
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text("here")
        expect(stale).to_have_count(0)
        beside.kill()
        expect(stale).to_be_visible()
        expect(page.get_by_role("status").filter(has_text="Not live")).to_be_visible()
        # What is shown stays, and what happens meanwhile is not lost.
        expect(page.get_by_role("heading", level=1)).to_have_text("here")
        run.let_go(0)
        beside.start()
        expect(stale).to_have_count(0)
        expect(ended(page, 0)).to_contain_text("Succeeded")
        run.let_go(1)
        expect(ended(page, 1)).to_contain_text("Succeeded")


def test_a_search_that_is_deleted_while_looked_at_says_so(tmp_path: Path, browser: Browser) -> None:
    folder = write_run(tmp_path / "runs", "doomed")
    write_run(tmp_path / "runs", "other")
    with serving(tmp_path, str(tmp_path / "runs")) as server:
        address = server.page_of("doomed")
        with visit(address, within=browser) as seen, visit(server.at(), within=browser) as listed:
            expect(listed.page.get_by_role("link", name="doomed", exact=True)).to_be_visible()
            expect(course(seen.page)).to_be_visible()
            shutil.rmtree(folder)
            expect(seen.page.get_by_role("alert").filter(has_text="This search has been deleted")).to_be_visible()
            expect(seen.page.get_by_role("button", name="Act…")).to_have_count(0)
            expect(course(seen.page)).to_be_visible()
            expect(listed.page.get_by_role("link", name="doomed", exact=True)).to_have_count(0)
            expect(listed.page.get_by_role("link", name="other", exact=True)).to_be_visible()
        with visit(address, within=browser) as seen:
            expect(seen.page.get_by_role("heading", level=1)).to_have_text("There is no such search here")
