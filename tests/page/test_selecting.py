"""Filters and selections: what is chosen in one view is chosen in all, and in the address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import visit
from tests.page.serving import Server

TRIALS = 30


def grid(page: Page) -> Locator:
    return page.get_by_role("grid", name="Trials")


def counts(page: Page) -> Locator:
    return page.locator(".filters .counts")


def figure(page: Page, title: str) -> Locator:
    """Return the figure in the section of that title."""
    section = page.get_by_role("region", name=title, exact=True)
    return section.locator(".figure").first


def picture(figure: Locator) -> str:
    """Return what a figure's canvases show."""
    return str(figure.evaluate("it => [...it.querySelectorAll('canvas')].map(each => each.toDataURL()).join()"))


def expect_drawn_anew(figure: Locator, before: str) -> None:
    """Wait until a figure shows something else."""
    figure.evaluate(
        """(it, before) => new Promise(resolve => {
          const look = () => [...it.querySelectorAll('canvas')].map(each => each.toDataURL()).join() !== before
            ? resolve() : requestAnimationFrame(look);
          look();
        })""",
        before,
    )


@pytest.fixture
def explore(server: Server) -> str:
    return f"{server.page_of('learned')}?tab=explore"


def test_what_is_brushed_is_filtered_in_all_views(explore: str, browser: Browser) -> None:
    with visit(explore, within=browser, height=2400) as seen:
        page = seen.page
        expect(counts(page)).to_have_text(f"{TRIALS} trials")
        expect(grid(page)).to_have_attribute("aria-rowcount", str(TRIALS + 1))
        others = [figure(page, title) for title in ("One against another", "Pareto front")]
        before = [picture(each) for each in others]
        brush(page, figure(page, "All decisions"))
        expect(counts(page)).to_have_text(re.compile(rf"^\d+ of {TRIALS} trials"))
        shown = int(counts(page).inner_text().split()[0])
        assert 0 < shown < TRIALS
        expect(grid(page)).to_have_attribute("aria-rowcount", str(shown + 1))
        for each, drawn in zip(others, before, strict=True):
            expect_drawn_anew(each, drawn)
        page.get_by_role("button", name="Clear filters").click()
        expect(grid(page)).to_have_attribute("aria-rowcount", str(TRIALS + 1))


def brush(page: Page, parallel: Locator) -> None:
    """Drag along the upper half of the last axis, the objective's."""
    box = parallel.bounding_box()
    assert box is not None
    for x in range(int(box["x"] + box["width"]) - 2, int(box["x"]), -4):
        page.mouse.move(x, box["y"] + box["height"] * 0.25)
        page.mouse.down()
        page.mouse.move(x, box["y"] + box["height"] * 0.5, steps=5)
        page.mouse.up()
        if " of " in counts(page).inner_text():
            return
    raise AssertionError("no axis can be brushed")


def test_a_range_is_filtered_by_keyboard_as_well(explore: str, browser: Browser) -> None:
    with visit(explore, within=browser) as seen:
        page = seen.page
        page.locator("summary", has_text="Range").focus()
        page.keyboard.press("Enter")
        page.get_by_label("From").fill("0.1")
        page.keyboard.press("Enter")
        expect(counts(page)).to_have_text(re.compile(rf"^\d+ of {TRIALS} trials"))


def test_what_is_selected_in_a_figure_is_selected_everywhere(explore: str, browser: Browser) -> None:
    with visit(explore, within=browser, height=2400) as seen:
        page = seen.page
        expect(counts(page)).to_have_text(f"{TRIALS} trials")
        here, there = figure(page, "One against another"), figure(page, "All decisions")
        before = picture(there)
        here.focus()
        page.keyboard.press("Home")
        page.keyboard.press("Space")
        expect(counts(page)).to_have_text(f"{TRIALS} trials, 1 selected")
        expect_drawn_anew(there, before)
        expect(page).to_have_url(re.compile(r"[?&]select=\d+"))
        (selected,) = re.findall(r"select=(\d+)", page.url)
        grid(page).focus()
        rows = grid(page).locator("[role=row][aria-selected=true]")
        if rows.count() == 0:
            page.keyboard.press("Home" if int(selected) > TRIALS / 2 else "End")
        expect(rows).to_have_count(1)
        expect(rows.get_by_role("link")).to_have_text(selected)


def test_a_rectangle_selects_what_is_in_it(explore: str, browser: Browser) -> None:
    with visit(explore, within=browser, height=2400) as seen:
        page = seen.page
        box = figure(page, "One against another").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 80, box["y"] + 5)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()
        expect(counts(page)).to_have_text(re.compile(r"trials, \d+ selected"))


def test_the_table_is_walked_by_keyboard(server: Server, browser: Browser) -> None:
    with visit(f"{server.page_of('learned')}?tab=trials&sort=index", within=browser) as seen:
        page = seen.page
        grid(page).focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        rows = grid(page).locator("[role=row][aria-selected=true]")
        expect(rows.get_by_role("link")).to_have_text("1")
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Shift+ArrowDown")
        expect(rows.get_by_role("link")).to_have_text(["1", "2", "3"])
        expect(counts(page)).to_have_text(f"{TRIALS} trials, 3 selected")
        page.keyboard.press("Escape")
        expect(rows).to_have_count(0)
        page.keyboard.press("End")
        active = grid(page).get_attribute("aria-activedescendant")
        expect(page.locator(f"[id='{active}']").get_by_role("link")).to_have_text(str(TRIALS - 1))
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(rf"/trials/{TRIALS - 1}$"))
        page.go_back()
        expect(grid(page)).to_be_visible()


def test_an_address_shows_others_the_same(explore: str, browser: Browser) -> None:
    with visit(explore, within=browser) as seen:
        page = seen.page
        page.get_by_role("button", name=re.compile("^Succeeded")).click()
        page.get_by_label("Filter trials by words").fill("blocks=3")
        expect(counts(page)).to_have_text(re.compile(rf"^\d+ of {TRIALS} trials$"))
        grid(page).focus()
        page.keyboard.press("Home")
        page.keyboard.press("Space")
        page.keyboard.press("Shift+ArrowDown")
        expect(counts(page)).to_have_text(re.compile(r", 2 selected$"))
        # The address follows the selection after a while: until then, it may tell of the first trial alone.
        expect(page).to_have_url(re.compile(r"select=\d+(-|%2C)\d+"))
        said, address = counts(page).inner_text(), page.url
        rows = grid(page).locator("[role=row][aria-selected=true]").get_by_role("link").all_inner_texts()
    with visit(address, within=browser) as seen:
        expect(counts(seen.page)).to_have_text(said)
        expect(grid(seen.page).locator("[role=row][aria-selected=true]").get_by_role("link")).to_have_text(rows)
        expect(seen.page.get_by_label("Filter trials by words")).to_have_value("blocks=3")


def test_the_way_back_leads_to_what_was_seen_before(server: Server, browser: Browser) -> None:
    with visit(server.at(), within=browser) as seen:
        page = seen.page
        page.get_by_role("link", name="learned", exact=True).click()
        page.get_by_role("link", name="Trials", exact=True).click()
        expect(grid(page)).to_be_visible()
        page.go_back()
        expect(page.get_by_role("heading", name="Course")).to_be_visible()
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text("Searches")


def test_the_lineage_of_a_trial_is_walked_by_keyboard(server: Server, browser: Browser) -> None:
    with visit(server.page_of("learned", trial=20), within=browser) as seen:
        page = seen.page
        tree = page.get_by_role("tree")
        itself = tree.locator("[data-trial='20']")
        itself.focus()
        page.keyboard.press("ArrowLeft")
        parent = tree.locator("[role=treeitem]:focus")
        expect(parent).not_to_have_attribute("data-trial", "20")
        expect(parent).to_have_accessible_name(re.compile("^trial .* origin "))
        index = parent.get_attribute("data-trial")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Trial {index}")


def test_a_front_is_followed_from_its_drawing_to_the_table_and_to_a_trial(server: Server, browser: Browser) -> None:
    front = server.get(f"/api/v1/searches/{server.id_of('three')}")["front"]
    with visit(f"{server.page_of('three')}?up=energy_mj&across=accuracy", within=browser, height=1600) as seen:
        page = seen.page
        drawing = figure(page, "Front")
        expect(drawing).to_have_accessible_name(
            re.compile(rf"^energy_mj against accuracy\. {front['size']} trials are")
        )
        expect(figure(page, "Hypervolume")).to_have_accessible_name(re.compile("^hypervolume over results"))
        page.get_by_label("Vertical").select_option("latency_ms")
        expect(page).to_have_url(re.compile("up=latency_ms"))
        expect(drawing).to_have_accessible_name(re.compile("^latency_ms against accuracy"))
        drawing.focus()
        page.keyboard.press("End")
        page.keyboard.press("Space")
        expect(page).to_have_url(re.compile(r"select=\d+"))
        page.get_by_role("link", name="All in the table").click()
        expect(counts(page)).to_have_text(f"{front['size']} of 90 trials, 1 selected")
        page.get_by_role("columnheader", name="latency_ms").click()
        expect(page).to_have_url(re.compile("sort=-?objective%3Alatency_ms"))
        best = grid(page).get_by_role("row").nth(1).get_by_role("link")
        index = best.inner_text()
        best.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Trial {index}")
        expect(page.get_by_text("on it", exact=True)).to_be_visible()
