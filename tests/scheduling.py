"""Which tests one worker of pytest-xdist keeps to itself: those of a file, and all that use one installed release.

There are more workers than cores (see the Makefile): tests of clusters mostly wait, for leases, watches and pods.
"""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/chart/", "tests/e2e/")
"""Folders whose tests install, change and remove the release of one cluster: one after the other."""


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Hands out files, and those of some folders together; in the order of ``testpaths``."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])
