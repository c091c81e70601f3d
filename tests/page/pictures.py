"""Takes the pictures of the live page for its documentation, of real searches: ``python -m tests.page.pictures``.

Two seeds of a search of CNNs on digits, one with two objectives, and another one under way: minutes. ``--front`` takes
those of the two objectives alone.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from evonas.local.journal import JOURNAL_FILE, read_journal
from harness.waiting import wait_for
from tests import built_page
from tests.browser import chromium
from tests.page.conftest import serving
from tests.page.views import settle

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1280, 800
TRIALS, UNDER_WAY = 36, 22
QUALITY = 82
HOURS = 3600.0


def main() -> None:
    """Run the searches, and take the pictures while the last one goes on."""
    built_page.build()
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _run(folder, "digits-front", 7, "digits-front") as process:
            process.wait(HOURS)
        if sys.argv[1:] == ["--front"]:
            with serving(folder, "--runs", "runs") as server, chromium() as browser:
                _take(_window(browser), server.page_of("digits-front"), "ui-front")
            return
        for seed in (7, 8):
            with _run(folder, f"digits-{seed}", seed) as process:
                process.wait(HOURS)
        with _run(folder, "digits-wide", 9), serving(folder, "--runs", "runs") as server, chromium() as browser:
            journal = folder / "runs" / "digits-wide" / JOURNAL_FILE
            wait_for("some trials", lambda: journal.exists() and _ended(journal) >= UNDER_WAY, timeout=HOURS)
            page = _window(browser)
            best = server.get(f"/api/v1/searches/{server.id_of('digits-7')}")["summary"]["best"]["index"]
            ids = [server.id_of(name) for name in ("digits-7", "digits-8", "digits-wide")]
            _take(page, server.page_of("digits-wide"), "ui-search")
            _take(page, server.at(), "ui-searches")
            _take(page, server.page_of("digits-front"), "ui-front")
            _take(page, f"{server.page_of('digits-7')}?tab=explore", "ui-explore")
            _take(page, server.page_of("digits-7", trial=best), "ui-trial")
            _take(page, server.at(f"/compare?{'&'.join(f'id={id}' for id in ids)}"), "ui-comparison")


def _window(browser: Browser) -> Page:
    size: ViewportSize = {"width": WIDTH, "height": HEIGHT}
    return browser.new_context(viewport=size, color_scheme="light", device_scale_factor=1.25).new_page()


def _ended(journal: Path) -> int:
    return sum(trial.state.is_final for trial in read_journal(journal)[1])


@contextmanager
def _run(folder: Path, name: str, seed: int, example: str = "digits-rungs") -> Iterator[subprocess.Popen[bytes]]:
    body: dict[str, Any] = yaml.safe_load((ROOT / "examples" / f"{example}.yaml").read_text())
    body["metadata"] = {"name": name, "labels": {"team": "vision"}}
    body["spec"]["agent"]["seed"] = seed
    body["spec"]["budget"]["maxTrials"] = TRIALS
    manifest = folder / f"{name}.yaml"
    manifest.write_text(yaml.safe_dump(body, sort_keys=False))
    with (folder / f"{name}.log").open("wb") as log:
        command = [sys.executable, "-m", "evonas", "run", manifest.name]
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=os.environ)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait()


def _take(page: Page, address: str, name: str) -> None:
    page.goto(address)
    settle(page)
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    with Image.open(io.BytesIO(page.screenshot())) as taken:
        taken.convert("RGB").save(FOLDER / f"{name}.webp", quality=QUALITY, method=6)
    print(f"{name}.webp, {(FOLDER / f'{name}.webp').stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
