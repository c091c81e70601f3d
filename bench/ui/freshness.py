"""From the end of a trial's program until its row is on the page."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, expect

from harness.waiting import wait_for
from tests.browser import visit
from tests.page.searches import running
from tests.page.serving import Server

NOTE = """
() => {
  window.shown = {};
  const look = () => {
    const rows = document.querySelectorAll('[aria-label="Trials that ended last"] tbody tr');
    for (const row of rows) window.shown[row.querySelector('a').textContent] ??= Date.now() / 1000;
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
}
"""


def delays(folder: Path, server: Server, browser: Browser, trials: int) -> list[float]:
    """Return the seconds for each trial of a local run; its program has ended when its report is there."""
    found = []
    with running(folder, "timed", trials + 2) as run, visit(server.page_of("timed"), within=browser) as seen:
        expect(seen.page.get_by_role("region", name="Running trials", exact=True)).to_be_visible()
        seen.page.evaluate(NOTE)
        for index in range(trials):
            report = run.folder / "trials" / f"{index:05d}" / "attempt-1" / "report.json"
            run.let_go(index)
            wait_for("the report", report.exists, interval=0.001)
            ended = report.stat().st_mtime
            look = partial(seen.page.evaluate, f"window.shown['trial {index}']")
            shown = wait_for("the trial on the page", look, interval=0.02)
            found.append(float(shown) - ended)
            # Not in step with anything that is looked at once a second.
            time.sleep(0.37)
        run.let_all_go()
    return found
