"""The page in Chromium: until it means something, and how evenly it moves."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import BLANK, visit

FRAME = 1000 / 60

# Meaningful: the state, the best value, and the course with its axes and the line of the best so far, which are strokes
# on two canvases. The frame after that is the first that a person sees.
MEANINGFUL = """
const struck = new WeakSet();
const stroke = CanvasRenderingContext2D.prototype.stroke;
CanvasRenderingContext2D.prototype.stroke = function (...path) {
  struck.add(this.canvas);
  return stroke.apply(this, path);
};
window.meaningful = new Promise(done => {
  const look = () => {
    const state = document.querySelector('h1 + .mark')?.textContent;
    const best = document.querySelector('.facts .figure')?.textContent;
    const course = document.querySelector('.figure[aria-label*=" over results"]');
    const lines = course ? [...course.querySelectorAll('canvas')].filter(each => struck.has(each)) : [];
    if (state && best && lines.length >= 2) requestAnimationFrame(() => done(performance.now()));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
"""
DELTAS = """
() => {
  window.deltas = [];
  let last = performance.now();
  const note = now => { window.deltas.push(now - last); last = now; window.noting = requestAnimationFrame(note); };
  window.noting = requestAnimationFrame(note);
}
"""


def first_pages(browser: Browser, address: str, loads: int) -> list[float]:
    """Return the seconds of so many loads with empty caches, from the click to a page that means something."""
    found = []
    for _ in range(loads):
        with visit(BLANK, within=browser) as seen:
            seen.page.add_init_script(MEANINGFUL)
            seen.page.goto(address, wait_until="commit")
            found.append(seen.page.evaluate("window.meaningful") / 1000)
    return found


def scrolled(browser: Browser, address: str) -> list[float]:
    """Return the milliseconds of each frame while the table of trials is scrolled by wheel."""
    with visit(f"{address}?tab=trials", within=browser) as seen:
        page = seen.page
        grid = page.get_by_role("grid", name="Trials")
        expect(grid).to_be_visible()
        _centre(page, grid)
        return _frames(page, lambda: _wheel(page, 300))


def brushed(browser: Browser, address: str) -> list[float]:
    """Return the milliseconds of each frame while a range is drawn along an axis, in a window of 1200 x 900."""
    with visit(f"{address}?tab=explore", within=browser, height=900) as seen:
        page = seen.page
        counts = page.locator(".filters .counts")
        expect(counts).to_contain_text("trials")
        box = page.get_by_role("region", name="All decisions").locator(".figure").first.bounding_box()
        assert box is not None
        # The axis of the objective's value, the last one, is found by trying.
        for x in range(int(box["x"] + box["width"]) - 2, int(box["x"]), -4):
            page.mouse.move(x, box["y"] + box["height"] * 0.3)
            page.mouse.down()
            page.mouse.move(x, box["y"] + box["height"] * 0.4, steps=3)
            if " of " in counts.inner_text():
                break
            page.mouse.up()

        def drag() -> None:
            for step in range(240):
                share = 0.3 + 0.5 * abs((step % 120) / 60 - 1)
                page.mouse.move(x, box["y"] + box["height"] * share)

        return _frames(page, drag)


def _centre(page: Page, element: Locator) -> None:
    box = element.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def _wheel(page: Page, times: int) -> None:
    for _ in range(times):
        page.mouse.wheel(0, 240)


def _frames(page: Page, act: object) -> list[float]:
    assert callable(act)
    page.evaluate(DELTAS)
    act()
    found: list[float] = page.evaluate("() => { cancelAnimationFrame(window.noting); return window.deltas; }")
    return found[1:]


def percentile(values: Sequence[float], share: int) -> float:
    """Return the value below which so many of a hundred are."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]
