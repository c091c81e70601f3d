"""Registers the fixtures that several folders use; how much Hypothesis may try; on how many threads; who runs what."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import share
from tests.scheduling import Scheduling
from tests.tier import examples

pytest_plugins = ["harness.fixtures"]

# Read when NumPy and PyTorch are imported, here and in what tests start. Where something else is at work, threads that
# share a small product spend their time waiting for each other: it takes five to twenty times as much of a processor.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is not a failure of the code: nothing is timed here, bench/ shows speed.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=examples(100)
)
settings.load_profile("untimed")


def pytest_report_header() -> str:
    """Say which part of the exhaustive tier this run takes."""
    return str(share.present())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Keep together what one worker must run."""
    return Scheduling(config, log)
