"""What others have written is text: whatever it says, however long it is, in whichever direction it is read."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import Visit, visit
from tests.page.conftest import serving
from tests.page.searches import HOSTILE, write_hostile
from tests.page.serving import Server
from tests.page.views import TABS, settle

# Text with characters that turn the order around must be in an element that keeps the order outside as it is.
REORDERING = """
() => {
  const turning = /[\\u202a-\\u202e\\u2066-\\u2069\\u0600-\\u06ff]/;
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  const loose = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!turning.test(node.data)) continue;
    for (let at = node.parentElement; ; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.unicodeBidi.includes('isolate') || style.unicodeBidi === 'plaintext') break;
      // A box of its own holds nothing else whose order could change.
      const alone = at.textContent.trim() === node.data.trim();
      if (alone && !style.display.startsWith('inline')) break;
      if (!style.display.startsWith('inline') && style.display !== 'contents') {
        loose.push(`${at.tagName}.${at.className}: ${JSON.stringify(node.data.slice(0, 60))}`);
        break;
      }
    }
  }
  return loose;
}
"""
ELEMENTS = "main img, main script, main b img, main iframe, main [onerror], main [href^='javascript:' i]"


def expect_only_text(seen: Visit) -> None:
    page = seen.page
    assert seen.dialogs == []
    assert seen.complaints == []
    assert page.locator(ELEMENTS).count() == 0
    assert page.evaluate(REORDERING) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("tab", TABS)
def test_hostile_words_are_text_in_every_view_of_a_search(server: Server, browser: Browser, tab: str) -> None:
    with visit(f"{server.page_of('hostile')}?tab={tab}", within=browser) as seen:
        settle(seen.page)
        expect_only_text(seen)


@pytest.mark.parametrize("trial", range(12))
def test_hostile_words_are_text_on_the_page_of_a_trial(server: Server, browser: Browser, trial: int) -> None:
    with visit(server.page_of("hostile", trial=trial), within=browser) as seen:
        settle(seen.page)
        expect_only_text(seen)
        if trial == 0:
            # The log holds every one of them.
            expect(seen.page.locator("pre").filter(has_text="onerror=alert(1)").first).to_be_visible()


def test_hostile_labels_are_text_in_the_list(server: Server, browser: Browser) -> None:
    with visit(server.at(), within=browser) as seen:
        settle(seen.page)
        row = seen.page.get_by_role("row").filter(has=seen.page.get_by_role("link", name="hostile", exact=True))
        expect(row).to_contain_text("label0=<img src=x onerror=")
        expect_only_text(seen)
        # A word of 10 kB neither widens nor lengthens the line of its search by much.
        box = row.bounding_box()
        assert box is not None
        assert box["height"] < 300


def test_hostile_values_are_text_where_a_candidate_is_chosen(server: Server, browser: Browser) -> None:
    with visit(server.page_of("hostile"), within=browser) as seen:
        settle(seen.page)
        clone(seen.page)
        expect_only_text(seen)


def clone(page: Page) -> None:
    page.get_by_role("link", name="Clone").click()
    settle(page)


def test_a_search_of_a_hostile_name_is_shown_with_its_problem(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> None:
    folder = tmp_path_factory.mktemp("named")
    for place, name in enumerate(HOSTILE):
        write_hostile(folder / "runs", f"run{place}", says=name)
    with serving(folder, str(folder / "runs")) as server:
        with visit(server.at(), within=browser) as seen:
            settle(seen.page)
            expect(seen.page.locator("tbody .name")).to_have_count(len(HOSTILE))
            expect(seen.page.get_by_text("Pending")).to_have_count(0)
            expect_only_text(seen)
        for search in server.get("/api/v1/searches")["searches"]:
            with visit(server.at(f"/searches/{search['id']}"), within=browser) as seen:
                settle(seen.page)
                # That its record cannot be read is an answer, of which a browser complains by itself.
                seen.complaints[:] = [said for said in seen.complaints if "409" not in said]
                expect_only_text(seen)
