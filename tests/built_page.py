"""The page of `evonas ui` for tests that need it built. `make test` has built it; a test alone does so itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from building import page
from harness import cache
from harness.errors import Unavailable


def build() -> Path:
    """Return the folder of the page, built by whoever comes first; Unavailable where that is impossible."""
    with _alone():
        page.build()
    return page.STATIC


def install() -> None:
    """Install the packages of the page, if they are not there; Unavailable where that is impossible."""
    with _alone():
        page.install()


@contextmanager
def _alone() -> Iterator[None]:
    with cache.locked("page"):
        try:
            yield
        except subprocess.CalledProcessError as error:
            raise Unavailable(
                f"the page could not be built (is a registry of npm packages in reach?): {error}"
            ) from error
