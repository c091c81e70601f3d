"""Actions from the page: they reach the run, each says the command that does the same, and nobody else's page acts."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from evonas.local.journal import JOURNAL_FILE, read_journal
from evonas.search.trial import VETOED, Trial, TrialState
from harness.waiting import wait_for
from tests.browser import visit
from tests.page.conftest import serving
from tests.page.searches import PARALLEL, Run, running
from tests.page.serving import Server


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with running(tmp_path, "here") as started:
        yield started


@pytest.fixture
def beside(run: Run, tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, str(tmp_path / "runs")) as started:
        yield started


def recorded(run: Run) -> list[Trial]:
    return read_journal(run.folder / JOURNAL_FILE)[1]


def vetoed(run: Run) -> list[int]:
    return [trial.index for trial in recorded(run) if trial.reason == VETOED]


def open_actions(page: Page) -> Locator:
    page.get_by_role("button", name="Act…").click()
    return page.get_by_role("dialog")


def test_a_veto_reaches_the_run(beside: Server, run: Run, browser: Browser) -> None:
    with visit(beside.page_of("here"), within=browser) as seen:
        dialog = open_actions(seen.page)
        dialog.get_by_role("button", name="Veto a trial").click()
        dialog.get_by_label("Trial", exact=True).fill("1")
        dialog.get_by_label(re.compile("^Because")).fill("it's <b>too</b> slow")
        dialog.get_by_role("button", name="Preview").click()
        expect(dialog.locator("pre")).to_contain_text("evonas veto ")
        expect(dialog.locator("pre")).to_contain_text(""" 1 --because 'it'"'"'s <b>too</b> slow'""")
        assert vetoed(run) == []
        dialog.get_by_role("button", name="Veto a trial").click()
        expect(dialog.get_by_role("button", name="Another action")).to_be_visible()
        wait_for("the veto to be recorded", lambda: vetoed(run) == [1])
        dialog.get_by_role("button", name="Close", exact=True).last.click()
        ended = seen.page.get_by_role("region", name="Trials that ended last")
        expect(ended).to_contain_text("Infeasible")
        expect(ended).to_contain_text("it's <b>too</b> slow")
        assert seen.complaints == []


def test_a_candidate_that_is_enqueued_is_tried_next(beside: Server, run: Run, browser: Browser) -> None:
    wanted = {f"a{place}": value for place, value in enumerate((4, 3, 2, 1), start=1)}
    with visit(beside.page_of("here"), within=browser) as seen:
        dialog = open_actions(seen.page)
        dialog.get_by_role("button", name="Enqueue a candidate").click()
        for name, value in wanted.items():
            dialog.get_by_role("combobox", name=name, exact=True).select_option(label=str(value))
        dialog.get_by_role("button", name="Preview").click()
        expect(dialog.locator("pre")).to_contain_text("--decision a1=4")
        dialog.get_by_role("button", name="Enqueue a candidate").click()
        expect(dialog.get_by_role("button", name="Another action")).to_be_visible()
        run.let_go(0)
        wait_for("the next trial", lambda: len(recorded(run)) > PARALLEL)
        listed = [trial for trial in recorded(run) if trial.proposal.origin == "listed"]
        assert [dict(trial.decisions) for trial in listed] == [wanted]


def test_an_action_is_done_by_keyboard_alone(beside: Server, run: Run, browser: Browser) -> None:
    with visit(beside.page_of("here"), within=browser) as seen:
        page = seen.page
        act = page.get_by_role("button", name="Act…")
        expect(act).to_be_visible()
        walk_to(page, act)
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        walk_to(page, dialog.get_by_role("button", name="Veto a trial"))
        page.keyboard.press("Enter")
        walk_to(page, dialog.get_by_label("Trial", exact=True))
        page.keyboard.type("0")
        page.keyboard.press("Enter")
        expect(dialog.locator("pre")).to_contain_text("evonas veto ")
        walk_to(page, dialog.get_by_role("button", name="Veto a trial"))
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("button", name="Another action")).to_be_visible()
        wait_for("the veto to be recorded", lambda: vetoed(run) == [0])
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(act).to_be_focused()


def walk_to(page: Page, element: Locator) -> None:
    """Press Tab until an element has the focus, which must be seen there."""
    for _ in range(60):
        if element.evaluate("it => it === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(element).to_be_focused()
    style = "it => { const seen = getComputedStyle(it); return seen.outlineStyle + seen.boxShadow }"
    assert element.evaluate(style) != "nonenone"


def test_what_makes_no_sense_is_refused_with_the_reason(server: Server, browser: Browser) -> None:
    with visit(server.page_of("learned"), within=browser) as seen:
        dialog = open_actions(seen.page)
        veto = dialog.get_by_role("button", name="Veto a trial")
        expect(veto).to_have_attribute("aria-disabled", "true")
        expect(veto).to_have_accessible_description(re.compile("the search is complete"))


def test_a_page_that_only_shows_refuses_to_act(tmp_path: Path, run: Run, browser: Browser) -> None:
    with serving(tmp_path, str(tmp_path / "runs"), "--read-only") as server:
        with visit(server.page_of("here"), within=browser) as seen:
            dialog = open_actions(seen.page)
            buttons = dialog.get_by_role("list").get_by_role("button")
            expect(buttons).not_to_have_count(0)
            for button in buttons.all():
                expect(button).to_have_attribute("aria-disabled", "true")
            expect(dialog).to_contain_text("this page only shows")
            answer = seen.page.evaluate(ORDER, f"/api/v1/searches/{server.id_of('here')}/actions")
            assert answer["status"] == 403
            assert "this page only shows" in answer["message"]
        run.let_go(0)
        wait_for("a further trial", lambda: len(recorded(run)) > PARALLEL)
        assert vetoed(run) == []


ORDER = """
async address => {
  const answer = await fetch(address, {
    method: "POST",
    headers: {"Content-Type": "application/json", "X-Evonas-Request": "1"},
    body: JSON.stringify({action: "veto", trial: 1}),
  });
  return {status: answer.status, ...await answer.json()};
}
"""
FOREIGN = """<!doctype html><title>elsewhere</title>
<form method=post enctype=text/plain target=hidden>
<input name='{"action":"veto","trial":1,"because":"' value='"}'>
</form>
<iframe name=hidden></iframe>
<script>
async function attack(address, listing) {
  const order = {method: "POST", body: JSON.stringify({action: "veto", trial: 1})};
  const headers = {"Content-Type": "application/json", "X-Evonas-Request": "1"};
  const tries = [
    fetch(address, {...order, mode: "no-cors"}),
    fetch(address, {...order, mode: "no-cors", credentials: "include"}),
    fetch(address, {...order, headers}),
    fetch(listing),
    fetch(listing, {mode: "no-cors"}).then(answer => answer.text()),
  ];
  document.forms[0].action = address;
  document.forms[0].submit();
  navigator.sendBeacon(address, order.body);
  return (await Promise.allSettled(tries)).map(it => it.status === "rejected" ? "rejected" : String(it.value));
}
</script>
"""


@contextmanager
def another_site(folder: Path) -> Iterator[str]:
    """Serve a page that is not ours, at a port of its own; yields its address."""
    folder.mkdir()
    (folder / "index.html").write_text(FOREIGN)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as site:
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}/"
        site.shutdown()
        thread.join()


def test_another_sites_page_can_neither_act_nor_read(
    beside: Server, run: Run, tmp_path: Path, browser: Browser
) -> None:
    api = f"/api/v1/searches/{beside.id_of('here')}/actions"
    with another_site(tmp_path / "site") as address, visit(address, within=browser) as seen:
        said = seen.page.evaluate("addresses => attack(...addresses)", [beside.at(api), beside.at("/api/v1/searches")])
        # What a browser sends without asking first is answered, and not shown to whoever has sent it.
        assert said == ["rejected"] * len(said)
        statuses = {answer.status for answer in seen.responses if answer.url.endswith("/actions")}
        assert statuses <= {403, 405}
    run.let_go(0)
    wait_for("a further trial", lambda: len(recorded(run)) > PARALLEL)
    assert [trial.state for trial in recorded(run)[:PARALLEL]] == [TrialState.SUCCEEDED, TrialState.RUNNING]
