"""The page of `evonas ui` for tests that need it built. `make test` has built it; a test alone does so itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

from building import page
from harness import cache
from harness.errors import Unavailable


def build() -> Path:
    """Return the folder of the page, built by whoever comes first; Unavailable where that is impossible."""
    with cache.locked("page"):
        try:
            page.build()
        except subprocess.CalledProcessError as error:
            raise Unavailable(
                f"the page could not be built (is a registry of npm packages in reach?): {error}"
            ) from error
    return page.STATIC
