"""What the tests of the package have in common: its two distributions, built once a worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.fixtures import skipping
from tests import built_page
from tests.packaging.environments import ROOT, Bare, uv


@dataclass(frozen=True)
class Distributions:
    """The files that an index would have."""

    sdist: Path
    wheel: Path
    """Built of the source distribution."""


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Build both; skips where no package index can be reached."""
    folder = tmp_path_factory.mktemp("distributions")
    with skipping():
        built_page.build()
        uv("build", "--quiet", "--out-dir", folder, ROOT)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Distributions(sdist, wheel)


@pytest.fixture(scope="session")
def bare(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """The package without any extra, on the Python of the tests."""
    with skipping():
        return Bare.create(tmp_path_factory.mktemp("bare") / "env", distributions.wheel)
