"""Every view as different people read it: by screen reader, in light and dark, on a phone; and what it loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from building import page as building
from evonas.sources.journal import JournalSource
from tests.browser import Visit, visit
from tests.page.conftest import serving
from tests.page.serving import Server
from tests.page.views import settle, views_of

AXE = building.SOURCE / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = (
    "list",
    "overview",
    "trials",
    "explore",
    "analysis",
    "events",
    "manifest",
    "selection",
    "clone",
    "trial",
    "comparison",
    "limits",
    "rungs",
    "rungs analysed",
    "paused",
    "failed",
    "failed trial",
    "hostile",
    "unknown",
    "front",
    "front explored",
    "front's trial",
    "fronts compared",
)
SERIOUS = ("serious", "critical")
PHONE = 375


@pytest.fixture(scope="module")
def addresses(server: Server) -> dict[str, str]:
    found = dict(views_of(server))
    assert sorted(found) == sorted(VIEWS)
    return found


def obstacles(page: Page, *rules: str) -> list[str]:
    """Return what axe finds serious, by some rules or all, a line each; the page's policy lets no script of the page
    itself do this."""
    building.install()
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"resultTypes": ["violations"], **({"runOnly": [*rules]} if rules else {})}
    found: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:200]} {node['failureSummary'][:300]}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"][:3]
    ]


def quiet(seen: Visit, server: Server) -> bool:
    """Say whether nothing was complained about, and nothing asked for but of the server."""
    assert seen.complaints == []
    assert seen.dialogs == []
    strangers = [url for url in seen.requests if not url.startswith((server.address, "data:", "blob:"))]
    assert strangers == []
    return True


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_in_the_way_of_anybody_and_a_phone_need_not_be_moved_sideways(
    server: Server, addresses: dict[str, str], browser: Browser, view: str
) -> None:
    with visit(addresses[view], within=browser) as seen:
        page = seen.page
        settle(page)
        found = obstacles(page)
        assert not found, "\n".join(found)
        # Another theme has other colours, and nothing else; without motion it has them at once.
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        settle(page)
        found = obstacles(page, "color-contrast")
        assert not found, "\n".join(found)
        page.set_viewport_size({"width": PHONE, "height": 700})
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        assert quiet(seen, server)


def test_a_phone_shows_state_best_and_trials_of_each_search(addresses: dict[str, str], browser: Browser) -> None:
    with visit(addresses["list"], within=browser, width=PHONE, height=700) as seen:
        settle(seen.page)
        table = seen.page.get_by_role("region", name="Searches")
        assert table.evaluate("it => it.scrollWidth <= it.clientWidth")
        row = table.get_by_role("row").filter(has=seen.page.get_by_role("link", name="learned", exact=True))
        for what in (row.get_by_text("Complete", exact=True), row.locator(".best"), row.locator(".trials")):
            box = what.bounding_box()
            assert box is not None
            assert 0 < box["x"] < box["x"] + box["width"] <= PHONE


def test_an_action_is_open_to_everybody(server: Server, browser: Browser) -> None:
    with visit(server.page_of("learned"), within=browser) as seen:
        settle(seen.page)
        seen.page.get_by_role("button", name="Act…").click()
        dialog = seen.page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Pin a trial", exact=True)).to_be_visible()
        found = obstacles(seen.page)
        assert not found, "\n".join(found)
        dialog.get_by_role("button", name="Pin a trial", exact=True).click()
        expect(dialog.get_by_label("Trial", exact=True)).to_be_visible()
        found = obstacles(seen.page)
        assert not found, "\n".join(found)


def test_a_folder_without_searches_is_a_page_too(tmp_path: Path, browser: Browser) -> None:
    (tmp_path / "runs").mkdir()
    with serving(tmp_path, str(tmp_path / "runs")) as server, visit(server.at(), within=browser) as seen:
        expect(seen.page.get_by_text("There are no searches here yet.")).to_be_visible()
        expect(seen.page.locator("main")).to_contain_text(str(tmp_path / "runs"))
        found = obstacles(seen.page)
        assert not found, "\n".join(found)
        assert quiet(seen, server)


def test_a_search_is_saved_as_a_file_that_needs_nothing_else(
    server: Server, runs: Path, browser: Browser, tmp_path: Path
) -> None:
    with visit(server.page_of("learned"), within=browser) as seen:
        with seen.page.expect_download() as waiting:
            seen.page.get_by_role("link", name="Save as file").click()
        saved = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(saved)
    assert saved.suffix == ".html"
    best = JournalSource(runs / "learned").read().totals.best
    assert best is not None
    with visit(saved, within=browser) as seen:
        assert seen.complaints == []
        assert seen.requests == []
        assert seen.page.title() == "learned"
        assert f"Trial {best.index} with accuracy {best.reward:.6g}." in seen.page.inner_text("body")
        assert seen.page.locator("svg, .figure canvas").count() > 5


def test_a_comparison_is_saved_as_a_file_too(
    server: Server, addresses: dict[str, str], browser: Browser, tmp_path: Path
) -> None:
    with visit(addresses["comparison"], within=browser) as seen:
        settle(seen.page)
        with seen.page.expect_download() as waiting:
            seen.page.get_by_role("link", name="Save as file").click()
        saved = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(saved)
    with visit(saved, within=browser) as seen:
        assert seen.complaints == []
        assert seen.page.locator("section.search").count() == 2


def test_no_script_of_anybody_else_runs_in_the_page(server: Server, browser: Browser) -> None:
    with visit(server.page_of("learned"), within=browser) as seen:
        settle(seen.page)
        tried = seen.page.evaluate(
            """async () => {
              const violations = [];
              addEventListener('securitypolicyviolation', event => violations.push(event.effectiveDirective));
              const script = document.createElement('script');
              script.textContent = 'window.broken = true';
              document.body.append(script);
              const picture = new Image();
              picture.src = 'http://127.0.0.1:1/x.png';
              await fetch('http://127.0.0.1:1/').catch(() => {});
              document.body.insertAdjacentHTML('beforeend', '<b onclick="window.broken = true">x</b>');
              document.body.lastElementChild.click();
              await new Promise(done => setTimeout(done));
              return {broken: window.broken ?? false, violations: violations.sort()};
            }"""
        )
        assert tried["broken"] is False
        assert {"connect-src", "img-src", "script-src-attr", "script-src-elem"} <= set(tried["violations"]), json.dumps(
            tried
        )
