"""The page of `evonas ui` for tests that need it built. `make test` has built it; a test alone does so itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

from building import page
from harness import cache
from harness.errors import Unavailable


def build() -> Path:
    """Return the folder of the page, built by whoever comes first; Unavailable where that is impossible.

    The packages that the page's own tests use are installed then, too.
    """
    with cache.locked("page"):
        try:
            page.install()
            page.build()
        except subprocess.CalledProcessError as error:
            hint = "is a registry of npm packages in reach?"
            raise Unavailable(f"the page could not be built ({hint}): {error}") from error
    return page.STATIC
