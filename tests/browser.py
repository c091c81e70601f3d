"""A real browser for pages that people read: Debian's Chromium, driven by Playwright, without a network.

Files are opened offline; an address may be of this machine only, and nothing else can be reached from its page.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Dialog, Page, Response, sync_playwright

LOOPBACK = "127.0.0.1"
BLANK = "about:blank"
"""Where a page waits until it is sent elsewhere."""


@dataclass
class Visit:
    """A page that was opened, and what happened meanwhile."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Console messages and uncaught errors."""
    requests: list[str] = field(default_factory=list)
    """All that was asked for beside the page itself."""
    dialogs: list[str] = field(default_factory=list)
    """Windows that a script opened, with what they said."""
    responses: list[Response] = field(default_factory=list)


@contextmanager
def chromium(arguments: Sequence[str] = ()) -> Iterator[Browser]:
    """Start Chromium, which reaches loopback at most; skips where this machine has none."""
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("EVONAS_REQUIRE_ALL") == "1":
            raise AssertionError("Chromium is missing; on Debian: apt-get install chromium")
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        # Its own sandbox does not work for root, and the page is ours.
        closed = ["--no-sandbox", f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {LOOPBACK}"]
        browser = playwright.chromium.launch(executable_path=program, args=[*closed, *arguments])
        yield browser
        browser.close()


@contextmanager
def visit(
    target: Path | str,
    *,
    width: int = 1200,
    height: int = 900,
    dark: bool = False,
    within: Browser | None = None,
) -> Iterator[Visit]:
    """Open a file, or an address on loopback, in a window of that size; in a browser of its own unless one is given."""
    if within is None:
        with chromium() as browser, visit(target, width=width, height=height, dark=dark, within=browser) as found:
            yield found
        return
    if isinstance(target, str) and target != BLANK and urlsplit(target).hostname != LOOPBACK:
        raise AssertionError(f"tests open pages of this machine only, not {target}")
    address = target if isinstance(target, str) else target.absolute().as_uri()
    context = within.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        offline=isinstance(target, Path),
    )
    found = Visit(context.new_page())
    listen(found, address)
    found.page.goto(address)
    yield found
    context.close()


def listen(found: Visit, address: str = "") -> None:
    """Note what happens on a page from now on; that its ``address`` is asked for need not be noted."""

    def opened(dialog: Dialog) -> None:
        found.dialogs.append(dialog.message)
        dialog.dismiss()

    # Playwright marks what it calls, which methods of lists cannot be.
    def answered(response: Response) -> None:
        found.responses.append(response)

    found.page.on("console", lambda message: found.complaints.append(message.text))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.on("request", lambda request: found.requests.append(request.url) if request.url != address else None)
    found.page.on("response", answered)
    found.page.on("dialog", opened)
