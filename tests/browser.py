"""A real browser for pages that people read: Debian's Chromium, driven by Playwright, without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright


@dataclass
class Visit:
    """A page that was opened, and what happened meanwhile."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Console messages and uncaught errors."""
    requests: list[str] = field(default_factory=list)
    """All that was asked for beside the page itself."""


@contextmanager
def visit(file: Path, *, width: int = 1200, dark: bool = False) -> Iterator[Visit]:
    """Open a file in a window of that width; skips where this machine has no Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("EVONAS_REQUIRE_ALL") == "1":
            raise AssertionError("Chromium is missing; on Debian: apt-get install chromium")
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        # Its own sandbox does not work for root, and the page is ours.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", offline=True
        )
        found = Visit(context.new_page())
        address = file.absolute().as_uri()
        found.page.on("console", lambda message: found.complaints.append(message.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("request", lambda request: found.requests.append(request.url) if request.url != address else None)
        found.page.goto(address)
        yield found
        browser.close()
