"""One real node with the images, JobSet and the operator in it, for all end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness import images
from harness.client import Cluster
from harness.fixtures import running_or_skipped, skipping
from tests import built_page
from tests.e2e.installed import install, restricted_namespace


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    with running_or_skipped("node", "jobset") as started:
        with skipping():
            # Images are then built without npm, and are of the page of this checkout.
            built_page.build()
        images.build()
        images.load(started.instance)
        install(started)
        yield started


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    with restricted_namespace(cluster) as name:
        yield name
